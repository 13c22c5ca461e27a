"""What the page says while its server does not answer."""

import reflex as rx
from reflex.components.core.banner import has_too_many_connection_errors


def server_away() -> rx.Component:
    """Goes by itself when the server is back: the page connects again."""
    return rx.cond(
        has_too_many_connection_errors,
        rx.el.div(
            rx.icon("unplug", size=18),
            rx.el.span(
                "The page's server does not answer. Runs go on without it. Start it again with ",
                rx.el.code("backprop ui"),
                ".",
            ),
            class_name="bp-away",
            role="alert",
        ),
    )
