"""The end of a run's log file."""

import reflex as rx

_JSX = rx.asset("log_view.jsx", shared=True)


class LogView(rx.Component):
    """Reads `/api/runs/{run}/log`, again every two seconds while `live`."""

    library = _JSX.importable_path
    tag = "LogView"

    run: rx.Var[str]
    live: rx.Var[bool]


log_view = LogView.create
