"""One control of a form with its label, its explanation and what is wrong with it."""

from __future__ import annotations

import reflex as rx

from backprop_ui.form import Field


def field(
    spec: Field, value: rx.Var[str], error: rx.Var[str], on_change: rx.EventHandler
) -> rx.Component:
    """`on_change` is called with the setting's name and the new text."""
    control_id = f"setting-{spec.name.replace('.', '-')}"
    return rx.el.div(
        rx.el.div(
            rx.el.label(spec.label, html_for=control_id),
            _tip(spec.label, spec.tip),
            class_name="bp-label",
        ),
        rx.el.div(
            _control(spec, control_id, value, error, on_change),
            *([rx.el.span(spec.unit, class_name="bp-unit")] if spec.unit else []),
            class_name="bp-input-row",
        ),
        error_line(f"{control_id}-error", error),
        class_name="bp-field",
    )


def path_field(
    label: str,
    control_id: str,
    placeholder: str,
    value: rx.Var[str],
    on_change: rx.EventHandler,
) -> rx.Component:
    """A wide text field for a name or a path."""
    return rx.el.div(
        rx.el.label(label, html_for=control_id, class_name="bp-label"),
        rx.el.input(
            id=control_id,
            value=value,
            placeholder=placeholder,
            on_change=on_change,
            class_name="bp-input",
            spell_check=False,
            auto_complete="off",
        ),
        class_name="bp-field",
    )


def error_line(line_id: str, error: rx.Var[str]) -> rx.Component:
    return rx.cond(error, rx.el.p(error, id=line_id, class_name="bp-error"))


def _control(
    spec: Field,
    control_id: str,
    value: rx.Var[str],
    error: rx.Var[str],
    on_change: rx.EventHandler,
) -> rx.Component:
    shared = {
        "id": control_id,
        "value": value,
        "on_change": on_change(spec.name),
        "class_name": "bp-input",
        "custom_attrs": {
            "aria-invalid": rx.cond(error, "true", "false"),
            "aria-describedby": f"{control_id}-error",
        },
    }
    if spec.kind == "choice":
        options = [rx.el.option(c.replace("_", " "), value=c) for c in spec.choices]
        return rx.el.select(*options, **shared)
    mode = "decimal" if spec.kind == "number" else "text"
    return rx.el.input(
        type="text", input_mode=mode, placeholder=spec.unset, auto_complete="off", **shared
    )


def _tip(label: str, words: str) -> rx.Component:
    return rx.tooltip(
        rx.el.button(
            rx.icon("info", size=13),
            type="button",
            class_name="bp-tip",
            custom_attrs={"aria-label": f"About {label}: {words}"},
        ),
        content=words,
        max_width="280px",
    )
