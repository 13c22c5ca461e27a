"""The look: Radix colours and radius here, our own tokens in assets/styles.css."""

import reflex as rx


def theme() -> rx.Component:
    """The Radix theme around every page; light and dark follow the switch in the header."""
    return rx.theme(
        accent_color="iris", gray_color="slate", radius="medium", panel_background="solid"
    )
