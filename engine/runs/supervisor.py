"""One process a run: starts the child, stores what it says, passes commands on, writes the end.

    python -m engine.runs.supervisor STORE RUN_ID

The child holds the other end of a pipe on its stdin: when this process dies, however it dies,
the child notices and ends, so no orphan goes on writing.
"""

from __future__ import annotations

import math
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import psutil

from engine.config import LimitsConfig, RunConfig
from engine.governor.telemetry import read_machine
from engine.runs.events import Event, Failed, Finished, StatusChanged, from_json
from engine.runs.history import write_history, write_result
from engine.runs.log import CappedLog
from engine.runs.processes import identify, kill_tree, python_path, this_process
from engine.runs.records import Command, Run, Status
from engine.runs.store import Store

BATCH_SECONDS = 0.05
POLL_SECONDS = 0.2
BEAT_SECONDS = 1.0
READING_SECONDS = 2.0
STOP_GRACE_SECONDS = 120.0
STORE_RETRY_SECONDS = 60.0
LAST_WORDS_SECONDS = 2.0
LONGEST_LINE_BYTES = 1024 * 1024

# libgomp's threads spin for milliseconds while they wait for each other. On a machine that does
# something else too, the one that is waited for then has no core to run on: matrix products on
# two busy cores took 3 to 4 times as long. This many turns are some ten microseconds.
PATIENCE = {"GOMP_SPINCOUNT": "2000"}

CHILD_MODULES = {"train": "engine.training", "export": "engine.export"}


class Supervisor:
    """The life of one attempt of a run, from the start of the child to the written end."""

    def __init__(self, store: Store, run: Run, child: subprocess.Popen[bytes]) -> None:
        self._store = store
        self._run = run
        self._child = child
        self._log = CappedLog(run.log_path)
        self._box_seconds = _box_seconds(run)
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._pending: list[tuple[float, Event]] = []
        self._outcome: Finished | Failed | None = None
        self._boxed = False
        self._stop_asked_at: float | None = None
        self._killed = False
        self._shutdown = threading.Event()

    def supervise(self) -> None:
        """Watch the child until it has ended, then write the end of the run."""
        self._store.set_supervisor(self._run.id, this_process())
        self._store.set_child(self._run.id, identify(psutil.Process(self._child.pid)))
        write_history(self._store, self._run.output_dir)
        signal.signal(signal.SIGTERM, lambda *_: self._shutdown.set())
        readers = [
            threading.Thread(target=self._read_events, args=(_pipe(self._child.stdout),)),
            threading.Thread(target=self._read_log, args=(_pipe(self._child.stderr),)),
        ]
        with self._child:
            for reader in readers:
                reader.daemon = True
                reader.start()
            self._watch()
            self._child.wait()
            for reader in readers:
                reader.join(timeout=LAST_WORDS_SECONDS)
        self._conclude()

    # Watching

    def _watch(self) -> None:
        began = time.monotonic()
        next_beat = next_reading = 0.0
        while True:
            now = time.monotonic()
            if now >= next_beat:
                self._obey(self._store_beat())
                next_beat = now + POLL_SECONDS
            if now >= next_reading:
                self._take_reading()
                next_reading = now + READING_SECONDS
            if not self._boxed and now - began >= self._box_seconds:
                self._boxed = True
                self._obey("stop")
            if self._shutdown.is_set() and self._stop_asked_at is None:
                self._obey("stop")
            self._enforce_stop(now)
            if not self._drain():
                return

    def _drain(self) -> bool:
        """Store the events of the next moments; False at the end of the child's pipe."""
        try:
            line = self._lines.get(timeout=POLL_SECONDS)
        except queue.Empty:
            self._flush()
            return True
        deadline = time.monotonic() + BATCH_SECONDS
        while line is not None:
            self._accept(line)
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self._flush()
                return True
        self._flush()
        return False

    def _accept(self, line: bytes) -> None:
        text = line.decode("utf-8", errors="replace")
        try:
            event = from_json(text)
        except ValueError as error:
            self._log.write(f"(not an event: {error}) {text[:500]}\n".encode())
            return
        if isinstance(event, Finished | Failed):
            self._outcome = event
        self._pending.append((time.time(), event))

    def _flush(self) -> bool:
        """Write what is pending; keep it when the store cannot take it now (a full disk)."""
        if not self._pending:
            return True
        try:
            self._store.append(self._run.id, self._pending)
        except sqlite3.OperationalError as error:
            self._log.write(f"(the run store cannot be written now: {error})\n".encode())
            return False
        changed = any(isinstance(event, StatusChanged) for _, event in self._pending)
        self._pending.clear()
        if changed:
            write_history(self._store, self._run.output_dir)
        return True

    def _store_beat(self) -> Command | None:
        try:
            return self._store.beat(self._run.id)
        except sqlite3.OperationalError as error:
            self._log.write(f"(the run store cannot be written now: {error})\n".encode())
            return None

    def _take_reading(self) -> None:
        """Add to the machine's readings, unless another supervisor just did."""
        try:
            if not self._store.readings(time.time() - READING_SECONDS * 0.9):
                self._store.add_reading(read_machine())
        except sqlite3.OperationalError:
            return

    # Commands

    def _obey(self, command: Command | None) -> None:
        if command is None or self._child.stdin is None:
            return
        if command == "stop" and self._stop_asked_at is None:
            self._stop_asked_at = time.monotonic()
        try:
            self._child.stdin.write(f"{command}\n".encode())
            self._child.stdin.flush()
        except BrokenPipeError:
            return

    def _enforce_stop(self, now: float) -> None:
        asked = self._stop_asked_at
        if asked is not None and not self._killed and now - asked > STOP_GRACE_SECONDS:
            self._killed = True
            kill_tree(identify(psutil.Process(self._child.pid)))

    # Reading the child

    def _read_events(self, pipe: IO[bytes]) -> None:
        while line := pipe.readline(LONGEST_LINE_BYTES):
            self._lines.put(line)
        self._lines.put(None)

    def _read_log(self, pipe: IO[bytes]) -> None:
        descriptor = pipe.fileno()
        while data := os.read(descriptor, 65536):
            self._log.write(data)

    # The end

    def _conclude(self) -> None:
        if self._outcome is None:
            self._outcome = self._describe_silent_end()
            if isinstance(self._outcome, Failed):
                self._pending.append((time.time(), self._outcome))
        self._flush_or_wait()
        status, reason = self._final_status()
        self._store.end(self._run.id, status, reason)
        run = self._store.get(self._run.id)
        write_result(run)
        write_history(self._store, run.output_dir)

    def _flush_or_wait(self) -> None:
        deadline = time.monotonic() + STORE_RETRY_SECONDS
        while not self._flush():
            if time.monotonic() > deadline:
                raise SystemExit("The run store could not be written; the end is not recorded.")
            time.sleep(1)

    def _final_status(self) -> tuple[Status, str]:
        if isinstance(self._outcome, Failed):
            return "failed", self._outcome.message
        if self._killed:
            return "stopped", "did not save in time and was ended"
        status = self._outcome.status if self._outcome else "stopped"
        if status == "stopped" and self._boxed:
            return "timeboxed", f"saved at the end of its {self._box_seconds / 60:g} minutes"
        return status, ""

    def _describe_silent_end(self) -> Failed | None:
        if self._killed:
            return None
        code = self._child.returncode
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        killed = code == -9
        return Failed(
            "RUNTIME_CHILD_DIED",
            f"The process of this run {how} without a word.",
            "Usually the system was out of memory; resuming goes on from the last checkpoint."
            if killed
            else "The run's log shows its last words; resuming goes on from the last checkpoint.",
            retryable=True,
        )


def start_child(run: Run) -> subprocess.Popen[bytes]:
    """Start the process that does the work of this kind of run."""
    threads = str(_limits(run).threads or os.cpu_count() or 1)
    environment = (
        PATIENCE
        | os.environ
        | {
            "PYTHONPATH": python_path(),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
    )
    command = [sys.executable, "-m", CHILD_MODULES[run.kind], "--run-id", run.id]
    command += ["--run-dir", str(run.run_dir), "--attempt", str(run.attempt)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )


def _limits(run: Run) -> LimitsConfig:
    return RunConfig.model_validate_json(run.config_json).limits


def _box_seconds(run: Run) -> float:
    minutes = _limits(run).max_minutes
    return math.inf if minutes is None else minutes * 60


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("the child was started with pipes")
    return pipe


def main(argv: list[str]) -> None:
    store_path, run_id = argv
    store = Store(Path(store_path))
    run = store.get(run_id)
    try:
        child = start_child(run)
    except OSError as error:
        failure = Failed("RUNTIME_UNEXPECTED", f"The run could not be started: {error}")
        store.append(run_id, [(time.time(), failure)])
        store.end(run_id, "failed", failure.message)
        return
    Supervisor(store, run, child).supervise()


if __name__ == "__main__":
    main(sys.argv[1:])
