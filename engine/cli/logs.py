"""`backprop logs`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine import api
from engine.cli.control import RunArgument
from engine.cli.heard import sentence
from engine.security.redact import RedactingStream


def logs(
    run: RunArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="At most this many.")] = 200,
    show_events: Annotated[
        bool, typer.Option("--events", help="Print what the run reported instead of its log.")
    ] = False,
) -> None:
    """Print what a run's process wrote."""
    found = api.get_run(run)
    if show_events:
        _print_events(found.id, follow)
        return
    # Libraries print there too, and may print a token.
    out = RedactingStream(sys.stdout)
    if follow:
        _follow_file(found.id, lines, out)
        return
    text = api.log_tail(found.id, lines)
    if text:
        print(text, file=out, flush=True)


def _print_events(run_id: str, follow: bool) -> None:
    stored_events = api.follow(run_id) if follow else api.events(run_id)
    for stored in stored_events:
        line = sentence(stored.event)
        if line:
            print(line, flush=True)


def _follow_file(run_id: str, lines: int, out: RedactingStream) -> None:
    """Print the last lines of the log and what is added to it until the run has ended."""
    pieces = api.follow_log(run_id)
    out.write("".join(next(pieces).splitlines(keepends=True)[-lines:]))
    for text in pieces:
        out.write(text)
    out.flush()
