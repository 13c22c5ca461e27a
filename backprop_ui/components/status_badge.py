"""The status of a run: a dot in its colour and its word."""

import reflex as rx


def status_badge(status: rx.Var[str], words: rx.Var[str]) -> rx.Component:
    return rx.el.span(words, class_name="bp-status", custom_attrs={"data-status": status})
