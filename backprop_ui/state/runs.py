"""The list of runs, live."""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache

import reflex as rx

from backprop_ui.state.watching import Watching
from backprop_ui.views import Row, row_of, spark
from backprop_ui.wording import STATUS_WORDS
from engine import api
from engine.runs.records import Run

PAGE_ROWS = 20
REFRESH_SECONDS = 1.0
EVERY_STATUS = "all"


class RunsState(Watching, rx.State):
    """One page of the list. `live` holds what changes while runs go on, by run id.

    The rows are sent again only when one begins, ends or changes state; a step of a running run
    changes its entry in `live` alone.
    """

    rows: list[Row] = []
    live: dict[str, Row] = {}
    status: str = EVERY_STATUS
    first: int = 0
    total: int = 0
    loaded: bool = False

    @rx.var
    def place(self) -> str:
        """Which rows are shown: 1 to 20 of 57."""
        last = min(self.first + PAGE_ROWS, self.total)
        return f"{self.first + 1} to {last} of {self.total}" if self.total else ""

    @rx.var
    def has_earlier(self) -> bool:
        return self.first > 0

    @rx.var
    def has_later(self) -> bool:
        return self.first + PAGE_ROWS < self.total

    @rx.event
    def filter_by(self, status: str):
        if status == EVERY_STATUS or status in STATUS_WORDS:
            self.status, self.first = status, 0
            self._load()

    @rx.event
    def turn(self, pages: int):
        self.first = max(0, self.first + pages * PAGE_ROWS)
        self._load()

    @rx.event(background=True)
    async def watch(self):
        mine = await self._begin_watch()
        while True:
            async with self:
                if not self._watches_on(mine):
                    return
                self._load()
            await asyncio.sleep(REFRESH_SECONDS)

    def _load(self) -> None:
        wanted = None if self.status == EVERY_STATUS else self.status
        runs = api.list_runs(status=wanted, limit=PAGE_ROWS, offset=self.first)
        now = time.time()
        rows = [row_of(run, _spark(run), now) for run in runs]
        live = {run.id: row for run, row in zip(runs, rows, strict=True) if run.is_live}
        total = api.count_runs(status=wanted)
        if _frame(rows) != _frame(self.rows):
            self.rows = rows
        if live != self.live:
            self.live = live
        if total != self.total:
            self.total = total
        self.loaded = True


def _frame(rows: list[Row]) -> list[tuple[str, str]]:
    """What makes the list itself: which runs, in which state."""
    return [(row.id, row.status) for row in rows]


def _spark(run: Run) -> str:
    return _spark_at(run.id, run.attempt, run.step) if run.step else ""


@lru_cache(maxsize=256)
def _spark_at(run_id: str, _attempt: int, _step: int) -> str:
    """Drawn once for each state of a run: an ended run's curve is not read again."""
    return spark(api.curve(run_id).losses)
