"""What a watcher has heard of a run so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.cli import wording
from engine.runs.events import (
    CheckpointSaved,
    DataLoaded,
    Evaluated,
    Event,
    ModelLoaded,
    RunStarted,
    StatusChanged,
    Step,
    WarningRaised,
)


@dataclass
class Heard:
    """The state that events add up to, for views that draw it."""

    losses: list[float] = field(default_factory=list)
    step: Step | None = None
    evaluated: Evaluated | None = None
    model: ModelLoaded | None = None
    data: DataLoaded | None = None
    warnings: list[str] = field(default_factory=list)
    status: str = "queued"

    def hear(self, event: Event) -> None:
        match event:
            case RunStarted(resumed_from_step=kept):
                # A resume takes back the steps that came after its checkpoint.
                del self.losses[kept or 0 :]
                self.status = "running"
            case Step():
                self.step = event
                self.losses.append(event.loss)
            case Evaluated():
                self.evaluated = event
            case ModelLoaded():
                self.model = event
            case DataLoaded():
                self.data = event
            case WarningRaised():
                self.warnings.append(event.message)
            case StatusChanged():
                self.status = event.status


def sentence(event: Event) -> str:
    """An event as one plain line; empty where a line would tell nothing new."""
    match event:
        case RunStarted(resumed_from_step=int(step)):
            return f"resuming after step {step}"
        case ModelLoaded():
            return model_words(event)
        case DataLoaded():
            return data_words(event)
        case Step():
            return step_words(event)
        case Evaluated():
            best = " (lowest so far)" if event.is_best else ""
            return f"step {event.step}: eval loss {wording.loss(event.loss)}{best}"
        case CheckpointSaved():
            return f"step {event.step}: checkpoint saved"
        case WarningRaised():
            return f"warning: {event.message} {event.hint}".rstrip()
        case StatusChanged():
            return f"{event.status} {event.reason}".rstrip()
    return ""


def model_words(event: ModelLoaded) -> str:
    trained, all_of_them = event.trainable_parameters, event.parameters
    return (
        f"model {event.model}: training {wording.count(trained)} of "
        f"{wording.count(all_of_them)} parameters on {event.device} in {event.precision}"
    )


def data_words(event: DataLoaded) -> str:
    cut = f", {event.truncated_rows} cut to the max length" if event.truncated_rows else ""
    kept_back = f" and {event.eval_rows} to measure on" if event.eval_rows else ""
    return f"data: {event.rows} examples{kept_back}, {event.tokens:,} tokens{cut}"


def step_words(event: Step) -> str:
    return (
        f"step {event.step}/{event.total_steps}  loss {wording.loss(event.loss)}  "
        f"{event.tokens_per_second:,.0f} tokens/s  ETA {wording.duration(event.eta_seconds)}"
    )


def drawn_width(losses: Sequence[float], total_steps: int, width: int) -> int:
    """How wide the curve is drawn, so that its right edge is the end of the run."""
    if total_steps <= 0:
        return width
    return max(round(width * len(losses) / total_steps), 2)
