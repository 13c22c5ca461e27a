"""Follows a run to its end in this terminal; Ctrl-C asks the run to save and end."""

from __future__ import annotations

import sys

from engine import api
from engine.cli import wording
from engine.cli.console import note, open_console, paste, print_json
from engine.cli.views import JsonView, LiveView, PlainView, View
from engine.errors import Exit
from engine.outcome import failure_of
from engine.runs.records import Run


def announce(run: Run) -> None:
    """The line that scripts look for at the start of every run."""
    note(f"run_started run_id={run.id}")
    sys.stderr.flush()


def watch(run: Run, *, as_json: bool, after_seq: int = 0) -> int:
    """Show a run until it has ended; returns the exit code. Raises the run's own error."""
    view = _open_view(run, as_json)
    try:
        ended = _follow(run, view, after_seq)
    finally:
        view.close()
    if ended is None:
        note(f"{run.id} goes on in the background. Follow it: {paste('logs', run.id, '--follow')}")
        return Exit.INTERRUPTED
    failure = failure_of(ended)
    if failure:
        raise failure
    if not as_json:
        print_end(ended)
    return exit_code_of(ended)


def exit_code_of(run: Run) -> int:
    """A time box that ended as asked is a success; a stop is an interruption."""
    return Exit.OK if run.status in ("completed", "timeboxed") else Exit.INTERRUPTED


def print_end(run: Run) -> None:
    """What came of a run, and the commands to go on with."""
    seconds = run.result.seconds if run.result and run.result.seconds else None
    took = f" in {wording.duration(seconds)}" if seconds else ""
    print(f"\nRun {run.id} {run.status}{took}.")
    for line in (*_loss_lines(run), *_result_lines(run), *_next_lines(run)):
        print(line)


def tell_detached(run_id: str, *, as_json: bool) -> None:
    """Where to find a run that goes on without this terminal."""
    if as_json:
        print_json({"run_id": run_id})
        return
    note(f"Follow it: {paste('logs', run_id, '--follow')}")
    note(f"Stop it:   {paste('stop', run_id)}")


def _open_view(run: Run, as_json: bool) -> View:
    if as_json:
        return JsonView()
    if sys.stdout.isatty():
        return LiveView(open_console(), list(api.curve(run.id).losses))
    return PlainView()


def _follow(run: Run, view: View, seq: int) -> Run | None:
    """The ended run, or None when the person left it alone with a second Ctrl-C."""
    is_stopping = False
    while True:
        try:
            for stored in api.follow(run.id, after_seq=seq):
                seq = stored.seq
                view.show(stored)
            return api.get_run(run.id)
        except KeyboardInterrupt:
            if is_stopping:
                return None
            is_stopping = True
            view.say("Saving and ending ... (Ctrl-C again leaves the run alone)")
            _ask_to_stop(run)


def _ask_to_stop(run: Run) -> None:
    # It may have ended by itself in this moment: then there is nothing to ask.
    if api.get_run(run.id).is_live:
        api.stop(run.id)


def _loss_lines(run: Run) -> list[str]:
    losses = api.curve(run.id).losses
    if not losses:
        return []
    line = f"  loss      {wording.loss(losses[0])} -> {wording.loss(losses[-1])}"
    if run.eval_loss is None:
        return [line]
    best = ""
    if run.best_eval_loss is not None:
        best = f" (lowest {wording.loss(run.best_eval_loss)} at step {run.best_step})"
    return [line, f"  eval loss {wording.loss(run.eval_loss)}{best}"]


def _result_lines(run: Run) -> list[str]:
    if run.result is None or not run.result.path:
        return []
    if run.kind != "train":
        return [f"  written   {run.result.path}"]
    newest = run.output_dir / "lora"
    also = f"\n            also {newest}" if newest.is_dir() else ""
    return [f"  adapter   {run.result.path}{also}"]


def _next_lines(run: Run) -> list[str]:
    if run.kind != "train":
        return []
    if run.status != "completed":
        return ["Go on with it:", f"  {paste('resume', run.id)}"]
    return [
        "Go on with:",
        f"  {paste('ui')}",
        f"  {paste('export', run.id, '--format', 'adapter')}",
    ]
