"""Runs trainings for tests: in a real process as the supervisor does, or in this one."""

from __future__ import annotations

import io
import json
import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from engine.config import DataConfig, LoraConfig, ModelConfig, RunConfig, TrainingConfig
from engine.runs.child import Assignment, Channel
from engine.runs.events import Evaluated, Event, Finished, Step, from_json

LONGEST_SECONDS = 300
E = TypeVar("E", bound=Event)
# Called with an event and a way to send a command (a word, or "kill").
React = Callable[[Event, Callable[[str], None]], None]


@dataclass
class Told:
    """What a run said."""

    events: list[Event] = field(default_factory=list)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def losses(self) -> dict[int, float]:
        return {event.step: event.loss for event in self.of(Step)}

    @property
    def eval_losses(self) -> dict[int, float]:
        return {event.step: event.loss for event in self.of(Evaluated)}

    @property
    def finished(self) -> Finished:
        (event,) = self.of(Finished)
        return event


def ignore(event: Event, command: Callable[[str], None]) -> None:
    """React to nothing."""


def at_step(step: int, word: str) -> React:
    """Send a command when the run tells of a step."""

    def react(event: Event, command: Callable[[str], None]) -> None:
        if isinstance(event, Step) and event.step == step:
            command(word)

    return react


def write_config(run_dir: Path, config: RunConfig) -> Path:
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "config.json").write_text(config.model_dump_json(), encoding="utf-8")
    return run_dir


def run_process(
    run_dir: Path,
    *,
    attempt: int = 1,
    react: React = ignore,
    module: str = "engine.training",
    prefix: tuple[str, ...] = (),
) -> tuple[Told, int]:
    """Run a child process to its end; give what it told and its exit code."""
    command = [*prefix, sys.executable, "-m", module, "--run-id", run_dir.name]
    command += ["--run-dir", str(run_dir), "--attempt", str(attempt)]
    told = Told()
    with (
        (run_dir / "log.txt").open("a", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            env=os.environ | {"TOKENIZERS_PARALLELISM": "false"},
        ) as process,
    ):

        def send(word: str) -> None:
            if word == "kill":
                process.kill()
                return
            process.stdin.write(word + "\n")
            process.stdin.flush()

        for line in process.stdout:
            told.events.append(from_json(line))
            react(told.events[-1], send)
        code = process.wait(timeout=LONGEST_SECONDS)
    return told, code


class _Commands:
    """A stdin that never ends, for a run in the test's own process."""

    def __init__(self) -> None:
        self.words: queue.Queue[str] = queue.Queue()

    def __iter__(self) -> Iterator[str]:
        while True:
            yield self.words.get()


class _RecordingChannel(Channel):
    def __init__(self, react: React, stop_in_evaluation_of: int | None) -> None:
        self.told = Told()
        self._stop_in_evaluation_of = stop_in_evaluation_of
        self._asked = 0
        self._react = react
        self._commands = _Commands()
        super().__init__(io.StringIO(), self._commands)

    def emit(self, event: Event) -> None:
        self.told.events.append(from_json(event.to_json()))
        self._react(event, self._send)

    @property
    def stop_requested(self) -> bool:
        last = self.told.events[-1]
        if isinstance(last, Step) and last.step == self._stop_in_evaluation_of:
            self._asked += 1
            return self._asked > 1
        return super().stop_requested

    def _send(self, word: str) -> None:
        self._commands.words.put(word)
        while not self._commands.words.empty():
            time.sleep(0.001)
        while word == "stop" and not self.stop_requested:
            time.sleep(0.001)


def run_here(
    work: Callable[[Assignment, Channel], Finished],
    run_dir: Path,
    config: RunConfig,
    *,
    attempt: int = 1,
    react: React = ignore,
    stop_in_evaluation_of: int | None = None,
) -> Told:
    """Do a run's work in this process: seconds faster, and commands arrive at exact steps.

    A stop "in the evaluation of" a step arrives after the step's border was passed.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    channel = _RecordingChannel(react, stop_in_evaluation_of)
    channel.emit(work(Assignment(run_dir.name, run_dir, attempt, config), channel))
    return channel.told


def write_chats(path: Path, count: int = 22) -> Path:
    """Short chats of different lengths, in the messages format."""
    lines = (
        {
            "messages": [
                {"role": "user", "content": f"What is {number} plus {number}?"},
                {"role": "assistant", "content": f"It is {2 * number}" + "!" * (number % 7)},
            ]
        }
        for number in range(count)
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def tiny_config(
    tmp_path: Path, model: Path, *, lora: LoraConfig | None = None, **training: object
) -> RunConfig:
    """A training of the two-layer model: milliseconds a step, five steps an epoch."""
    return RunConfig(
        output_dir=tmp_path / "output",
        model=ModelConfig(name=str(model), precision="fp32"),
        data=DataConfig(path=write_chats(tmp_path / "chats.jsonl")),
        lora=lora or LoraConfig(r=4),
        training=TrainingConfig(**({"steps": 12, "learning_rate": 1e-2} | training)),
    )
