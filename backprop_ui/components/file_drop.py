"""A place to drop one file, which goes straight to `/api/upload`."""

import reflex as rx

_JSX = rx.asset("file_drop.jsx", shared=True)


class FileDrop(rx.Component):
    """Sends a file with its real progress; `on_stored` gets the token of what was stored."""

    library = _JSX.importable_path
    tag = "FileDrop"

    accept: rx.Var[str]
    on_stored: rx.EventHandler[rx.event.passthrough_event_spec(str)]


file_drop = FileDrop.create
