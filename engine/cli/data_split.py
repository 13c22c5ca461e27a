"""`backprop data split`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import print_json
from engine.cli.data_clean import JsonOption, SeedOption
from engine.cli.data_report import FileArgument, FormatOption
from engine.data.paired import read_paired, write_rows
from engine.data.strata import kinds_of, stratified_split
from engine.data.validate import check_target


def split(
    file: FileArgument,
    evaluation: Annotated[
        float, typer.Option("--eval", min=0.001, max=0.9, help="Share of the rows to measure on.")
    ] = 0.1,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            help="Keep the shares of each kind: roles, turns, language, or the name of a column.",
        ),
    ] = None,
    seed: SeedOption = 42,
    output_dir: Annotated[
        Path | None, typer.Option("--output", help="Folder to write to; unset, that of the file.")
    ] = None,
    data_format: FormatOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write two files: one to train on, one to measure on."""
    paired = read_paired(file, data_format)
    kinds = kinds_of(paired, by)
    parts = stratified_split(paired.conversations, kinds, evaluation, seed)
    folder = output_dir or file.parent
    folder.mkdir(parents=True, exist_ok=True)
    sides = {"train": parts.train, "eval": parts.evaluation}
    targets = {name: folder / f"{file.stem}.{name}.jsonl" for name in sides}
    for target in targets.values():
        check_target(file, target)
    written = {}
    for name, positions in sides.items():
        target = targets[name]
        write_rows([paired.columns[position] for position in positions], target, file)
        written[name] = {"path": str(target), "rows": len(positions)}
    if as_json:
        print_json(written)
        return
    for name, made in written.items():
        print(f"{name:<5}  {made['rows']:>9,} rows  {made['path']}")
