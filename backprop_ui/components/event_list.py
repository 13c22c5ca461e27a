"""What happened in a run, as a list that fetches its own entries."""

import reflex as rx


class EventList(rx.Component):
    """Newest first; asks `/api/runs/{run}/events` again whenever `seq` grows."""

    library = "$/public/components/event_list.jsx"
    tag = "EventList"

    run: rx.Var[str]
    seq: rx.Var[int]


event_list = EventList.create
