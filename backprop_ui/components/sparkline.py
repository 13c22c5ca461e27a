"""A line without axes, drawn from the `points` that `views.spark` makes."""

import reflex as rx

from backprop_ui.views import SPARK_HEIGHT, SPARK_WIDTH


def sparkline(points: rx.Var[str], label: rx.Var[str] | str) -> rx.Component:
    return rx.el.svg(
        rx.el.svg.polyline(points=points),
        view_box=f"0 0 {SPARK_WIDTH} {SPARK_HEIGHT}",
        class_name="bp-spark",
        custom_attrs={"role": "img", "aria-label": label, "preserveAspectRatio": "none"},
    )
