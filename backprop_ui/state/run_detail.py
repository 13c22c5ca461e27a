"""One run, live: its numbers, the end of its curve, and what may be done with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import reflex as rx

from backprop_ui import views
from backprop_ui.state.watching import Watching
from backprop_ui.views import Gauge, Head, Line, Now, Problem, Tail
from engine import api
from engine.errors import BackpropError
from engine.runs.events import Evaluated, RunStarted, Step
from engine.runs.records import Run, StoredEvent

POLL_SECONDS = 0.1
IDLE_POLL_SECONDS = 1.0
GAUGE_SECONDS = 2.0


@dataclass(frozen=True)
class Followed:
    """How far a watcher has read, and what it has seen there."""

    run: Run
    seq: int
    note_seq: int
    revision: int
    tail: Tail
    rate: float | None
    command: str
    page_dir: Path


class RunState(Watching, rx.State):
    """The run of the address `/runs/<run_id>`."""

    head: Head = Head()
    now: Now = Now()
    tail: Tail = Tail()
    revision: int = 0
    note_seq: int = 0
    gauges: list[Gauge] = []
    config: list[Line] = []
    failure: Problem = Problem()
    refusal: Problem = Problem()
    found: bool = False
    not_found: bool = False

    @rx.event(background=True)
    async def watch(self):
        """Follow the run until the tab goes elsewhere."""
        mine = await self._begin_watch()
        async with self:
            run_id = self.router.url.path.rstrip("/").rpartition("/")[2]
            self._forget()
            self.refusal = Problem()
        try:
            followed = await asyncio.to_thread(_attach, run_id)
        except BackpropError as error:
            await self._assign(mine, _lost(error))
            return
        async with self:
            self.config = views.config_lines(views.config_of(followed.run))
            self.found = True
        await self._follow(mine, followed)

    async def _follow(self, mine: int, followed: Followed) -> None:
        shown: dict[str, object] = {}
        gauged = 0.0
        while self._watches_on(mine):
            fresh = _fields(followed)
            news = {name: value for name, value in fresh.items() if shown.get(name) != value}
            if followed.run.is_live and time.monotonic() - gauged >= GAUGE_SECONDS:
                gauged = time.monotonic()
                # In this thread always: psutil counts the processor's use since the last call
                # of the same thread.
                await self._assign(mine, {"gauges": _read_gauges()})
            if news:
                await self._assign(mine, news)
            shown = fresh
            await asyncio.sleep(POLL_SECONDS if followed.run.is_live else IDLE_POLL_SECONDS)
            try:
                followed = _look(followed)
            except BackpropError as error:
                await self._assign(mine, _lost(error))
                return

    async def _assign(self, mine: int, values: dict[str, object]) -> None:
        """One update: only what differs is sent."""
        async with self:
            if self._watch == mine:
                for name, value in values.items():
                    setattr(self, name, value)

    def _forget(self) -> None:
        self.found = self.not_found = False
        self.head, self.now, self.tail, self.failure = Head(), Now(), Tail(), Problem()
        self.gauges, self.config = [], []

    @rx.event
    def stop(self):
        self._ask(api.stop)

    @rx.event
    def pause(self):
        self._ask(api.pause)

    @rx.event
    def resume(self):
        self._ask(_resume)

    @rx.event
    def delete(self):
        return rx.redirect("/runs") if self._ask(_delete) else None

    def _ask(self, command: Callable[[str], object]) -> bool:
        try:
            command(self.head.id)
        except BackpropError as error:
            self.refusal = views.problem_of(error)
            return False
        self.refusal = Problem()
        return True


def _attach(run_id: str) -> Followed:
    """Everything there is of a run up to now."""
    run = api.get_run(run_id)
    config = views.config_of(run)
    command = api.train_command(config) if config.kind == "train" else ""
    return _read_curve(Followed(run, 0, 0, 0, Tail(), None, command, api.page_output_dir()))


def _read_curve(followed: Followed) -> Followed:
    curve = api.curve(followed.run.id)
    return replace(
        followed,
        seq=curve.last_seq,
        note_seq=curve.last_seq,
        revision=curve.revision,
        tail=views.tail_of(curve),
        rate=curve.learning_rates[-1] if curve.learning_rates else None,
    )


def _look(before: Followed) -> Followed:
    """Read what came since, and the run's row."""
    after = before
    for stored in api.events(before.run.id, before.seq):
        # Reading the whole curve anew may have taken the rest of the batch with it.
        if stored.seq > after.seq:
            after = _take(after, stored)
    return replace(after, run=api.get_run(before.run.id))


def _take(followed: Followed, stored: StoredEvent) -> Followed:
    followed = replace(followed, seq=stored.seq)
    match stored.event:
        case Step() as step:
            return replace(followed, tail=_longer(followed.tail, step), rate=step.learning_rate)
        case RunStarted():
            # A resume takes back the points after its checkpoint.
            return _read_curve(followed)
        case Evaluated(step=at_step, loss=loss):
            tail = replace(followed.tail, evals=[(at_step, round(loss, 5))])
            return replace(followed, tail=tail, note_seq=stored.seq)
    return replace(followed, note_seq=stored.seq)


def _longer(tail: Tail, step: Step) -> Tail:
    steps, losses = [*tail.steps, step.step], [*tail.losses, round(step.loss, 5)]
    dropped = max(0, len(steps) - views.TAIL_POINTS)
    return replace(tail, start=tail.start + dropped, steps=steps[dropped:], losses=losses[dropped:])


def _fields(followed: Followed) -> dict[str, object]:
    """The state's fields for what a watcher has seen."""
    run, now, error = followed.run, time.time(), followed.run.error
    return {
        "head": views.head_of(run, followed.command, followed.page_dir, now),
        "now": views.now_of(run, followed.rate, now),
        "tail": followed.tail,
        "revision": followed.revision,
        "note_seq": followed.note_seq,
        "failure": Problem(error.code, error.message, error.hint) if error else Problem(),
    }


def _resume(run_id: str) -> None:
    """End a pause anywhere; start an ended run again only where the page may write."""
    run = api.get_run(run_id)
    if not run.is_live:
        _require_own(run)
    api.resume(run.id)


def _delete(run_id: str) -> None:
    run = api.get_run(run_id)
    _require_own(run)
    api.delete(run.id)


def _require_own(run: Run) -> None:
    if not views.lies_in(run, api.page_output_dir()):
        raise BackpropError(
            "UI_OUTPUT_DIR_FORBIDDEN",
            f"{run.output_dir} lies outside the page's folder.",
            hint="Use the run's command instead.",
        )


def _lost(error: BackpropError) -> dict[str, object]:
    """What is shown when the run cannot be followed any more."""
    if error.code == "INPUT_RUN_NOT_FOUND":
        return {"found": False, "not_found": True}
    return {"refusal": views.problem_of(error)}


def _read_gauges() -> list[Gauge]:
    api.sample_reading()
    return views.gauges_of(api.readings())
