"""The run store: rows of runs, their events, the machine's readings, the dispatcher's lock.

Every statement that decides something (claim, request, end) is one transaction that checks the
present status, so that two processes can never both win.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from engine.errors import BackpropError
from engine.governor.telemetry import Reading
from engine.runs import database
from engine.runs.events import Evaluated, Event, RunStarted, StatusChanged, Step, from_json
from engine.runs.records import (
    ENDED,
    RESUMABLE,
    Command,
    Curve,
    Origin,
    ProcessId,
    Run,
    Status,
    StoredEvent,
)
from engine.runs.rows import run_from_row, summary_changes, where_clause

READINGS_KEPT_SECONDS = 3600
ALIVE = ("running", "paused")


class Store:
    """One connection to the store; use one per thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = database.connect(path)

    def close(self) -> None:
        self._db.close()

    # Runs

    def add_run(
        self, run_id: str, *, kind: str, name: str, config: str, output_dir: Path, origin: Origin
    ) -> Run:
        """Insert a queued run."""
        now = time.time()
        self._db.execute(
            "insert into runs (id, kind, name, status, config, output_dir, origin,"
            " created_at, queued_at) values (?, ?, ?, 'queued', ?, ?, ?, ?, ?)",
            (run_id, kind, name, config, str(output_dir), origin, now, now),
        )
        return self.get(run_id)

    def get(self, run_id: str) -> Run:
        """The run with exactly this id. Raises INPUT_RUN_NOT_FOUND."""
        row = self._db.execute("select * from runs where id = ?", (run_id,)).fetchone()
        if row is None:
            raise _not_found(run_id)
        return run_from_row(row)

    def find(self, prefix: str) -> Run:
        """The one run whose id starts with `prefix`. Raises INPUT_RUN_NOT_FOUND."""
        pattern = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = self._db.execute(
            "select * from runs where id like ? escape '\\' order by id = ? desc, id desc limit 6",
            (pattern, prefix),
        ).fetchall()
        if not prefix or not rows:
            raise _not_found(prefix)
        if len(rows) > 1 and rows[0]["id"] != prefix:
            ids = ", ".join(row["id"] for row in rows[:5])
            raise BackpropError(
                "INPUT_RUN_NOT_FOUND",
                f"Several runs start with {prefix!r}: {ids}.",
                hint="Give a few more characters of the id.",
            )
        return run_from_row(rows[0])

    def newest(
        self,
        *,
        status: Status | None = None,
        kind: str | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> list[Run]:
        """Runs, the newest first."""
        where, values = where_clause(status, kind)
        rows = self._db.execute(
            f"select * from runs {where} order by created_at desc, id desc limit ? offset ?",  # noqa: S608 - fixed text
            (*values, limit, offset),
        )
        return [run_from_row(row) for row in rows]

    def count(self, *, status: Status | None = None, kind: str | None = None) -> int:
        where, values = where_clause(status, kind)
        row = self._db.execute(f"select count(*) from runs {where}", values).fetchone()  # noqa: S608 - fixed text
        return int(row[0])

    def in_output_dir(self, output_dir: Path) -> list[Run]:
        """All runs that write to this output folder, newest first."""
        rows = self._db.execute(
            "select * from runs where output_dir = ? order by created_at desc, id desc",
            (str(output_dir),),
        )
        return [run_from_row(row) for row in rows]

    def with_status(self, *statuses: Status) -> list[Run]:
        """All runs in one of these states, in the order in which they were queued."""
        marks = ", ".join("?" * len(statuses))
        rows = self._db.execute(
            f"select * from runs where status in ({marks}) order by queued_at, id",  # noqa: S608 - fixed text
            statuses,
        )
        return [run_from_row(row) for row in rows]

    def delete(self, run_id: str) -> None:
        """Remove an ended run and its events. Raises STATE_RUN_BUSY when it is live."""
        with database.transaction(self._db):
            run = self.get(run_id)
            if run.is_live:
                raise _busy(run, "delete it", "Stop it first.")
            self._db.execute("delete from events where run_id = ?", (run_id,))
            self._db.execute("delete from runs where id = ?", (run_id,))

    # The life of a run

    def claim(self, run_id: str) -> bool:
        """Take a queued run to start it; False when somebody else did or it was stopped."""
        now = time.time()
        cursor = self._db.execute(
            "update runs set status = 'running', status_reason = '', attempt = attempt + 1,"
            " started_at = coalesce(started_at, ?), heartbeat_at = ?, ended_at = null,"
            " supervisor_pid = null, child_pid = null, requested = null, result = null,"
            " error = null where id = ? and status = 'queued'",
            (now, now, run_id),
        )
        return cursor.rowcount == 1

    def set_supervisor(self, run_id: str, supervisor: ProcessId) -> None:
        self._db.execute(
            "update runs set supervisor_pid = ?, supervisor_created_at = ? where id = ?",
            (supervisor.pid, supervisor.created_at, run_id),
        )

    def set_child(self, run_id: str, child: ProcessId) -> None:
        self._db.execute(
            "update runs set child_pid = ?, child_created_at = ? where id = ?",
            (child.pid, child.created_at, run_id),
        )

    def beat(self, run_id: str) -> Command | None:
        """Say that the supervisor lives, and take the command that waits, if any."""
        row = self._db.execute("select requested from runs where id = ?", (run_id,)).fetchone()
        requested: Command | None = row["requested"] if row else None
        self._db.execute(
            "update runs set heartbeat_at = ?, requested = nullif(requested, ?) where id = ?",
            (time.time(), requested, run_id),
        )
        return requested

    def set_reason(self, run_id: str, reason: str) -> None:
        """Say why a queued run waits."""
        self._db.execute(
            "update runs set status_reason = ? where id = ? and status = 'queued'"
            " and status_reason <> ?",
            (reason, run_id, reason),
        )

    def request(self, run_id: str, command: Command) -> Run:
        """Leave a command for the supervisor. A queued run is stopped at once.

        Raises STATE_RUN_BUSY when the command makes no sense in the run's state.
        """
        with database.transaction(self._db):
            run = self.get(run_id)
            if command == "stop" and run.status == "queued":
                self._end(run_id, "stopped", "stopped before it began")
            elif run.status not in ALIVE:
                raise _busy(run, f"{command} it", "Only a run that is under way can take that.")
            elif run.requested != "stop":
                self._db.execute("update runs set requested = ? where id = ?", (command, run_id))
        return self.get(run_id)

    def requeue(self, run_id: str) -> Run:
        """Put an ended run back into the queue, keeping its id. Raises STATE_RUN_BUSY."""
        with database.transaction(self._db):
            run = self.get(run_id)
            if run.status not in RESUMABLE:
                hint = (
                    "It is complete; start a new run from it to train further."
                    if run.status == "completed"
                    else "Another command has already started it."
                )
                raise _busy(run, "resume it", hint)
            self._db.execute(
                "update runs set status = 'queued', status_reason = '', queued_at = ?,"
                " ended_at = null, requested = null, error = null where id = ?",
                (time.time(), run_id),
            )
            self._append(run_id, time.time(), StatusChanged("queued", "resumed"))
        return self.get(run_id)

    def end(self, run_id: str, status: Status, reason: str = "") -> bool:
        """Write the end of a run once; False when it has already ended."""
        with database.transaction(self._db):
            if self.get(run_id).status in ENDED:
                return False
            self._end(run_id, status, reason)
        return True

    def interrupt(self, run: Run) -> bool:
        """Write that a run's supervisor is gone, unless it showed itself meanwhile."""
        with database.transaction(self._db):
            now = self.get(run.id)
            if now.status not in ALIVE or now.heartbeat_at != run.heartbeat_at:
                return False
            self._end(run.id, "interrupted", "its supervisor is gone")
        return True

    def _end(self, run_id: str, status: Status, reason: str) -> None:
        now = time.time()
        self._db.execute(
            "update runs set status = ?, status_reason = ?, ended_at = ?, requested = null,"
            " eta_seconds = null where id = ?",
            (status, reason, now, run_id),
        )
        self._append(run_id, now, StatusChanged(status, reason))

    # Events

    def append(self, run_id: str, events: Sequence[tuple[float, Event]]) -> None:
        """Store events in order and bring the run's summary columns up to date."""
        with database.transaction(self._db):
            for at, event in events:
                self._append(run_id, at, event)
                self._summarise(run_id, event)

    def events(self, run_id: str, after_seq: int = 0, limit: int = 1000) -> list[StoredEvent]:
        """Events of a run in order, after a place in the store."""
        rows = self._db.execute(
            "select seq, at, data from events where run_id = ? and seq > ? order by seq limit ?",
            (run_id, after_seq, limit),
        )
        return [StoredEvent(row["seq"], row["at"], from_json(row["data"])) for row in rows]

    def curve(self, run_id: str) -> Curve:
        """The loss curve. Steps that a resume did again are taken from the later attempt."""
        rows = self._db.execute(
            "select seq, kind, data from events where run_id = ?"
            " and kind in ('run_started', 'step', 'evaluated') order by seq",
            (run_id,),
        )
        steps: list[Step] = []
        evals: list[tuple[int, float]] = []
        revision = last_seq = 0
        for row in rows:
            last_seq = row["seq"]
            match from_json(row["data"]):
                case RunStarted(attempt=attempt, resumed_from_step=resumed):
                    revision = attempt
                    kept = resumed or 0
                    steps = [step for step in steps if step.step <= kept]
                    evals = [pair for pair in evals if pair[0] <= kept]
                case Step() as step:
                    steps.append(step)
                case Evaluated(step=at_step, loss=loss):
                    evals.append((at_step, loss))
        return Curve(
            revision=revision,
            steps=[step.step for step in steps],
            losses=[step.loss for step in steps],
            learning_rates=[step.learning_rate for step in steps],
            grad_norms=[step.grad_norm for step in steps],
            evals=evals,
            last_seq=last_seq,
        )

    def _append(self, run_id: str, at: float, event: Event) -> None:
        self._db.execute(
            "insert into events (run_id, at, kind, data) values (?, ?, ?, ?)",
            (run_id, at, event.kind, event.to_json()),
        )

    def _summarise(self, run_id: str, event: Event) -> None:
        changes = summary_changes(event)
        if changes:
            assignments = ", ".join(f"{column} = ?" for column in changes)
            self._db.execute(
                f"update runs set {assignments} where id = ?",  # noqa: S608 - our own column names
                (*changes.values(), run_id),
            )

    # Readings

    def add_reading(self, reading: Reading) -> None:
        with database.transaction(self._db):
            self._db.execute(
                "insert or replace into readings (at, data) values (?, ?)",
                (reading.at, reading.to_json()),
            )
            self._db.execute(
                "delete from readings where at < ?", (reading.at - READINGS_KEPT_SECONDS,)
            )

    def readings(self, since: float) -> list[Reading]:
        """Readings since a time (Unix seconds), oldest first."""
        rows = self._db.execute("select data from readings where at >= ? order by at", (since,))
        return [Reading.from_json(row["data"]) for row in rows]

    # The dispatcher

    def dispatcher(self) -> ProcessId | None:
        row = self._db.execute("select pid, created_at from dispatcher").fetchone()
        return ProcessId(row["pid"], row["created_at"]) if row else None

    def take_dispatch(self, me: ProcessId, gone: ProcessId | None) -> bool:
        """Become the dispatcher, in place of one that is `gone`; False when another was first."""
        with database.transaction(self._db):
            if self.dispatcher() not in (None, gone, me):
                return False
            self._db.execute(
                "insert or replace into dispatcher (only_row, pid, created_at) values (1, ?, ?)",
                (me.pid, me.created_at),
            )
        return True

    def leave_dispatch(self, me: ProcessId) -> bool:
        """Stop being the dispatcher; False while runs are queued, so that none is forgotten."""
        with database.transaction(self._db):
            if self.count(status="queued"):
                return False
            self._db.execute("delete from dispatcher where pid = ?", (me.pid,))
        return True


def _not_found(prefix: str) -> BackpropError:
    return BackpropError(
        "INPUT_RUN_NOT_FOUND",
        f"There is no run {prefix!r}.",
        hint="backprop list-runs shows all runs and their ids.",
    )


def _busy(run: Run, what: str, hint: str) -> BackpropError:
    return BackpropError(
        "STATE_RUN_BUSY", f"Run {run.id} is {run.status}: cannot {what}.", hint=hint
    )
