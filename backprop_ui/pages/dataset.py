"""The Dataset page: what is in a file of examples, before a step is spent on it."""

from __future__ import annotations

from typing import get_args

import reflex as rx

from backprop_ui.components.chat_row import chat_row
from backprop_ui.components.command_box import command_box
from backprop_ui.components.empty_state import empty_state
from backprop_ui.components.field import error_line, path_field
from backprop_ui.components.file_drop import file_drop
from backprop_ui.components.histogram import histogram, share_bar
from backprop_ui.components.problem_card import problem_card
from backprop_ui.components.token_row import token_legend, token_row
from backprop_ui.data_views import Note
from backprop_ui.layout import page
from backprop_ui.recipe_form import FILTERS, Filter
from backprop_ui.state.dataset import MAPPED_ROLES, DatasetState
from backprop_ui.views import Line
from engine.config import DataFormat

TABS = (
    ("rows", "Rows"),
    ("problems", "Problems"),
    ("report", "Report"),
    ("xray", "Token X-ray"),
    ("filters", "Filters"),
)


def dataset() -> rx.Component:
    return page(
        "Look at your data",
        "See what is in a file, what is wrong with it, and exactly which words a model would "
        "learn from it. The file itself is never changed.",
        rx.cond(DatasetState.path != "", _loaded(), _choose()),
    )


def _choose() -> rx.Component:
    return rx.el.section(
        problem_card(DatasetState.problem),
        file_drop(
            accept=".jsonl,.json,.csv,.tsv,.parquet,.arrow,.txt,.md,.gz,.zst",
            on_stored=DatasetState.take_upload,
        ),
        rx.el.div("or", class_name="bp-or"),
        rx.el.form(
            path_field(
                "Path on this computer",
                "data-path",
                "/data/chats.jsonl",
                DatasetState.path_text,
                DatasetState.type_path,
            ),
            rx.button("Open", type="submit", size="2", variant="soft"),
            on_submit=DatasetState.open_path,
            class_name="bp-path-form",
        ),
        rx.cond(DatasetState.saved.length() > 0, _saved()),
        class_name="bp-card",
        custom_attrs={"aria-label": "Choose a file"},
    )


def _saved() -> rx.Component:
    return rx.el.div(
        rx.el.h2("Saved data sets", class_name="bp-h2"),
        rx.el.div(
            rx.foreach(
                DatasetState.saved,
                lambda name: rx.button(
                    name, on_click=DatasetState.choose_saved(name), variant="soft", size="2"
                ),
            ),
            class_name="bp-actions",
        ),
        class_name="bp-saved",
    )


def _loaded() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            problem_card(DatasetState.problem),
            rx.tabs.root(
                rx.tabs.list(
                    *[rx.tabs.trigger(label, value=value) for value, label in TABS],
                    class_name="bp-tabs",
                ),
                rx.tabs.content(_rows(), value="rows"),
                rx.tabs.content(_problems(), value="problems"),
                rx.tabs.content(_report(), value="report"),
                rx.tabs.content(_xray(), value="xray"),
                rx.tabs.content(_filters(), value="filters"),
                value=DatasetState.tab,
                on_change=DatasetState.show_tab,
            ),
            class_name="bp-card",
            custom_attrs={"aria-busy": rx.cond(DatasetState.busy != "", "true", "false")},
        ),
        rx.el.aside(
            _about(),
            _save(),
            _command(),
            class_name="bp-aside",
            custom_attrs={"aria-label": "File"},
        ),
        class_name="bp-split",
    )


def _rows() -> rx.Component:
    switch = rx.segmented_control.root(
        rx.segmented_control.item("Chats", value="chats"),
        rx.segmented_control.item("Raw", value="raw"),
        value=rx.cond(DatasetState.raw, "raw", "chats"),
        on_change=DatasetState.show_raw,
        size="1",
        custom_attrs={"aria-label": "How rows are shown"},
    )
    return rx.fragment(
        rx.el.div(
            rx.el.div(
                rx.el.label("Search in the rows", html_for="row-search", class_name="bp-hidden"),
                rx.el.input(
                    id="row-search",
                    type="search",
                    placeholder="Search in the rows",
                    on_change=DatasetState.search_for.debounce(400),
                    class_name="bp-input",
                    key=DatasetState.path,
                ),
            ),
            rx.flex(
                switch,
                rx.el.span(DatasetState.place, class_name="bp-quiet", role="status"),
                _turn(
                    "chevron-left", "Earlier rows", DatasetState.turn(-1), DatasetState.page == 0
                ),
                _turn("chevron-right", "Later rows", DatasetState.turn(1), ~DatasetState.has_later),
                align="center",
                spacing="3",
                wrap="wrap",
            ),
            class_name="bp-bar",
        ),
        rx.cond(
            (DatasetState.rows.length() == 0) & (DatasetState.busy == ""),
            empty_state("search-x", "No row has this", "Search for something else."),
            rx.el.ol(
                rx.foreach(DatasetState.rows, lambda row: chat_row(row, DatasetState.raw)),
                class_name="bp-data-rows",
                custom_attrs={"aria-label": "Rows"},
            ),
        ),
    )


def _turn(icon: str, label: str, on_click: rx.EventSpec, disabled: rx.Var[bool]) -> rx.Component:
    return rx.icon_button(
        rx.icon(icon, size=16),
        on_click=on_click,
        disabled=disabled,
        variant="soft",
        color_scheme="gray",
        size="2",
        custom_attrs={"aria-label": label},
    )


def _problems() -> rx.Component:
    return rx.fragment(
        _waiting("problems", "Looking at every row …"),
        rx.el.p(DatasetState.bad_words, class_name="bp-verdict", role="status"),
        rx.el.ul(rx.foreach(DatasetState.bad, _note), class_name="bp-notes"),
    )


def _note(note: rx.Var[Note]) -> rx.Component:
    return rx.el.li(
        rx.el.b(note.title),
        rx.el.span(note.words),
        custom_attrs={"data-serious": note.serious.to_string()},
    )


def _report() -> rx.Component:
    report = DatasetState.report
    return rx.fragment(
        _tokenizer_choice(),
        _waiting("report", "Measuring the rows …"),
        rx.el.dl(rx.foreach(report.tiles, _tile), class_name="bp-tiles bp-tiles-free"),
        rx.el.div(rx.foreach(report.charts, histogram), class_name="bp-charts"),
        rx.cond(
            report.languages.length() > 0,
            rx.el.div(
                rx.el.h2("Languages", class_name="bp-h2"),
                rx.el.ul(rx.foreach(report.languages, share_bar), class_name="bp-shares"),
            ),
        ),
        rx.el.ul(rx.foreach(report.notes, _note), class_name="bp-notes"),
    )


def _tile(line: rx.Var[Line]) -> rx.Component:
    return rx.el.div(rx.el.dt(line.label), rx.el.dd(line.value), class_name="bp-tile")


def _xray() -> rx.Component:
    return rx.fragment(
        _tokenizer_choice(),
        token_legend(),
        rx.flex(
            _turn("chevron-left", "Earlier examples", DatasetState.turn_xray(-1),
                  DatasetState.first == 0),
            _turn("chevron-right", "Later examples", DatasetState.turn_xray(1),
                  DatasetState.tokens.length() == 0),
            spacing="3",
        ),
        _waiting("xray", "Preparing the rows as the trainer does …"),
        rx.el.ol(
            rx.foreach(DatasetState.tokens, token_row),
            class_name="bp-data-rows",
            custom_attrs={"aria-label": "Examples, token by token"},
        ),
    )  # fmt: skip


def _tokenizer_choice() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.label("For the model", html_for="data-model", class_name="bp-label"),
            rx.el.select(
                rx.foreach(DatasetState.models, lambda name: rx.el.option(name, value=name)),
                id="data-model",
                value=DatasetState.model,
                on_change=DatasetState.choose_model,
                class_name="bp-input",
            ),
            class_name="bp-field",
        ),
        rx.el.div(
            rx.el.label("Max length in tokens", html_for="data-length", class_name="bp-label"),
            rx.el.input(
                id="data-length",
                value=DatasetState.max_length,
                on_change=DatasetState.choose_max_length,
                input_mode="numeric",
                class_name="bp-input",
            ),
            class_name="bp-field",
        ),
        class_name="bp-fields bp-choice",
    )


def _filters() -> rx.Component:
    return rx.fragment(
        rx.el.div(*[_filter(spec) for spec in FILTERS], class_name="bp-fields"),
        rx.el.p(DatasetState.left_words, class_name="bp-verdict", role="status", id="left"),
        _waiting("filters", "Counting what stays …"),
        rx.el.ol(rx.foreach(DatasetState.steps, share_bar), class_name="bp-shares"),
    )


def _filter(spec: Filter) -> rx.Component:
    control = {
        "id": f"filter-{spec.name}",
        "value": DatasetState.recipe[spec.name],
        "on_change": DatasetState.edit_recipe(spec.name),
        "class_name": "bp-input",
        "title": spec.tip,
    }
    if spec.choices:
        options = [rx.el.option(label, value=value) for label, value in spec.choices]
        widget = rx.el.select(*options, **control)
    else:
        widget = rx.el.input(placeholder=spec.placeholder, auto_complete="off", **control)
    return rx.el.div(
        rx.el.label(spec.label, html_for=f"filter-{spec.name}", class_name="bp-label"),
        widget,
        error_line(f"filter-{spec.name}-error", DatasetState.recipe_errors[spec.name]),
        class_name="bp-field",
    )


def _waiting(what: str, words: str) -> rx.Component:
    return rx.cond(
        DatasetState.busy == what,
        rx.el.p(rx.spinner(size="1"), words, class_name="bp-busy", role="status"),
    )


def _about() -> rx.Component:
    facts = DatasetState.facts
    return rx.el.div(
        rx.el.div(
            rx.el.h2(DatasetState.file_name, class_name="bp-h2 bp-break"),
            rx.button("Other file", on_click=DatasetState.close, variant="ghost", size="1"),
            class_name="bp-card-head",
        ),
        rx.el.dl(
            rx.el.dt("Rows"),
            rx.el.dd(facts.total),
            rx.el.dt("Layout"),
            rx.el.dd(rx.cond(facts.format != "", facts.format, "not known")),
            rx.el.dt("Told from"),
            rx.el.dd(facts.reason, rx.cond(facts.confidence != "", f" ({facts.confidence})", "")),
            class_name="bp-facts",
        ),
        rx.el.div(
            rx.el.label("Layout", html_for="data-layout", class_name="bp-label"),
            rx.el.select(
                *[
                    rx.el.option(name.replace("_", " "), value=name)
                    for name in get_args(DataFormat)
                ],
                id="data-layout",
                value=DatasetState.layout,
                on_change=DatasetState.choose_layout,
                class_name="bp-input",
            ),
            class_name="bp-field",
        ),
        rx.el.details(
            rx.el.summary("Say what the columns are"),
            rx.el.div(*[_column(role) for role in MAPPED_ROLES], class_name="bp-columns"),
            open=facts.format == "",
            class_name="bp-details",
        ),
        class_name="bp-card",
    )


def _column(role: str) -> rx.Component:
    return rx.el.div(
        rx.el.label(role, html_for=f"column-{role}", class_name="bp-label"),
        rx.el.select(
            rx.el.option("no column", value=""),
            rx.foreach(DatasetState.columns, lambda name: rx.el.option(name, value=name)),
            id=f"column-{role}",
            value=DatasetState.roles[role],
            on_change=DatasetState.choose_column(role),
            class_name="bp-input",
        ),
        class_name="bp-field",
    )


def _save() -> rx.Component:
    return rx.el.div(
        rx.el.h2("Keep it as a data set", class_name="bp-h2", margin_bottom="12px"),
        rx.el.form(
            path_field("Name", "set-name", "chats", DatasetState.name, DatasetState.type_name),
            rx.button("Save", type="submit", size="2", disabled=DatasetState.name.strip() == ""),
            on_submit=DatasetState.save,
            class_name="bp-path-form",
        ),
        rx.cond(
            DatasetState.is_saved,
            rx.el.p("Saved. Train offers it now.", class_name="bp-quiet", role="status"),
        ),
        rx.cond(
            DatasetState.saved.contains(DatasetState.name),
            rx.link("Train with it", href=f"/?set={DatasetState.name}", size="2"),
        ),
        class_name="bp-card",
    )


def _command() -> rx.Component:
    return rx.cond(
        DatasetState.command != "",
        rx.el.div(
            rx.el.h2("The same as a command", class_name="bp-h2", margin_bottom="12px"),
            command_box(DatasetState.command),
            class_name="bp-card",
        ),
    )
