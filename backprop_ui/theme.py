"""The look: Radix colours and radius and the fonts here, our own tokens in assets/styles.css."""

from __future__ import annotations

from typing import Any

import reflex as rx

FONTS = {"@fontsource-variable/inter": "5.3.0", "@fontsource-variable/jetbrains-mono": "5.3.0"}


def theme() -> rx.Component:
    """The Radix theme around every page; light and dark follow the switch in the header."""
    return rx.theme(
        accent_color="iris", gray_color="slate", radius="large", panel_background="solid"
    )


class FontsPlugin(rx.plugins.Plugin):
    """Builds the fonts into the pages, so that nothing is asked of another server."""

    # Any: the signature is Reflex's; it passes nothing that is used here.
    def get_frontend_dependencies(self, **context: Any) -> tuple[str, ...]:
        return tuple(f"{package}@{version}" for package, version in FONTS.items())

    def get_stylesheet_paths(self, **context: Any) -> tuple[str, ...]:
        return tuple(f"{package}/wght.css" for package in FONTS)
