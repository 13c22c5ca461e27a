"""`backprop export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from engine import api
from engine.cli.watch import announce, tell_detached, watch
from engine.config import ExportConfig, RunConfig
from engine.errors import Exit


def export(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's id; its first characters are enough.")
    ],
    format: Annotated[
        Literal["adapter", "lora"],
        typer.Option("--format", help="What is written: adapter (lora is the same)."),
    ] = "adapter",
    checkpoint: Annotated[
        str,
        typer.Option(
            "--checkpoint", help="Which state: final, best (lowest eval loss), or a step number."
        ),
    ] = "final",
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder to write to; unset, that of the run."),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once; the export goes on alone.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object an event.")
    ] = False,
) -> int:
    """Write what a run made into a folder."""
    source = api.get_run(run)
    config = RunConfig(
        kind="export",
        output_dir=output or source.output_dir,
        export=ExportConfig(
            source=source.id,
            format="adapter" if format == "lora" else format,
            checkpoint=checkpoint,
        ),
    )
    started = api.submit(config, origin="cli")
    announce(started)
    if detach:
        tell_detached(started.id, as_json=as_json)
        return Exit.OK
    return watch(started, as_json=as_json)
