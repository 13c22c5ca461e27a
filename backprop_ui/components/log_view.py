"""The end of a run's log file."""

import reflex as rx


class LogView(rx.Component):
    """Reads `/api/runs/{run}/log`, again every two seconds while `live`."""

    library = "$/public/components/log_view.jsx"
    tag = "LogView"

    run: rx.Var[str]
    live: rx.Var[bool]


log_view = LogView.create
