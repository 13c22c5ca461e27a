"""A place to drop one file, which goes straight to `/api/upload`."""

import reflex as rx


class FileDrop(rx.Component):
    """Sends a file with its real progress; `on_stored` gets the token of what was stored."""

    library = "$/public/components/file_drop.jsx"
    tag = "FileDrop"

    accept: rx.Var[str]
    on_stored: rx.EventHandler[rx.event.passthrough_event_spec(str)]


file_drop = FileDrop.create
