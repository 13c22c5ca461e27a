"""The Train page: choose a model and a file, press Start."""

from __future__ import annotations

import reflex as rx

from backprop_ui.components.command_box import command_box
from backprop_ui.components.field import field, path_field
from backprop_ui.components.file_drop import file_drop
from backprop_ui.components.problem_card import problem_card
from backprop_ui.form import SETTINGS, Field
from backprop_ui.layout import page
from backprop_ui.state.train import ModelCard, TrainState


def train() -> rx.Component:
    return page(
        "Fine-tune a model",
        "Choose a model, give it examples of the answers you want, and press Start. "
        "Everything stays on this computer.",
        rx.el.div(
            rx.el.div(_model(), _data(), _method(), _settings()),
            _start(),
            class_name="bp-split",
        ),
    )


def _section(number: int, title: str, *children: rx.Component) -> rx.Component:
    heading = rx.el.h2(
        title, class_name="bp-h2 bp-step", id=f"part-{number}", custom_attrs={"data-n": number}
    )
    return rx.el.section(
        rx.el.div(heading, class_name="bp-card-head"),
        *children,
        class_name="bp-card",
        custom_attrs={"aria-labelledby": f"part-{number}"},
    )


def _model() -> rx.Component:
    cards = rx.radio_cards.root(
        rx.foreach(TrainState.shown_models, _model_card),
        value=TrainState.values["model.name"],
        on_value_change=TrainState.edit("model.name"),
        class_name="bp-models",
        custom_attrs={"aria-labelledby": "part-1"},
    )
    more = rx.cond(
        TrainState.hidden_models > 0,
        rx.button(
            f"Show {TrainState.hidden_models} more models",
            on_click=TrainState.show_all_models,
            variant="ghost",
            size="2",
            margin_top="14px",
        ),
    )
    other = path_field(
        "Another model: a folder, a GGUF file, or a hub id",
        "model-name",
        "/models/my-model or Qwen/Qwen2.5-0.5B-Instruct",
        TrainState.other_model,
        TrainState.edit("model.name"),
    )
    return _section(1, "Model", cards, more, other)


def _model_card(model: rx.Var[ModelCard]) -> rx.Component:
    return rx.radio_cards.item(
        rx.el.span(
            rx.el.span(model.title, rx.el.span(model.size), class_name="bp-model-name"),
            rx.el.span(model.summary, class_name="bp-model-sum"),
            rx.el.span(model.facts, class_name="bp-model-facts"),
            class_name="bp-model",
        ),
        value=model.name,
    )


def _data() -> rx.Component:
    drop = file_drop(
        accept=".jsonl,.json,.csv,.tsv,.parquet,.arrow,.txt,.md,.gz,.zst",
        on_stored=TrainState.take_upload,
    )
    path = path_field(
        "Path on this computer",
        "data-path",
        "/data/chats.jsonl",
        TrainState.values["data.path"],
        TrainState.edit("data.path"),
    )
    look = rx.link("Look at the data first", href="/dataset", size="2")
    return _section(2, "Data", _data_sets(), drop, rx.el.div("or", class_name="bp-or"), path, look)


def _data_sets() -> rx.Component:
    """Data sets that were saved on the Data page."""
    options = rx.foreach(TrainState.data_sets, lambda name: rx.el.option(name, value=name))
    return rx.cond(
        TrainState.data_sets.length() > 0,
        rx.el.div(
            rx.el.label("Saved data set", html_for="data-set", class_name="bp-label"),
            rx.el.select(
                rx.el.option("none: a file of its own", value=""),
                options,
                id="data-set",
                value=TrainState.data_set,
                on_change=TrainState.choose_data_set,
                class_name="bp-input",
            ),
            class_name="bp-field",
            margin_bottom="16px",
        ),
    )


def _method() -> rx.Component:
    return _section(
        3,
        "Method",
        rx.el.div(
            rx.icon("graduation-cap", size=20),
            rx.el.div(
                rx.el.b("Supervised fine-tuning (SFT) with LoRA"),
                rx.el.p(
                    "The model learns to give the assistant's answers in your examples.",
                    class_name="bp-quiet",
                ),
            ),
            class_name="bp-method",
        ),
    )


def _settings() -> rx.Component:
    simple = [_field(spec) for spec in SETTINGS if not spec.advanced]
    advanced = [_field(spec) for spec in SETTINGS if spec.advanced]
    switch = rx.segmented_control.root(
        rx.segmented_control.item("Simple", value="simple"),
        rx.segmented_control.item("Advanced", value="advanced"),
        value=rx.cond(TrainState.advanced, "advanced", "simple"),
        on_change=TrainState.set_view,
        size="1",
        custom_attrs={"aria-label": "Which settings are shown"},
    )
    heading = rx.el.h2(
        "Settings", class_name="bp-h2 bp-step", id="part-4", custom_attrs={"data-n": 4}
    )
    return rx.el.section(
        rx.el.div(heading, switch, class_name="bp-card-head"),
        rx.el.div(
            *simple, rx.cond(TrainState.advanced, rx.fragment(*advanced)), class_name="bp-fields"
        ),
        _changed(),
        class_name="bp-card",
        custom_attrs={"aria-labelledby": "part-4"},
    )


def _field(spec: Field) -> rx.Component:
    return field(spec, TrainState.values[spec.name], TrainState.errors[spec.name], TrainState.edit)


def _changed() -> rx.Component:
    return rx.cond(
        TrainState.changed > 0,
        rx.flex(
            rx.el.p(TrainState.changed_words, class_name="bp-quiet", role="status"),
            rx.button("Reset", on_click=TrainState.reset_settings, variant="ghost", size="1"),
            align="center",
            spacing="4",
            margin_top="18px",
        ),
    )


def _start() -> rx.Component:
    return rx.el.aside(
        rx.el.div(
            rx.el.h2("This training", class_name="bp-h2", margin_bottom="16px"),
            rx.el.dl(
                _fact("Model", TrainState.model_words),
                _fact("Data", TrainState.data_name),
                _fact("Length", TrainState.length_words),
                class_name="bp-facts",
            ),
            problem_card(TrainState.problem),
            rx.cond(
                TrainState.missing.length() > 0,
                rx.el.ul(
                    rx.foreach(TrainState.missing, rx.el.li),
                    class_name="bp-missing",
                    id="missing",
                    role="status",
                ),
            ),
            _checked(),
            rx.button(
                "Start training",
                on_click=TrainState.start,
                disabled=~TrainState.ready,
                loading=TrainState.starting,
                id="start",
                size="3",
                class_name="bp-start",
                custom_attrs={"aria-describedby": "missing"},
            ),
            class_name="bp-card",
        ),
        rx.el.div(
            rx.el.h2("The same as a command", class_name="bp-h2", margin_bottom="12px"),
            rx.cond(
                TrainState.command != "",
                command_box(TrainState.command),
                rx.el.p("Mend the marked settings to see it.", class_name="bp-quiet"),
            ),
            class_name="bp-card",
        ),
        class_name="bp-aside",
        custom_attrs={"aria-label": "Start"},
    )


def _checked() -> rx.Component:
    """What the examples hold, as far as it is known."""
    return rx.fragment(
        rx.cond(
            TrainState.checking,
            rx.el.p(rx.spinner(size="1"), "Looking at the examples …", class_name="bp-ready"),
        ),
        rx.el.p(
            TrainState.checked,
            class_name="bp-ready",
            role="status",
            id="checked",
            hidden=TrainState.checked == "",
            custom_attrs={"data-tone": "good"},
        ),
        rx.foreach(
            TrainState.warnings, lambda words: rx.el.p(words, class_name="bp-warned", role="status")
        ),
    )


def _fact(label: str, value: rx.Var[str]) -> rx.Component:
    return rx.fragment(rx.el.dt(label), rx.el.dd(value))
