"""`run_history.json` and `result.json`: derived files for people and other programs.

The store is the truth; these are written from it and never read back.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

from engine.files import write_atomically
from engine.runs.records import Curve, Run
from engine.runs.store import Store

RUNS_KEPT = 100
POINTS_KEPT = 200


class HistoryEntry(TypedDict):
    run_id: str
    name: str
    kind: str
    status: str
    model: str
    data: str | None
    hyperparameters: dict[str, object]
    created_at: float
    started_at: float | None
    ended_at: float | None
    steps: int
    final_loss: float | None
    best_eval_loss: float | None
    result_path: str | None
    error: str | None
    loss_history: list[tuple[int, float]]


def write_history(store: Store, output_dir: Path) -> None:
    """Write the newest runs of an output folder, where the folder (still) exists."""
    if not output_dir.is_dir():
        return
    runs = store.in_output_dir(output_dir)[:RUNS_KEPT]
    entries = [_entry(run, store.curve(run.id)) for run in runs]
    write_atomically(output_dir / "run_history.json", json.dumps({"runs": entries}, indent=2))


def write_result(run: Run) -> None:
    """Write how a run ended into its own folder."""
    text = json.dumps(
        {
            "run_id": run.id,
            "status": run.status,
            "reason": run.status_reason,
            "steps": run.step,
            "loss": run.loss,
            "eval_loss": run.eval_loss,
            "best_eval_loss": run.best_eval_loss,
            "best_step": run.best_step,
            "path": run.result.path if run.result else None,
            "error": run.error.code if run.error else None,
            "message": run.error.message if run.error else None,
        },
        indent=2,
    )
    write_atomically(run.run_dir / "result.json", text)


def _entry(run: Run, curve: Curve) -> HistoryEntry:
    config = json.loads(run.config_json)
    return HistoryEntry(
        run_id=run.id,
        name=run.name,
        kind=run.kind,
        status=run.status,
        model=config["model"]["name"],
        data=config["data"]["path"] if config.get("data") else None,
        hyperparameters={**config["training"], "lora": config["lora"]},
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        steps=run.step,
        final_loss=run.loss,
        best_eval_loss=run.best_eval_loss,
        result_path=run.result.path if run.result else None,
        error=run.error.code if run.error else None,
        loss_history=_thinned(curve),
    )


def _thinned(curve: Curve) -> list[tuple[int, float]]:
    """At most POINTS_KEPT points, evenly spaced, always with the last one."""
    points = list(zip(curve.steps, curve.losses, strict=True))
    stride = max(1, -(-len(points) // POINTS_KEPT))
    kept = points[::-1][::stride]
    return kept[::-1]
