"""How many rows have how much of something, as bars."""

import reflex as rx

from backprop_ui.data_views import CHART_HEIGHT, CHART_WIDTH, Chart, Column, Share


def histogram(chart: rx.Var[Chart]) -> rx.Component:
    """Bars that stand; each says its number to the pointer, the whole to screen readers."""
    return rx.el.figure(
        rx.el.figcaption(rx.el.b(chart.title), " ", rx.el.span(chart.words)),
        rx.el.svg(
            rx.foreach(chart.columns, _column),
            view_box=f"0 0 {CHART_WIDTH} {CHART_HEIGHT}",
            preserve_aspect_ratio="none",
            class_name="bp-histogram",
            role="img",
            custom_attrs={"aria-label": f"{chart.title}: {chart.words}"},
        ),
        rx.el.div(rx.el.span(chart.first), rx.el.span(chart.last), class_name="bp-axis"),
        class_name="bp-figure",
    )


def share_bar(share: rx.Var[Share]) -> rx.Component:
    """A bar that lies, with its name before and its number after it."""
    return rx.el.li(
        rx.el.span(share.label),
        rx.el.span(rx.el.span(style={"width": share.width}), class_name="bp-share-bar"),
        rx.el.b(share.value),
        class_name="bp-share",
    )


def _column(column: rx.Var[Column]) -> rx.Component:
    return rx.el.rect(
        rx.el.title(column.words),
        x=column.x,
        y=column.y,
        width=column.width,
        height=column.height,
    )
