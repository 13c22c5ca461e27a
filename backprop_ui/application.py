"""The Reflex app itself, before it has pages: what states and pages both need to know."""

import reflex as rx

app = rx.App(
    stylesheets=["/styles.css"],
    html_lang="en",
    head_components=[
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
        rx.el.meta(name="color-scheme", content="light dark"),
        rx.el.meta(name="robots", content="noindex"),
    ],
)


def is_open(token: str) -> bool:
    """Whether the tab with this token still has its socket."""
    namespace = app.event_namespace
    return namespace is not None and token in namespace.token_to_sid
