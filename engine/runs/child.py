"""The child's side of a run: its pipe to the supervisor and the frame around its work.

Standard output is the event pipe. Libraries print there too, so the child keeps the pipe for
itself and points its own stdout at stderr, which the supervisor writes to the run's log.
Commands arrive on stdin, one word a line; the end of stdin means that the supervisor is gone.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from engine.config import RunConfig
from engine.errors import BackpropError, Exit
from engine.runs.events import Event, Failed, Finished, RunStarted, StatusChanged

COMMANDS = ("stop", "pause", "resume")
SUPERVISOR_GONE = 3


@dataclass(frozen=True)
class Assignment:
    """What the supervisor asks of this child."""

    run_id: str
    run_dir: Path
    attempt: int
    config: RunConfig


class Channel:
    """Events out, commands in. Thread-safe."""

    def __init__(self, out: IO[str], commands: IO[str]) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()
        threading.Thread(target=self._listen, args=(commands,), daemon=True).start()

    @classmethod
    def take_stdio(cls) -> Channel:
        """Keep the real stdout as the event pipe and send later prints to stderr."""
        pipe = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        os.dup2(2, 1)
        return cls(pipe, sys.stdin)

    def emit(self, event: Event) -> None:
        """Write one event. A line is written whole: readers never see half of one."""
        line = event.to_json() + "\n"
        with self._lock:
            self._out.write(line)
            self._out.flush()

    @property
    def stop_requested(self) -> bool:
        return self._stop.is_set()

    def wait_while_paused(self) -> None:
        """Return at once unless a pause was asked; then say so and wait for resume or stop."""
        if self._go.is_set():
            return
        self.emit(StatusChanged("paused"))
        self._go.wait()
        self.emit(StatusChanged("running"))

    def _listen(self, commands: IO[str]) -> None:
        for line in commands:
            match line.strip():
                case "stop":
                    self._stop.set()
                    self._go.set()
                case "pause":
                    self._go.clear()
                case "resume":
                    self._go.set()
        # Whoever resumes this run starts a new child; two must never write to one folder.
        os._exit(SUPERVISOR_GONE)


def run_child(work: Callable[[Assignment, Channel], Finished]) -> int:
    """Entry of every child process: read the assignment, do `work`, tell how it ended.

    Returns the exit code. Exceptions become a `Failed` event here and nowhere else; the
    traceback goes to the run's log.
    """
    channel = Channel.take_stdio()
    try:
        assignment = _read_assignment(sys.argv[1:])
        channel.emit(work(assignment, channel))
    except BackpropError as error:
        traceback.print_exc()
        channel.emit(Failed(error.code, error.message, error.hint, error.cause, error.retryable))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the process boundary
        traceback.print_exc()
        channel.emit(describe_failure(error))
        return Exit.RUNTIME
    return Exit.OK


def started(assignment: Assignment, resumed_from_step: int | None) -> RunStarted:
    return RunStarted(assignment.run_id, assignment.attempt, resumed_from_step)


def describe_failure(error: Exception) -> Failed:
    """Turn an exception that nobody expected into words a person can act on."""
    cause = f"{type(error).__name__}: {error}"
    if _is_disk_full(error):
        return Failed(
            "RUNTIME_DISK_FULL",
            "The disk is full.",
            "Free some space, then resume the run: its last checkpoint is intact.",
            cause,
            retryable=True,
        )
    if isinstance(error, MemoryError):
        return Failed(
            "RUNTIME_OUT_OF_MEMORY",
            "The machine ran out of memory.",
            "Use a smaller batch, a shorter max length or a smaller model, then start again.",
            cause,
        )
    return Failed(
        "RUNTIME_UNEXPECTED",
        f"The run stopped on an error that it did not expect: {cause}",
        "The run's log shows where (backprop logs).",
        cause,
    )


def _is_disk_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # safetensors and tokenizers put the system's error (Linux and macOS, Windows) into words.
    return "(os error 28)" in str(error) or "(os error 112)" in str(error)


def _read_assignment(argv: list[str]) -> Assignment:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--attempt", type=int, required=True)
    given = parser.parse_args(argv)
    text = (given.run_dir / "config.json").read_text(encoding="utf-8")
    return Assignment(
        given.run_id, given.run_dir, given.attempt, RunConfig.model_validate_json(text)
    )
