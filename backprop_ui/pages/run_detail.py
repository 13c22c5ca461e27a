"""The page of one run: how it goes, what happened, and what may be done with it."""

from __future__ import annotations

import reflex as rx

from backprop_ui.components.command_box import command_box
from backprop_ui.components.confirm_dialog import confirm_dialog
from backprop_ui.components.empty_state import empty_state
from backprop_ui.components.event_list import event_list
from backprop_ui.components.log_view import log_view
from backprop_ui.components.loss_chart import loss_chart
from backprop_ui.components.metric_tile import metric_tile, metric_tiles
from backprop_ui.components.problem_card import problem_card
from backprop_ui.components.sparkline import sparkline
from backprop_ui.components.status_badge import status_badge
from backprop_ui.layout import frame
from backprop_ui.state.run_detail import RunState
from backprop_ui.views import Gauge, Line


def run_detail() -> rx.Component:
    return frame(
        rx.link("← All runs", href="/runs", class_name="bp-crumb", underline="none"),
        rx.cond(
            RunState.not_found,
            _not_found(),
            rx.cond(RunState.found, _run(), rx.el.div(class_name="bp-wait", margin_top="20px")),
        ),
    )


def _not_found() -> rx.Component:
    return rx.el.div(
        empty_state(
            "search-x",
            "There is no such run",
            "It may have been deleted, or the address has a typing error.",
            rx.link(rx.button("See all runs", size="3"), href="/runs"),
        ),
        class_name="bp-card",
        margin_top="20px",
    )


def _run() -> rx.Component:
    return rx.fragment(
        _head(),
        problem_card(RunState.refusal),
        problem_card(RunState.failure),
        _progress(),
        _tiles(),
        rx.el.div(
            rx.el.div(_curve(), _result(), _records()),
            rx.el.div(_machine(), _events(), _commands()),
            class_name="bp-run-grid",
        ),
    )


def _head() -> rx.Component:
    head = RunState.head
    return rx.el.header(
        rx.el.div(
            rx.el.div(
                rx.el.h1(head.title, class_name="bp-title"),
                rx.el.span(status_badge(head.status, head.status_words), role="status"),
                class_name="bp-run-title",
            ),
            rx.el.p(head.facts, class_name="bp-quiet", margin_top="6px"),
            rx.cond(head.reason != "", rx.el.p(head.reason, class_name="bp-quiet")),
        ),
        _actions(),
        class_name="bp-run-head",
    )


def _actions() -> rx.Component:
    head = RunState.head
    return rx.el.div(
        rx.cond(
            head.requested != "",
            rx.badge(f"Asked to {head.requested}", size="3", color_scheme="gray"),
        ),
        rx.cond(head.can_pause, _button("Pause", "pause", RunState.pause)),
        rx.cond(head.can_resume, _button("Resume", "play", RunState.resume)),
        rx.cond(head.can_stop, _button("Stop and save", "square", RunState.stop, "red")),
        rx.link(
            rx.button(
                rx.icon("copy-plus", size=15),
                "New run from this one",
                variant="soft",
                color_scheme="gray",
            ),
            href=f"/?from={head.id}",
        ),
        rx.cond(head.can_delete, _delete()),
        class_name="bp-actions",
    )


def _button(label: str, icon: str, on_click: rx.EventHandler, colour: str = "gray") -> rx.Component:
    return rx.button(
        rx.icon(icon, size=15), label, on_click=on_click, variant="soft", color_scheme=colour
    )


def _delete() -> rx.Component:
    return confirm_dialog(
        rx.button(rx.icon("trash-2", size=15), "Delete", variant="soft", color_scheme="red"),
        "Delete this run?",
        "Its checkpoints, its adapter and its log are removed from the disk. "
        "This cannot be undone.",
        "Delete the run",
        RunState.delete,
    )


def _progress() -> rx.Component:
    return rx.el.div(
        rx.el.div(width=f"{RunState.now.percent}%"),
        class_name="bp-progress",
        role="progressbar",
        custom_attrs={
            "aria-label": "Steps done",
            "aria-valuenow": RunState.now.percent,
            "aria-valuemin": 0,
            "aria-valuemax": 100,
            "data-status": RunState.head.status,
        },
    )


def _tiles() -> rx.Component:
    now = RunState.now
    return metric_tiles(
        metric_tile("Loss", now.loss),
        metric_tile("Eval loss", now.eval_loss, note=now.best),
        metric_tile("Step", now.step),
        metric_tile(
            rx.cond(RunState.head.is_live, "Time left", "Duration"),
            rx.cond(RunState.head.is_live, now.eta, now.elapsed),
            note=rx.cond(RunState.head.is_live, f"{now.elapsed} so far", ""),
        ),
        metric_tile("Speed", now.speed, unit="tokens/s"),
        metric_tile("Learning rate", now.rate),
    )


def _card(title: str, *children: rx.Component) -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2(title, class_name="bp-h2"), class_name="bp-card-head"),
        *children,
        class_name="bp-card",
        custom_attrs={"aria-label": title},
    )


def _curve() -> rx.Component:
    chart = loss_chart(
        run=RunState.head.id, revision=RunState.revision, tail=RunState.tail, height=340
    )
    return _card("Loss", chart)


def _result() -> rx.Component:
    head = RunState.head
    return rx.cond(
        head.adapter != "",
        _card(
            "Result",
            rx.el.div(
                rx.el.div(
                    rx.el.p("The adapter lies here:", class_name="bp-quiet"),
                    command_box(head.adapter, "path"),
                    class_name="bp-result-row",
                ),
                rx.el.div(
                    rx.el.p("Take it elsewhere with:", class_name="bp-quiet"),
                    command_box(head.export_command),
                    class_name="bp-result-row",
                ),
                class_name="bp-result",
            ),
        ),
    )


def _records() -> rx.Component:
    run_id = RunState.head.id
    return rx.el.section(
        rx.tabs.root(
            rx.tabs.list(
                rx.tabs.trigger("Log", value="log"), rx.tabs.trigger("Settings", value="settings")
            ),
            rx.tabs.content(
                log_view(run=run_id, live=RunState.head.is_live), value="log", padding_top="16px"
            ),
            rx.tabs.content(
                rx.el.dl(rx.foreach(RunState.config, _line), class_name="bp-config"),
                value="settings",
                padding_top="8px",
            ),
            default_value="log",
        ),
        class_name="bp-card",
        custom_attrs={"aria-label": "Log and settings"},
    )


def _line(line: rx.Var[Line]) -> rx.Component:
    return rx.el.div(rx.el.dt(line.label), rx.el.dd(line.value))


def _machine() -> rx.Component:
    return rx.cond(
        RunState.gauges.length() > 0,
        _card("This computer", rx.foreach(RunState.gauges, _gauge)),
    )


def _gauge(gauge: rx.Var[Gauge]) -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.el.span(gauge.label), rx.el.b(gauge.value)),
        sparkline(gauge.spark, f"{gauge.label} over the last two minutes"),
        class_name="bp-gauge",
    )


def _events() -> rx.Component:
    return _card("Events", event_list(run=RunState.head.id, seq=RunState.note_seq))


def _commands() -> rx.Component:
    head = RunState.head
    return rx.el.section(
        rx.el.div(rx.el.h2("The same as a command", class_name="bp-h2"), class_name="bp-card-head"),
        rx.el.div(
            rx.cond(head.command != "", command_box(head.command)),
            rx.cond(head.resume_command != "", command_box(head.resume_command)),
            rx.cond(
                head.is_foreign,
                rx.el.p(
                    "This run lies outside the page's folder: resume and export it with its "
                    "commands.",
                    class_name="bp-quiet",
                ),
            ),
            class_name="bp-result",
        ),
        class_name="bp-card",
        custom_attrs={"aria-label": "Commands"},
    )
