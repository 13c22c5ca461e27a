"""`backprop stop`, `pause`, `resume`, `delete`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine import api
from engine.cli.console import print_json
from engine.cli.run_json import run_as_json
from engine.cli.watch import announce, tell_detached, watch
from engine.errors import BackpropError, Exit
from engine.runs.records import Run

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The run's id; its first characters are enough.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print the run as JSON.")]


def stop(run: RunArgument, as_json: JsonFlag = False) -> None:
    """Ask a run to save and end."""
    _tell(api.stop(run), "was asked to save and end", as_json)


def pause(run: RunArgument, as_json: JsonFlag = False) -> None:
    """Let a run wait at its next step."""
    _tell(api.pause(run), "was asked to pause", as_json)


def resume(
    run: RunArgument,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once; the run goes on in the background.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object an event.")
    ] = False,
) -> int:
    """Go on with a run that is paused or has ended."""
    return resume_and_watch(run, detach=detach, as_json=as_json)


def delete(
    run: RunArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete an ended run and its files."""
    found = api.get_run(run)
    if not yes:
        _ask_first(found)
    api.delete(found.id)
    print(f"Deleted {found.id} and {found.run_dir}.")


def resume_and_watch(prefix: str, *, detach: bool, as_json: bool) -> int:
    """Resume a run and show it to its end; returns the exit code."""
    seen = api.last_seq(api.get_run(prefix).id)
    run = api.resume(prefix)
    announce(run)
    if detach:
        tell_detached(run.id, as_json=as_json)
        return Exit.OK
    return watch(run, as_json=as_json, after_seq=seen)


def _tell(run: Run, what: str, as_json: bool) -> None:
    if as_json:
        print_json(run_as_json(run))
    else:
        print(f"{run.id} {what} ({run.status} at step {run.step}).")


def _ask_first(run: Run) -> None:
    if not sys.stdin.isatty():
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            "Deleting asks first, and nobody can answer here.",
            hint=f"Say yes beforehand: backprop delete {run.id} --yes",
        )
    typer.confirm(f"Delete {run.id} with its checkpoints and log in {run.run_dir}?", abort=True)
