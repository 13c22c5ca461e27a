"""Reflex's configuration. Imported by its name, from any folder, when pages are built or served."""

import reflex as rx

from backprop_ui.theme import FontsPlugin, theme

config = rx.Config(
    app_name="backprop_ui",
    frontend_port=7862,
    backend_port=7862,
    backend_host="127.0.0.1",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    state_manager_mode="memory",
    # The gate decides who may connect; an empty list also keeps CORS headers out.
    cors_allowed_origins=[],
    plugins=[rx.plugins.RadixThemesPlugin(theme=theme()), FontsPlugin()],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
