"""The parent's side of the worker: starting it, asking it, and noticing that it died.

The worker starts at the first question and ends by itself when it was idle for a while or when
this process is gone. One question at a time; threads wait for their turn.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from engine.errors import BackpropError
from engine.home import home
from engine.runs.processes import python_path
from engine.worker.protocol import result_of

ANSWER_SECONDS = 300.0
_END_SECONDS = 5.0
_CAUSE_CHARACTERS = 2000


@dataclass
class _Child:
    """A running worker and the lines it has written; None marks the end of them."""

    process: subprocess.Popen[str]
    home: Path
    log: Path
    lines: queue.Queue[str | None] = field(default_factory=queue.Queue)

    @property
    def is_usable(self) -> bool:
        return self.process.poll() is None and self.home == home()


class Worker:
    """A door to one warm child process. Thread-safe; blocks while the child works."""

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._turn = threading.Lock()
        self._child: _Child | None = None

    @property
    def pid(self) -> int | None:
        """The process that would answer now; None while there is none."""
        child = self._child
        return child.process.pid if child and child.process.poll() is None else None

    def ask(self, job: str, request: object, seconds: float = ANSWER_SECONDS) -> object:
        """Do one job (see `engine.worker.jobs`) and return its result, which the caller checks.

        Raises what the job raises, RUNTIME_WORKER_DIED and RUNTIME_WORKER_TIMEOUT (both
        retryable: the next question starts a new process).
        """
        line = json.dumps({"job": job, "request": request}) + "\n"
        if not self._turn.acquire(timeout=seconds):
            raise _timed_out(seconds)
        try:
            return self._answer(line, seconds)
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the child, if there is one."""
        with self._turn:
            self._end()

    def _answer(self, line: str, seconds: float) -> object:
        reply = self._try(line, seconds)
        if reply is None and self._ended_quietly():
            # It had been idle for long enough just as the question came.
            reply = self._try(line, seconds)
        if reply is None:
            raise self._died()
        return result_of(reply)

    def _try(self, line: str, seconds: float) -> str | None:
        """The reply to one line; None when the child ended instead."""
        child = self._running()
        try:
            _stdin(child).write(line)
            _stdin(child).flush()
            return child.lines.get(timeout=seconds)
        except queue.Empty as error:
            self._end()
            raise _timed_out(seconds) from error
        except OSError:
            return None

    def _running(self) -> _Child:
        if self._child is None or not self._child.is_usable:
            self._end()
            self._child = _start(self._idle_seconds)
        return self._child

    def _ended_quietly(self) -> bool:
        return self._child is not None and _exit_code(self._child.process) == 0

    def _died(self) -> BackpropError:
        child = self._child
        words = child.log.read_text("utf-8", "replace")[-_CAUSE_CHARACTERS:] if child else ""
        code = _exit_code(child.process) if child else None
        self._end()
        return BackpropError(
            "RUNTIME_WORKER_DIED",
            f"The helper process ended in the middle of its work (exit {code}).",
            hint="Try again: a new one starts. If it dies again, memory may be short.",
            cause=words,
            retryable=True,
        )

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.process.poll() is None:
            child.process.kill()
        child.process.wait(_END_SECONDS)
        for pipe in (child.process.stdin, child.process.stdout):
            if pipe is not None:
                _close(pipe)


def _start(idle_seconds: float) -> _Child:
    log = home() / "logs" / f"worker-{os.getpid()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.worker", "--idle-seconds", str(idle_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONPATH": python_path(), "HF_HUB_DISABLE_TELEMETRY": "1"},
        )
    child = _Child(process, home(), log)
    threading.Thread(target=_listen, args=(child,), daemon=True).start()
    return child


def _listen(child: _Child) -> None:
    """Put the child's lines into its queue until it ends."""
    if child.process.stdout is not None:
        for line in child.process.stdout:
            child.lines.put(line)
    child.lines.put(None)


def _stdin(child: _Child) -> IO[str]:
    if child.process.stdin is None:
        raise BrokenPipeError("the worker has no stdin")
    return child.process.stdin


def _exit_code(process: subprocess.Popen[str]) -> int | None:
    try:
        return process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _close(pipe: IO[str]) -> None:
    try:
        pipe.close()
    except OSError:
        return


def _timed_out(seconds: float) -> BackpropError:
    return BackpropError(
        "RUNTIME_WORKER_TIMEOUT",
        f"The helper process gave no answer within {seconds:g} seconds, so it was ended.",
        hint="Try again, with fewer rows or a smaller file if it happens again.",
        retryable=True,
    )


class _Shared:
    """This process's own worker, made when it is first asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: Worker | None = None

    def get(self, idle_seconds: float) -> Worker:
        with self._lock:
            if self._worker is None:
                self._worker = Worker(idle_seconds)
                atexit.register(self._worker.close)
            return self._worker


shared = _Shared()
