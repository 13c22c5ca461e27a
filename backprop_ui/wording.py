"""Numbers, times and events in words. Pure functions; nothing here knows Reflex."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from engine.runs import events

Tone = Literal["quiet", "good", "warn", "bad"]
NONE = "–"  # noqa: RUF001 - an en dash stands for "not there"

STATUS_WORDS = {
    "queued": "Queued",
    "running": "Running",
    "paused": "Paused",
    "completed": "Completed",
    "timeboxed": "Time box ended",
    "stopped": "Stopped",
    "failed": "Failed",
    "interrupted": "Interrupted",
}
ORIGIN_WORDS = {"page": "This page", "cli": "Command line", "python": "Python"}


@dataclass(frozen=True)
class EventWords:
    """One event as a line of the event list."""

    text: str
    tone: Tone


def loss_words(loss: float | None) -> str:
    if loss is None:
        return NONE
    return f"{loss:.4f}" if abs(loss) < 10 else f"{loss:.2f}"


def rate_words(rate: float | None) -> str:
    """A learning rate, as people write it: 0.0002 is 2e-4."""
    if rate is None:
        return NONE
    mantissa, exponent = f"{rate:.2e}".split("e")
    return "0" if rate == 0 else f"{float(mantissa):g}e{int(exponent)}"


def duration_words(seconds: float | None) -> str:
    """Two units at most: 42 s, 3 min 20 s, 2 h 05 min, 3 d 4 h."""
    if seconds is None:
        return NONE
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def moment_words(at: float, now: float) -> str:
    """A moment on this machine's clock, with the date only where it is another day."""
    then, today = datetime.fromtimestamp(at), datetime.fromtimestamp(now)
    if then.date() == today.date():
        return f"Today {then:%H:%M}"
    return f"{then.day} {then:%b %H:%M}" if then.year == today.year else f"{then:%Y-%m-%d %H:%M}"


def count_words(count: int) -> str:
    """A count in thousands: 134,515,008."""
    return f"{count:,}"


def parameter_words(count: int) -> str:
    """The size of a model as its makers write it: 135M, 7.6B."""
    return f"{count / 1e9:.1f}B" if count >= 999.5e6 else f"{count / 1e6:.0f}M"


def size_words(number: float) -> str:
    """Bytes in the unit that fits: 3.1 GB."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def model_words(name: str) -> str:
    """The last part of a path; names of presets and hub ids stay."""
    return Path(name).name if Path(name).is_absolute() else name


def data_words(path: Path | None) -> str:
    """The name of a data file, without the random part that uploads get."""
    if path is None:
        return NONE
    return path.name.partition("-")[2] or path.name if path.parent.name == "uploads" else path.name


def event_words(event: events.Event) -> EventWords | None:
    """An event as a line; None for the steps, which the curve shows."""
    match event:
        case events.RunStarted(resumed_from_step=None):
            return EventWords("Process started", "quiet")
        case events.RunStarted(resumed_from_step=step):
            return EventWords(f"Went on from step {step:,}", "quiet")
        case events.ModelLoaded():
            return EventWords(
                f"Model loaded on {event.device} in {duration_words(event.seconds)}: "
                f"{count_words(event.trainable_parameters)} of {count_words(event.parameters)} "
                f"parameters are trained ({event.precision})",
                "quiet",
            )
        case events.DataLoaded():
            cut = f", {event.truncated_rows} cut to the max length" if event.truncated_rows else ""
            return EventWords(
                f"Data ready: {count_words(event.rows)} rows to learn from, "
                f"{count_words(event.eval_rows)} kept back{cut}",
                "warn" if event.truncated_rows else "quiet",
            )
        case events.Evaluated(step=step, loss=loss, is_best=is_best):
            best = ", the lowest so far" if is_best else ""
            return EventWords(f"Eval loss {loss_words(loss)} at step {step:,}{best}", "quiet")
        case events.CheckpointSaved(step=step):
            return EventWords(f"Checkpoint saved at step {step:,}", "quiet")
        case events.WarningRaised(message=message, hint=hint):
            return EventWords(f"{message} {hint}".strip(), "warn")
        case events.StatusChanged(status=status, reason=reason):
            words = STATUS_WORDS.get(status, status)
            return EventWords(f"{words}: {reason}" if reason else words, "quiet")
        case events.Finished(seconds=seconds):
            return EventWords(f"Finished after {duration_words(seconds)}", "good")
        case events.Failed(code=code, message=message):
            return EventWords(f"[{code}] {message}", "bad")
    return None
