"""Runs as the pages show them: frozen rows of words and switches, made from the api's values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backprop_ui import wording
from engine.config import RunConfig, Section
from engine.errors import BackpropError
from engine.governor.telemetry import Reading
from engine.runs.records import RESUMABLE, Curve, Run

SPARK_POINTS = 40
SPARK_WIDTH, SPARK_HEIGHT = 120, 28
TAIL_POINTS = 16


@dataclass(frozen=True)
class Line:
    """A name and a value."""

    label: str
    value: str


@dataclass(frozen=True)
class Problem:
    """An error to show: what, why, and what to do. Empty when there is none."""

    code: str = ""
    message: str = ""
    hint: str = ""


def problem_of(error: BackpropError) -> Problem:
    return Problem(error.code, error.message, error.hint)


@dataclass(frozen=True)
class Row:
    """One run in a list."""

    id: str = ""
    title: str = ""
    status: str = ""
    status_words: str = ""
    model: str = ""
    data: str = ""
    loss: str = ""
    duration: str = ""
    created: str = ""
    origin: str = ""
    progress: str = ""
    spark: str = ""


@dataclass(frozen=True)
class Head:
    """What a run is and what may be done with it."""

    id: str = ""
    title: str = ""
    status: str = ""
    status_words: str = ""
    reason: str = ""
    facts: str = ""
    requested: str = ""
    is_live: bool = False
    can_stop: bool = False
    can_pause: bool = False
    can_resume: bool = False
    can_delete: bool = False
    is_foreign: bool = False
    command: str = ""
    resume_command: str = ""
    export_command: str = ""
    adapter: str = ""


@dataclass(frozen=True)
class Now:
    """The numbers of a run at this moment."""

    step: str = ""
    percent: int = 0
    loss: str = wording.NONE
    eval_loss: str = wording.NONE
    best: str = ""
    rate: str = wording.NONE
    speed: str = wording.NONE
    eta: str = wording.NONE
    elapsed: str = wording.NONE


@dataclass(frozen=True)
class Gauge:
    """One reading of the machine over the last two minutes."""

    label: str
    value: str
    spark: str


@dataclass(frozen=True)
class Tail:
    """The newest points of a curve; `start` counts the points before them."""

    start: int = 0
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    evals: list[tuple[int, float]] = field(default_factory=list)


def row_of(run: Run, spark: str, now: float) -> Row:
    config = config_of(run)
    return Row(
        id=run.id,
        title=title_of(run, config),
        status=run.status,
        status_words=wording.STATUS_WORDS[run.status],
        model=wording.model_words(config.model.name),
        data=wording.data_words(config.data.path if config.data else None),
        loss=wording.loss_words(run.loss),
        duration=wording.duration_words(seconds_of(run, now)),
        created=wording.moment_words(run.created_at, now),
        origin=wording.ORIGIN_WORDS[run.origin],
        progress=f"{run.step:,} / {run.total_steps:,}" if run.total_steps else wording.NONE,
        spark=spark,
    )


def head_of(run: Run, command: str, page_dir: Path, now: float) -> Head:
    """`page_dir` is the only folder the page writes to; runs elsewhere get commands instead."""
    config = config_of(run)
    is_own = lies_in(run, page_dir)
    asked_to_stop = run.requested == "stop"
    resumable = run.status in RESUMABLE or run.status == "paused"
    finished = run.result is not None and run.kind == "train"
    return Head(
        id=run.id,
        title=title_of(run, config),
        status=run.status,
        status_words=wording.STATUS_WORDS[run.status],
        reason=run.status_reason,
        facts=" · ".join(_facts(run, config, now)),
        requested=run.requested or "",
        is_live=run.is_live,
        can_stop=run.is_live and not asked_to_stop,
        can_pause=run.status == "running" and run.requested is None,
        can_resume=resumable and (is_own or run.status == "paused") and run.requested is None,
        can_delete=not run.is_live and is_own,
        is_foreign=not is_own,
        command=command,
        resume_command=f"backprop resume {run.id}" if run.status in RESUMABLE else "",
        export_command=f"backprop export {run.id} --format adapter" if finished else "",
        adapter=str(run.run_dir / "adapter") if finished else "",
    )


def lies_in(run: Run, page_dir: Path) -> bool:
    """Whether a run's folder is really inside the page's, also past links and dots."""
    return run.output_dir.resolve().is_relative_to(page_dir.resolve())


def now_of(run: Run, rate: float | None, now: float) -> Now:
    """`rate` is the learning rate of the last step, which a run's row does not hold."""
    total = run.total_steps
    speed = run.tokens_per_second
    best = run.best_eval_loss
    return Now(
        step=f"{run.step:,} of {total:,}" if total else wording.NONE,
        percent=round(100 * run.step / total) if total else 0,
        loss=wording.loss_words(run.loss),
        eval_loss=wording.loss_words(run.eval_loss),
        best="" if best is None else f"lowest {wording.loss_words(best)} at {run.best_step:,}",
        rate=wording.rate_words(rate),
        speed=wording.NONE if speed is None else f"{speed:,.0f}",
        eta=wording.duration_words(run.eta_seconds) if run.is_live else wording.NONE,
        elapsed=wording.duration_words(seconds_of(run, now)),
    )


def tail_of(curve: Curve) -> Tail:
    start = max(0, len(curve.steps) - TAIL_POINTS)
    losses = [round(loss, 5) for loss in curve.losses[start:]]
    evals = [(step, round(loss, 5)) for step, loss in curve.evals[-1:]]
    return Tail(start, list(curve.steps[start:]), losses, evals)


def gauges_of(readings: Sequence[Reading]) -> list[Gauge]:
    """GPU use and memory where there is a GPU; always the processor and the memory."""
    if not readings:
        return []
    last = readings[-1]
    gauges = [
        Gauge(
            "Processor", f"{last.cpu_percent:.0f} %", spark([r.cpu_percent for r in readings], 100)
        ),
        Gauge(
            "Memory",
            _of(last.memory_used_bytes, last.memory_total_bytes),
            spark([r.memory_used_bytes for r in readings], last.memory_total_bytes),
        ),
    ]
    return [*_gpu_gauges(readings), *gauges]


def spark(values: Sequence[float], top: float | None = None) -> str:
    """The `points` of an SVG polyline; `top` fixes the scale from zero, else it fits the values."""
    if len(values) < 2:
        return ""
    kept = _thin(values)
    low = 0.0 if top is not None else min(kept)
    high = top if top is not None else max(kept)
    span = (high - low) or 1.0
    across = SPARK_WIDTH / (len(kept) - 1)
    height = SPARK_HEIGHT - 4
    return " ".join(
        f"{index * across:.0f},{2 + height * (1 - (value - low) / span):.0f}"
        for index, value in enumerate(kept)
    )


def config_lines(config: RunConfig) -> list[Line]:
    """Every setting of a run that is set, under its name in the configuration."""
    return list(_lines(config, ""))


def config_of(run: Run) -> RunConfig:
    return RunConfig.model_validate_json(run.config_json)


def title_of(run: Run, config: RunConfig) -> str:
    if run.name:
        return run.name
    if config.export is not None:
        return f"Export of {config.export.source}"
    data = wording.data_words(config.data.path if config.data else None)
    return f"{wording.model_words(config.model.name)} on {data}"


def seconds_of(run: Run, now: float) -> float | None:
    if run.started_at is None:
        return None
    return (run.ended_at or now) - run.started_at


def _facts(run: Run, config: RunConfig, now: float) -> Iterable[str]:
    yield run.id
    yield wording.model_words(config.model.name)
    if config.data:
        yield wording.data_words(config.data.path)
    yield f"{wording.moment_words(run.created_at, now)} from {_door(run)}"


def _door(run: Run) -> str:
    return {"page": "this page", "cli": "the command line", "python": "Python"}[run.origin]


def _gpu_gauges(readings: Sequence[Reading]) -> list[Gauge]:
    with_gpu = [reading.gpus[0] for reading in readings if reading.gpus]
    if not with_gpu:
        return []
    last = with_gpu[-1]
    use = [gpu.utilisation_percent or 0.0 for gpu in with_gpu]
    memory = [float(gpu.memory_used_bytes) for gpu in with_gpu]
    return [
        Gauge("GPU", f"{use[-1]:.0f} %", spark(use, 100)),
        Gauge(
            "GPU memory",
            _of(last.memory_used_bytes, last.memory_total_bytes),
            spark(memory, last.memory_total_bytes),
        ),
    ]


def _of(used: int, total: int) -> str:
    return f"{used / 1e9:.1f} of {total / 1e9:.0f} GB"


def _thin(values: Sequence[float]) -> list[float]:
    """At most SPARK_POINTS values, evenly taken, the last one always among them."""
    if len(values) <= SPARK_POINTS:
        return list(values)
    last = len(values) - 1
    return [values[round(i * last / (SPARK_POINTS - 1))] for i in range(SPARK_POINTS)]


def _lines(section: Section, prefix: str) -> Iterable[Line]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _lines(value, f"{prefix}{name}.")
        elif value not in (None, "", ()):
            text = ", ".join(value) if isinstance(value, tuple) else str(value)
            yield Line(f"{prefix}{name}", text)
