"""What a page shows while it has nothing: what belongs here and what to do first."""

import reflex as rx


def empty_state(icon: str, title: str, words: str, *actions: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.icon(icon, size=32, stroke_width=1.5),
        rx.el.b(title),
        rx.el.p(words),
        *actions,
        class_name="bp-empty",
    )
