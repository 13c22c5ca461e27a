"""`backprop train`."""

from __future__ import annotations

from typing import Annotated

import typer

from engine import api
from engine.cli.checked import check_data
from engine.cli.console import print_json
from engine.cli.control import resume_and_watch
from engine.cli.train_options import flag_of, given_settings, with_train_options
from engine.cli.watch import announce, tell_detached, watch
from engine.errors import BackpropError, Exit
from engine.train_config import build_train_config


@with_train_options
def train(
    *,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="RUN", help="Go on with this run, as it was configured."),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once; the run goes on in the background.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object an event.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the configuration and train nothing.")
    ] = False,
    **given: object,
) -> int:
    """Fine-tune a model on your examples, watching it learn."""
    settings = given_settings(given)
    if resume is not None:
        _refuse_changes(settings)
        return resume_and_watch(resume, detach=detach, as_json=as_json)
    if "data.path" not in settings:
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            "Which examples? --data names the file.",
            hint="Try: backprop train --data examples/quickstart.jsonl --model starter --steps 20",
        )
    config = build_train_config(settings, api.settings(), flag_of)
    if dry_run:
        print_json(config.model_dump(mode="json"))
        return Exit.OK
    check_data(config)
    run = api.submit(config, origin="cli")
    announce(run)
    if detach:
        tell_detached(run.id, as_json=as_json)
        return Exit.OK
    return watch(run, as_json=as_json)


def _refuse_changes(settings: dict[str, object]) -> None:
    if settings:
        flags = ", ".join(sorted(flag_of(path) for path in settings))
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"A resumed run keeps its configuration: {flags} cannot be given with --resume.",
            hint="Leave these out, or start a new run without --resume.",
        )
