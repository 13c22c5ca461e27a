"""How a run ended, as the error a door raises."""

from __future__ import annotations

from engine.errors import BackpropError
from engine.runs.records import Run


def failure_of(run: Run) -> BackpropError | None:
    """The error of a run that failed or was cut off; None for every other end."""
    if run.status not in ("failed", "interrupted"):
        return None
    if run.error is not None:
        told = run.error
        return BackpropError(
            told.code, told.message, hint=told.hint, cause=told.cause, retryable=told.retryable
        )
    return BackpropError(
        "RUNTIME_CHILD_DIED",
        f"The run {run.id} was cut off at step {run.step}"
        + (f": {run.status_reason}." if run.status_reason else "."),
        hint=f"Go on from its last checkpoint with: backprop resume {run.id}",
        retryable=True,
    )
