"""What happened in a run, as a list that fetches its own entries."""

import reflex as rx

_JSX = rx.asset("event_list.jsx", shared=True)


class EventList(rx.Component):
    """Newest first; asks `/api/runs/{run}/events` again whenever `seq` grows."""

    library = _JSX.importable_path
    tag = "EventList"

    run: rx.Var[str]
    seq: rx.Var[int]


event_list = EventList.create
