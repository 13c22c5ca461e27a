"""A number with its name, in a row of such tiles."""

import reflex as rx


def metric_tile(
    label: rx.Var[str] | str, value: rx.Var[str], *, unit: str = "", note: rx.Var[str] | str = ""
) -> rx.Component:
    shown = [value, rx.el.small(unit)] if unit else [value]
    return rx.el.div(rx.el.dt(label), rx.el.dd(*shown), rx.el.span(note), class_name="bp-tile")


def metric_tiles(*tiles: rx.Component) -> rx.Component:
    return rx.el.dl(*tiles, class_name="bp-tiles")
