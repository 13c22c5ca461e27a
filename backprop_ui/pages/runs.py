"""The Runs page: every run from any door, live."""

from __future__ import annotations

import reflex as rx

from backprop_ui.components.empty_state import empty_state
from backprop_ui.components.sparkline import sparkline
from backprop_ui.components.status_badge import status_badge
from backprop_ui.layout import page
from backprop_ui.state.runs import EVERY_STATUS, RunsState
from backprop_ui.views import Row
from backprop_ui.wording import STATUS_WORDS

COLUMNS = ("Run", "Status", "Loss", "", "Step", "Duration", "Started", "From")


def runs() -> rx.Component:
    return page(
        "Runs",
        "Everything this computer has trained or is training, whether it began on this page, "
        "on the command line or in Python.",
        rx.cond(
            RunsState.loaded,
            rx.cond(
                (RunsState.total == 0) & (RunsState.status == EVERY_STATUS), _nothing(), _list()
            ),
            rx.el.div(class_name="bp-wait", custom_attrs={"aria-busy": "true"}),
        ),
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        empty_state(
            "chart-spline",
            "No runs yet",
            "A run appears here as soon as one begins. Start the first one with the starter "
            "model and a small file: it takes a minute or two.",
            rx.link(rx.button("Fine-tune a model", size="3"), href="/"),
        ),
        class_name="bp-card",
    )


def _list() -> rx.Component:
    return rx.fragment(
        rx.el.div(_filter(), _pages(), class_name="bp-bar"),
        rx.cond(RunsState.total > 0, _table(), _no_match()),
    )


def _filter() -> rx.Component:
    options = [("All runs", EVERY_STATUS), *((word, key) for key, word in STATUS_WORDS.items())]
    return rx.el.div(
        rx.el.label("Status", html_for="status-filter", class_name="bp-hidden"),
        rx.el.select(
            *[rx.el.option(word, value=key) for word, key in options],
            id="status-filter",
            value=RunsState.status,
            on_change=RunsState.filter_by,
            class_name="bp-input",
        ),
    )


def _pages() -> rx.Component:
    return rx.flex(
        rx.el.span(RunsState.place, class_name="bp-quiet"),
        _turn("chevron-left", "Newer runs", -1, ~RunsState.has_earlier),
        _turn("chevron-right", "Older runs", 1, ~RunsState.has_later),
        align="center",
        spacing="3",
    )


def _turn(icon: str, label: str, pages: int, disabled: rx.Var[bool]) -> rx.Component:
    return rx.icon_button(
        rx.icon(icon, size=16),
        on_click=RunsState.turn(pages),
        disabled=disabled,
        variant="soft",
        color_scheme="gray",
        size="2",
        custom_attrs={"aria-label": label},
    )


def _no_match() -> rx.Component:
    return rx.el.div(
        empty_state("list-filter", "No run has this status", "Choose another one above."),
        class_name="bp-card",
    )


def _table() -> rx.Component:
    head = rx.el.tr(
        *[
            rx.el.th(name or rx.el.span("Curve", class_name="bp-hidden"), scope="col")
            for name in COLUMNS
        ]
    )
    return rx.el.div(
        rx.el.table(
            rx.el.thead(head),
            rx.el.tbody(rx.foreach(RunsState.rows, _row)),
            class_name="bp-table",
            custom_attrs={"aria-label": "Runs, newest first"},
        ),
        class_name="bp-table-box",
    )


def _row(row: rx.Var[Row]) -> rx.Component:
    """Live runs take their changing cells from `live`, so that the list is not sent again."""
    live = RunsState.live[row.id]
    is_live = RunsState.live.contains(row.id)

    def now(name: str) -> rx.Var[str]:
        return rx.cond(is_live, getattr(live, name), getattr(row, name))

    wide = {"data-wide": "true"}
    return rx.el.tr(
        rx.el.td(
            rx.link(row.title, href=f"/runs/{row.id}", class_name="bp-row-link", underline="none"),
            rx.el.span(row.id, class_name="bp-sub"),
        ),
        rx.el.td(
            status_badge(now("status"), now("status_words")),
            custom_attrs={"data-right": "true"},
        ),
        rx.el.td(now("loss"), custom_attrs={"data-label": "Loss"}),
        rx.el.td(sparkline(now("spark"), "Loss over the run"), custom_attrs={"data-right": "true"}),
        rx.el.td(now("progress"), custom_attrs=wide),
        rx.el.td(now("duration"), custom_attrs=wide),
        rx.el.td(row.created, custom_attrs=wide),
        rx.el.td(row.origin, custom_attrs=wide),
        key=row.id,
    )
