"""A run as JSON, for `--json`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from engine.runs.records import Curve, Run


# Any: JSON on its way out, built from typed values.
def run_as_json(run: Run) -> dict[str, Any]:
    """What scripts want to know of a run; times are Unix seconds."""
    return {
        "run_id": run.id,
        "kind": run.kind,
        "name": run.name,
        "status": run.status,
        "status_reason": run.status_reason,
        "origin": run.origin,
        "attempt": run.attempt,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "step": run.step,
        "total_steps": run.total_steps,
        "loss": run.loss,
        "eval_loss": run.eval_loss,
        "best_eval_loss": run.best_eval_loss,
        "best_step": run.best_step,
        "tokens_per_second": run.tokens_per_second,
        "eta_seconds": run.eta_seconds,
        "output_dir": str(run.output_dir),
        "run_dir": str(run.run_dir),
        "config": json.loads(run.config_json),
        "result": asdict(run.result) if run.result else None,
        "error": asdict(run.error) if run.error else None,
    }


def curve_as_json(curve: Curve) -> dict[str, Any]:
    return {
        "steps": curve.steps,
        "losses": curve.losses,
        "learning_rates": curve.learning_rates,
        "grad_norms": curve.grad_norms,
        "evals": curve.evals,
    }
