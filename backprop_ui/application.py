"""The Reflex app itself, before it has pages: what states and pages both need to know."""

import logging

import reflex as rx

from backprop_ui.components.server_away import server_away
from backprop_ui.state.trouble import TroubleState
from engine.errors import BackpropError

_log = logging.getLogger(__name__)


def tell(exception: Exception) -> rx.event.EventSpec:
    """The last stop of an error in a handler: told on the page, and logged when unforeseen."""
    if isinstance(exception, BackpropError):
        return TroubleState.show(exception.code, exception.message, exception.hint)
    _log.error("A page handler failed", exc_info=exception)
    return TroubleState.show(
        "RUNTIME_UNEXPECTED",
        "Something happened that the page did not expect.",
        "The terminal where it was started says more.",
    )


app = rx.App(
    backend_exception_handler=tell,
    stylesheets=["/styles.css"],
    html_lang="en",
    head_components=[
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
        rx.el.meta(name="color-scheme", content="light dark"),
        rx.el.meta(name="robots", content="noindex"),
    ],
)
# In place of Reflex's own words for a lost connection.
app.app_wraps[5, "Overlay"] = lambda _: server_away()


def is_open(token: str) -> bool:
    """Whether the tab with this token still has its socket."""
    namespace = app.event_namespace
    return namespace is not None and token in namespace.token_to_sid
