"""Ways to show a run while it goes on: a drawing, plain lines, or JSON lines."""

from __future__ import annotations

import json
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine.cli.console import is_unicode, note
from engine.cli.curve import draw_curve
from engine.cli.heard import (
    Heard,
    data_words,
    drawn_width,
    model_words,
    sentence,
    step_words,
)
from engine.runs.events import Step
from engine.runs.records import StoredEvent

CURVE_HEIGHT = 8
CURVE_WIDTH = 72
BAR_WIDTH = 24
SHOWN_WARNINGS = 3
PLAIN_LINES_A_RUN = 100
REFRESHES_A_SECOND = 4


class View(Protocol):
    """Shows events until it is closed."""

    def show(self, stored: StoredEvent) -> None: ...

    def say(self, text: str) -> None: ...

    def close(self) -> None: ...


def event_json(stored: StoredEvent) -> str:
    """One line: the event with its place in the store and its arrival time."""
    told = json.loads(stored.event.to_json())
    return json.dumps({"seq": stored.seq, "at": stored.at, **told})


class JsonView:
    """One JSON object a line on stdout; words for people go to stderr."""

    def show(self, stored: StoredEvent) -> None:
        print(event_json(stored), flush=True)

    def say(self, text: str) -> None:
        note(text)

    def close(self) -> None:
        """Nothing is held open."""


class PlainView:
    """One line an event, for pipes and files; of a long run only every n-th step."""

    def show(self, stored: StoredEvent) -> None:
        event = stored.event
        if isinstance(event, Step) and not self._is_shown(event):
            return
        line = sentence(event)
        if line:
            print(line, flush=True)

    def say(self, text: str) -> None:
        print(text, flush=True)

    def close(self) -> None:
        """Nothing is held open."""

    @staticmethod
    def _is_shown(event: Step) -> bool:
        every = max(event.total_steps // PLAIN_LINES_A_RUN, 1)
        return event.step % every == 0 or event.step in (1, event.total_steps)


class LiveView:
    """Model, data, the falling curve and a bar, redrawn in place."""

    def __init__(self, console: Console, losses: list[float]) -> None:
        self._console = console
        self._heard = Heard(losses=losses)
        self._said = ""
        # Our stderr is redacted and stays where it is.
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            refresh_per_second=REFRESHES_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def show(self, stored: StoredEvent) -> None:
        self._heard.hear(stored.event)

    def say(self, text: str) -> None:
        self._said = text

    def close(self) -> None:
        self._live.stop()

    def _draw(self) -> RenderableType:
        heard = self._heard
        lines: list[RenderableType] = []
        if heard.data:
            lines.append(Text(data_words(heard.data), style="dim"))
        if heard.model:
            lines.append(Text(model_words(heard.model), style="dim"))
        lines += [Text(line, style="cyan") for line in self._curve()]
        lines.append(self._bar())
        lines += [Text(f"! {text}", style="yellow") for text in heard.warnings[-SHOWN_WARNINGS:]]
        if self._said:
            lines.append(Text(self._said, style="yellow"))
        return Group(*lines)

    def _curve(self) -> list[str]:
        heard = self._heard
        width = min(self._console.width - 1, CURVE_WIDTH)
        total = heard.step.total_steps if heard.step else 0
        return draw_curve(
            heard.losses,
            width=drawn_width(heard.losses, total, width - 8) + 8,
            height=CURVE_HEIGHT,
            is_unicode=is_unicode(self._console.encoding),
        )

    def _bar(self) -> RenderableType:
        step = self._heard.step
        if step is None:
            return Text(_WAITING.get(self._heard.status, self._heard.status))
        bar = ProgressBar(total=step.total_steps, completed=step.step, width=BAR_WIDTH)
        row = Table.grid(padding=(0, 1))
        row.add_row(bar, Text(self._state() + step_words(step)))
        return row

    def _state(self) -> str:
        return "" if self._heard.status == "running" else f"{self._heard.status}  "


_WAITING = {
    "queued": "starting, or waiting for another run to end ...",
    "running": "loading the model and the examples ...",
}
