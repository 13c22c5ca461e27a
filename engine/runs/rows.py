"""Between the rows of the store and the values that the program works with."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path

from engine.runs.events import Evaluated, Event, Failed, Finished, RunStarted, StatusChanged, Step
from engine.runs.records import ProcessId, Run, Status


def summary_changes(event: Event) -> dict[str, str | int | float | None]:
    """What an event changes in its run's summary columns."""
    match event:
        case RunStarted(resumed_from_step=resumed):
            return {"step": resumed or 0}
        case Step():
            return {
                "step": event.step,
                "total_steps": event.total_steps,
                "loss": event.loss,
                "tokens_per_second": event.tokens_per_second,
                "eta_seconds": event.eta_seconds,
            }
        case Evaluated(step=step, loss=loss, is_best=is_best):
            best = {"best_eval_loss": loss, "best_step": step} if is_best else {}
            return {"eval_loss": loss, **best}
        case StatusChanged(status=status, reason=reason):
            return {"status": status, "status_reason": reason}
        case Finished():
            return {"result": json.dumps(asdict(event))}
        case Failed():
            return {"error": json.dumps(asdict(event))}
    return {}


def where_clause(status: Status | None, kind: str | None) -> tuple[str, tuple[str, ...]]:
    """The condition of a list, with its values."""
    wanted = {"status": status, "kind": kind}
    given = {column: value for column, value in wanted.items() if value is not None}
    where = " and ".join(f"{column} = ?" for column in given)
    return (f"where {where}" if where else "", tuple(given.values()))


def run_from_row(row: sqlite3.Row) -> Run:
    output_dir = Path(row["output_dir"])
    return Run(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        status=row["status"],
        status_reason=row["status_reason"],
        config_json=row["config"],
        output_dir=output_dir,
        run_dir=output_dir / "runs" / row["id"],
        origin=row["origin"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        heartbeat_at=row["heartbeat_at"],
        supervisor=_process(row["supervisor_pid"], row["supervisor_created_at"]),
        child=_process(row["child_pid"], row["child_created_at"]),
        requested=row["requested"],
        attempt=row["attempt"],
        step=row["step"],
        total_steps=row["total_steps"],
        loss=row["loss"],
        eval_loss=row["eval_loss"],
        best_eval_loss=row["best_eval_loss"],
        best_step=row["best_step"],
        tokens_per_second=row["tokens_per_second"],
        eta_seconds=row["eta_seconds"],
        result=Finished(**json.loads(row["result"])) if row["result"] else None,
        error=Failed(**json.loads(row["error"])) if row["error"] else None,
    )


def _process(pid: int | None, created_at: float | None) -> ProcessId | None:
    return ProcessId(pid, created_at) if pid is not None and created_at is not None else None
