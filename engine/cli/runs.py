"""`backprop list-runs` and `show-run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from engine import api
from engine.cli import wording
from engine.cli.console import is_unicode, open_console, print_json
from engine.cli.control import RunArgument
from engine.cli.curve import draw_curve
from engine.cli.run_json import curve_as_json, run_as_json
from engine.config import RunConfig
from engine.runs.events import DataLoaded
from engine.runs.records import Run, Status

FIRST_EVENTS = 50
CURVE_WIDTH = 76
CURVE_HEIGHT = 10


def list_runs(
    status: Annotated[
        Status | None, typer.Option("--status", help="Only runs in this state.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only runs of this kind (train, export).")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List runs, the newest first."""
    runs = api.list_runs(status=status, kind=kind, limit=limit)
    if as_json:
        print_json([run_as_json(run) for run in runs])
        return
    if not runs:
        print("No runs yet. Start one: backprop train --data FILE --model starter")
        return
    open_console().print(_table(runs))
    total = api.count_runs(status=status, kind=kind)
    if total > len(runs):
        print(f"{len(runs)} of {total} runs; --limit shows more.")


def show_run(
    run: RunArgument,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the run and its curve as JSON.")
    ] = False,
) -> None:
    """Show a run: summary, curve, configuration, error."""
    found = api.get_run(run)
    if as_json:
        print_json({**run_as_json(found), "curve": curve_as_json(api.curve(found.id))})
        return
    console = open_console()
    for name, value in _summary(found):
        print(f"{name:<12} {value}")
    _print_curve(found, is_unicode(console.encoding))
    _print_error(found)
    print("\nconfiguration")
    config = RunConfig.model_validate_json(found.config_json)
    print(config.model_dump_json(indent=2, exclude_none=True))


def _table(runs: list[Run]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "status", "kind", "model", "step", "loss", "started"):
        table.add_column(name, no_wrap=name != "model")
    for run in runs:
        config = RunConfig.model_validate_json(run.config_json)
        step = f"{run.step}/{run.total_steps}" if run.total_steps else "-"
        what = Path(config.export.source).name if config.export else config.model.name
        started = wording.moment(run.started_at or run.created_at)
        name = f"{run.id} {run.name}".rstrip()
        table.add_row(name, run.status, run.kind, what, step, wording.loss(run.loss), started)
    return table


def _summary(run: Run) -> list[tuple[str, str]]:
    losses = api.curve(run.id).losses
    rows = [
        ("run", f"{run.id} {run.name}".rstrip()),
        ("status", f"{run.status} {run.status_reason}".rstrip()),
        ("kind", f"{run.kind}, started from {run.origin}"),
        ("created", wording.moment(run.created_at)),
        ("ended", wording.moment(run.ended_at)),
        ("step", f"{run.step}/{run.total_steps}"),
    ]
    if losses:
        rows.append(("loss", f"{wording.loss(losses[0])} -> {wording.loss(losses[-1])}"))
    if run.eval_loss is not None:
        rows.append(("eval loss", wording.loss(run.eval_loss)))
    if run.best_eval_loss is not None:
        rows.append(("lowest", f"{wording.loss(run.best_eval_loss)} at step {run.best_step}"))
    if run.is_live and run.eta_seconds is not None:
        rows.append(("ETA", wording.duration(run.eta_seconds)))
    if run.result and run.result.path:
        rows.append(("result", run.result.path))
    return [*rows, ("folder", str(run.run_dir)), *_data(run)]


def _data(run: Run) -> list[tuple[str, str]]:
    """Which rows the run saw, once it has looked at them."""
    told = [stored.event for stored in api.events(run.id, limit=FIRST_EVENTS)]
    loaded = next((event for event in told if isinstance(event, DataLoaded)), None)
    if loaded is None:
        return []
    steps = ", ".join(f"{name} {count:,}" for name, count in loaded.steps.items())
    return [
        ("rows", f"{loaded.rows:,} trained on, {loaded.eval_rows:,} kept back"),
        ("recipe", f"{steps or '-'} (sha256 {loaded.recipe_sha256[:12] or '-'})"),
        ("rows hash", loaded.rows_sha256[:12] or "-"),
        ("data hash", loaded.sha256[:12]),
    ]


def _print_curve(run: Run, unicode_console: bool) -> None:
    losses = api.curve(run.id).losses
    lines = draw_curve(losses, width=CURVE_WIDTH, height=CURVE_HEIGHT, is_unicode=unicode_console)
    if lines:
        print("\nloss")
    for line in lines:
        print(line)


def _print_error(run: Run) -> None:
    if run.error is None:
        return
    print(f"\n[{run.error.code}]: {run.error.message}")
    if run.error.hint:
        print(f"hint: {run.error.hint}")
    if run.error.cause:
        print(f"cause: {run.error.cause}")
