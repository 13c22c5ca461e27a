"""What a run says while it lives: typed events, one JSON line each.

The child process writes them on its pipe, the supervisor stores them, the doors read them.
Times are Unix seconds and are added by the supervisor when a line arrives.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import ClassVar, Literal

EndStatus = Literal["completed", "stopped", "timeboxed"]


@dataclass(frozen=True)
class Event:
    """Base of all events; `kind` is the tag on the wire."""

    kind: ClassVar[str] = ""

    def to_json(self) -> str:
        """One line of JSON. NaN and infinity are refused: they are not numbers to show."""
        return json.dumps({"kind": self.kind, **asdict(self)}, allow_nan=False)


@dataclass(frozen=True)
class RunStarted(Event):
    """The child is up. `resumed_from_step` is None for a first start."""

    kind = "run_started"
    run_id: str
    attempt: int
    resumed_from_step: int | None = None


@dataclass(frozen=True)
class ModelLoaded(Event):
    """The base model is in memory and has its adapter."""

    kind = "model_loaded"
    model: str
    parameters: int
    trainable_parameters: int
    device: str
    precision: str
    seconds: float


@dataclass(frozen=True)
class DataLoaded(Event):
    """The examples are tokenised. Token counts are over the training rows.

    `steps` tells how many rows each step of the recipe left, `rows_sha256` which rows were used
    and in which order.
    """

    kind = "data_loaded"
    rows: int
    eval_rows: int
    tokens: int
    trained_tokens: int
    truncated_rows: int
    sha256: str
    recipe_sha256: str = ""
    rows_sha256: str = ""
    steps: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Step(Event):
    """One optimizer step. `tokens` counts the run's non-padding tokens up to here."""

    kind = "step"
    step: int
    total_steps: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    tokens: int
    tokens_per_second: float
    eta_seconds: float


@dataclass(frozen=True)
class Evaluated(Event):
    """The loss on the rows that were kept back."""

    kind = "evaluated"
    step: int
    loss: float
    is_best: bool


@dataclass(frozen=True)
class CheckpointSaved(Event):
    """A complete checkpoint lies at `path`; `sha256` is that of its manifest."""

    kind = "checkpoint_saved"
    step: int
    path: str
    sha256: str
    is_best: bool = False


@dataclass(frozen=True)
class WarningRaised(Event):
    """Something the person should know, which does not end the run."""

    kind = "warning"
    message: str
    hint: str = ""


@dataclass(frozen=True)
class StatusChanged(Event):
    """Written by the supervisor when the run's status changes."""

    kind = "status"
    status: str
    reason: str = ""


@dataclass(frozen=True)
class Finished(Event):
    """The work ended as asked. `path` is what it made; losses are None where not measured."""

    kind = "finished"
    status: EndStatus
    path: str
    steps: int = 0
    loss: float | None = None
    eval_loss: float | None = None
    best_step: int | None = None
    best_eval_loss: float | None = None
    best_checkpoint: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Failed(Event):
    """The work could not go on; the fields are those of `BackpropError`."""

    kind = "failed"
    code: str
    message: str
    hint: str = ""
    cause: str = ""
    retryable: bool = False


_KINDS: dict[str, type[Event]] = {
    event.kind: event
    for event in (
        RunStarted,
        ModelLoaded,
        DataLoaded,
        Step,
        Evaluated,
        CheckpointSaved,
        WarningRaised,
        StatusChanged,
        Finished,
        Failed,
    )
}


def from_json(line: str) -> Event:
    """Parse one line. Raises ValueError on anything that is not one of the events above."""
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("kind") not in _KINDS:
        raise ValueError("not an event of a known kind")
    event_type = _KINDS[data.pop("kind")]
    known = {field.name for field in fields(event_type)}
    unknown = set(data) - known
    if unknown:
        raise ValueError(f"{event_type.kind} has no field {', '.join(sorted(unknown))}")
    if any(isinstance(value, float) and not math.isfinite(value) for value in data.values()):
        raise ValueError(f"{event_type.kind} holds a number that is not finite")
    try:
        return event_type(**data)
    except TypeError as error:
        raise ValueError(f"{event_type.kind}: {error}") from error
