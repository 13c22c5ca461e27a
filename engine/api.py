"""The one door for the page, the command line and Python.

Everything here is quick (milliseconds) and loads no torch: work happens in the processes that
`engine.runs` starts.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter

from engine import flags
from engine.config import DataConfig, ModelConfig, RunConfig, Section
from engine.data.data_sets import delete_data_set, list_data_sets, save_data_set
from engine.data.inspected import Finding, Preflight, Xray
from engine.data.preview import Preview as DataPreview
from engine.data.preview import preview as _preview
from engine.data.reported import LeftRows, ReportSummary
from engine.data.validate import Validation
from engine.errors import BackpropError, Exit
from engine.evaluation.ask import Answers
from engine.evaluation.ask import ask as _ask
from engine.files import write_atomically
from engine.governor.telemetry import Reading, read_machine
from engine.home import home
from engine.models.resolve import Preset
from engine.models.resolve import presets as resolve_presets
from engine.runs import queue
from engine.runs.history import write_history
from engine.runs.log import LogFollower, read_log
from engine.runs.records import Command, Curve, Origin, Run, Status, StoredEvent
from engine.runs.store import Store
from engine.security.paths import check_page_path as _check_page_path
from engine.settings import Settings, load_settings
from engine.settings import page_output_dir as _page_output_dir
from engine.submission import settle
from engine.worker.client import shared
from engine.worker.requests import (
    PreflightRequest,
    ReportRequest,
    ShapeRequest,
    ValidateRequest,
    XrayRequest,
)

__all__ = ["delete_data_set", "list_data_sets", "save_data_set"]

FOLLOW_SECONDS = 0.1
READING_SECONDS = 2.0
REFRESH_SECONDS = 0.5


_PREFLIGHT = TypeAdapter(Preflight)
_XRAY = TypeAdapter(Xray)
_VALIDATION = TypeAdapter(Validation)
_REPORT = TypeAdapter(ReportSummary)
_LEFT: TypeAdapter[tuple[LeftRows, ...]] = TypeAdapter(tuple[LeftRows, ...])


class _PerThread(threading.local):
    store: Store | None = None
    refreshed_at: float = 0.0


_local = _PerThread()


# Submitting


def submit(config: RunConfig, *, origin: Origin) -> Run:
    """Queue a run and see to it that it will be started.

    Raises what can be told before any process starts: INPUT_MODEL_UNKNOWN, INPUT_MODEL_UNSAFE,
    INPUT_DATA_INVALID, INPUT_RUN_NOT_FOUND, CONFIG_INVALID (a folder that cannot be written).
    """
    store = _store()
    config = settle(config, store)
    run_id = _new_run_id()
    run_dir = config.output_dir / "runs" / run_id
    try:
        write_atomically(run_dir / "config.json", config.model_dump_json(indent=2))
    except OSError as error:
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"The folder {config.output_dir} cannot be written: {error}.",
            hint="Choose another folder with --output.",
            cause=str(error),
        ) from error
    run = store.add_run(
        run_id,
        kind=config.kind,
        name=config.name,
        config=config.model_dump_json(),
        output_dir=config.output_dir,
        origin=origin,
    )
    write_history(store, run.output_dir)
    queue.ensure_dispatcher(store)
    return run


def check(config: RunConfig) -> None:
    """Raise what would keep this run from being submitted; changes nothing."""
    settle(config, _store())


# Reading


def get_run(prefix: str) -> Run:
    """The run whose id starts with `prefix`. Raises INPUT_RUN_NOT_FOUND."""
    _refresh()
    return _store().find(prefix)


def list_runs(
    *, status: Status | None = None, kind: str | None = None, limit: int = 20, offset: int = 0
) -> list[Run]:
    """Runs of every door, the newest first."""
    _refresh()
    return _store().newest(status=status, kind=kind, limit=limit, offset=offset)


def count_runs(*, status: Status | None = None, kind: str | None = None) -> int:
    return _store().count(status=status, kind=kind)


def events(run_id: str, after_seq: int = 0, limit: int = 1000) -> list[StoredEvent]:
    """What a run said, in order, after a place in the store."""
    return _store().events(run_id, after_seq, limit)


def last_seq(run_id: str) -> int:
    """The place of a run's newest event, for a reader that wants only what comes after it."""
    seq = 0
    while batch := events(run_id, after_seq=seq):
        seq = batch[-1].seq
    return seq


def follow(run_id: str, after_seq: int = 0) -> Iterator[StoredEvent]:
    """Events as they come, until the run has ended. Blocks between them."""
    while True:
        live = get_run(run_id).is_live
        batch = events(run_id, after_seq)
        for stored in batch:
            after_seq = stored.seq
            yield stored
        if not live and not batch:
            return
        time.sleep(FOLLOW_SECONDS)


def curve(run_id: str) -> Curve:
    """The loss curve of a run, one point a step."""
    return _store().curve(run_id)


def log_tail(run_id: str, lines: int = 200) -> str:
    """The last lines of what the run's process printed."""
    return "\n".join(read_log(get_run(run_id).log_path).splitlines()[-lines:])


def follow_log(run_id: str) -> Iterator[str]:
    """What the run's process has printed, then what it adds, until the run has ended."""
    log = LogFollower(get_run(run_id).log_path)
    yield log.read_new()
    is_live = True
    while is_live:
        time.sleep(FOLLOW_SECONDS)
        is_live = get_run(run_id).is_live
        yield log.read_new()


def readings(seconds: float = 120) -> list[Reading]:
    """Readings of the machine in the last `seconds`, oldest first."""
    return _store().readings(time.time() - seconds)


def sample_reading() -> Reading:
    """The newest reading, taken now when the last one is older than two seconds."""
    store = _store()
    recent = store.readings(time.time() - READING_SECONDS)
    if recent:
        return recent[-1]
    reading = read_machine()
    store.add_reading(reading)
    return reading


# Commanding


def stop(run_id: str) -> Run:
    """Ask a run to save and end. Raises STATE_RUN_BUSY when it has ended already."""
    return _request(run_id, "stop")


def pause(run_id: str) -> Run:
    """Ask a run to wait at its next step."""
    return _request(run_id, "pause")


def resume(run_id: str) -> Run:
    """Go on with a run: a paused one at once, an ended one from its last checkpoint."""
    run = get_run(run_id)
    return _request(run.id, "resume") if run.status == "paused" else _requeue(run)


def delete(run_id: str) -> None:
    """Remove an ended run and its folder. Raises STATE_RUN_BUSY when it is live."""
    run = get_run(run_id)
    _store().delete(run.id)
    shutil.rmtree(run.run_dir, ignore_errors=True)
    write_history(_store(), run.output_dir)


def ask(run_id: str, question: str, max_new_tokens: int = 64) -> Answers:
    """One question answered by a run's base model and by the tuned one. Takes seconds."""
    return _ask(get_run(run_id), question, max_new_tokens)


# Looking at data (these take seconds: they wait for the worker)


def preflight(config: RunConfig) -> Preflight:
    """What a training would learn from, and what keeps it from starting.

    Whatever is wrong with the input is a problem of the result; raises only what went wrong on
    our side (RUNTIME_WORKER_DIED, RUNTIME_WORKER_TIMEOUT, DEP_MODEL_LOAD_FAILED).
    """
    try:
        request = PreflightRequest(config=settle(config, _store()))
        found = _ask_worker("preflight", request)
    except BackpropError as error:
        if error.exit_code != Exit.INPUT:
            raise
        return Preflight(problems=(Finding(error.code, error.message, error.hint),))
    return _PREFLIGHT.validate_python(found)


def xray(config: RunConfig, first: int = 0, count: int = 5) -> Xray:
    """Examples of a training token by token, exactly as its trainer gets them."""
    request = XrayRequest(config=settle(config, _store()), first=first, count=count)
    return _XRAY.validate_python(_ask_worker("xray", request))


def data_preview(
    data: DataConfig, number: int = 0, size: int = 10, search: str = ""
) -> DataPreview:
    """One page (from 0) of the rows of a file. The first look at a large file takes a while."""
    return _preview(data.path, data.format, data.columns, number, size, search)


def validate_data(data: DataConfig, max_errors: int = 50) -> Validation:
    """Every bad row counted, the first ones with their place and how to mend them."""
    found = _ask_worker("validate", ValidateRequest(data=data, max_errors=max_errors))
    return _VALIDATION.validate_python(found)


def data_report(
    data: DataConfig, model: ModelConfig | None = None, max_length: int = 1024
) -> ReportSummary:
    """What a file holds, in figures and bars."""
    request = ReportRequest(data=data, model=model, max_length=max_length)
    return _REPORT.validate_python(_ask_worker("report", request))


def shape_data(data: DataConfig, seed: int = 0) -> tuple[LeftRows, ...]:
    """How many rows each step of the recipe leaves (but for what the model must judge)."""
    return _LEFT.validate_python(_ask_worker("shape", ShapeRequest(data=data, seed=seed)))


def check_page_path(path: Path) -> None:
    """Refuse a path that the page may not read. Raises UI_OUTPUT_DIR_FORBIDDEN."""
    _check_page_path(path, settings())


def _ask_worker(job: str, request: Section) -> object:
    worker = shared.get(settings().worker.idle_minutes * 60)
    return worker.ask(job, request.model_dump(mode="json"))


# Words for people


def presets() -> tuple[Preset, ...]:
    """The models that are known by name."""
    return resolve_presets()


def train_command(config: RunConfig) -> str:
    """The command that does the same, to paste into a shell."""
    return flags.command_line(flags.train_argv(config, train_defaults()))


def data_command(view: str, data: DataConfig, model: str, max_length: int) -> str:
    """The command that shows one view of a file: rows, problems, report, xray or filters."""
    return flags.command_line(flags.data_argv(view, data, model, max_length))


def train_defaults(data: Path = Path()) -> RunConfig:
    """A training with every setting at this person's default."""
    now = settings()
    return RunConfig(
        kind="train",
        data=DataConfig(path=data),
        model=now.model,
        lora=now.lora,
        training=now.training,
        limits=now.limits,
    )


def settings() -> Settings:
    """The settings as they stand now. Raises CONFIG_INVALID."""
    return load_settings()


def page_output_dir() -> Path:
    """The only folder the page writes to."""
    return _page_output_dir(settings())


def _request(run_id: str, command: Command) -> Run:
    store = _store()
    run = store.request(get_run(run_id).id, command)
    if not run.is_live:
        write_history(store, run.output_dir)
    return run


def _requeue(run: Run) -> Run:
    store = _store()
    requeued = store.requeue(run.id)
    write_history(store, run.output_dir)
    queue.ensure_dispatcher(store)
    return requeued


def _store() -> Store:
    """This thread's connection, opened anew when the home folder has changed."""
    path = home() / "runs.db"
    if _local.store is None or _local.store.path != path or not path.exists():
        _local.store = Store(path)
    return _local.store


def _refresh() -> None:
    """Notice supervisors and dispatchers that died; at most twice a second a thread."""
    now = time.monotonic()
    if now - _local.refreshed_at < REFRESH_SECONDS:
        return
    _local.refreshed_at = now
    queue.reap(_store())
    queue.ensure_dispatcher(_store())


def _new_run_id() -> str:
    return time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
