"""The run store's values, as every door sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.runs.events import Event, Failed, Finished

Status = Literal[
    "queued", "running", "paused", "completed", "timeboxed", "stopped", "failed", "interrupted"
]
Origin = Literal["cli", "page", "python"]
Command = Literal["stop", "pause", "resume"]

LIVE: frozenset[Status] = frozenset({"queued", "running", "paused"})
ENDED: frozenset[Status] = frozenset({"completed", "timeboxed", "stopped", "failed", "interrupted"})
RESUMABLE: frozenset[Status] = ENDED - {"completed"}


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    created_at: float


@dataclass(frozen=True)
class Run:
    """One row of the store. Times are Unix seconds; None means not yet, or not measured."""

    id: str
    kind: str
    name: str
    status: Status
    status_reason: str
    config_json: str
    output_dir: Path
    run_dir: Path
    origin: Origin
    created_at: float
    started_at: float | None
    ended_at: float | None
    heartbeat_at: float | None
    supervisor: ProcessId | None
    child: ProcessId | None
    requested: Command | None
    attempt: int
    step: int
    total_steps: int
    loss: float | None
    eval_loss: float | None
    best_eval_loss: float | None
    best_step: int | None
    tokens_per_second: float | None
    eta_seconds: float | None
    result: Finished | None
    error: Failed | None

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def log_path(self) -> Path:
        return self.run_dir / "log.txt"


@dataclass(frozen=True)
class StoredEvent:
    """An event with its place in the store (`seq` grows) and its arrival time."""

    seq: int
    at: float
    event: Event


@dataclass(frozen=True)
class Curve:
    """The loss curve of a run: one point a step, also across resumes.

    `revision` changes when points that were already given have been taken back (a resume goes
    on from its checkpoint); a reader that holds another revision starts over. The lists
    `steps`, `losses`, `learning_rates` and `grad_norms` have the same length; `evals` are
    (step, loss) pairs. `last_seq` is the newest event that went in.
    """

    revision: int
    steps: list[int]
    losses: list[float]
    learning_rates: list[float]
    grad_norms: list[float]
    evals: list[tuple[int, float]]
    last_seq: int
