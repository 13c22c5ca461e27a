"""`backprop data clean` and `backprop data dedupe`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from engine.cli.console import print_json
from engine.cli.data_report import FileArgument, FormatOption, SimilarityOption
from engine.cli.train_options import argument_name, with_options
from engine.config import DataFormat, Recipe
from engine.data.clean import Shaped, apply
from engine.data.duplicates import DEFAULT_THRESHOLD
from engine.data.paired import read_paired, write_rows
from engine.data.validate import check_target
from engine.errors import BackpropError
from engine.flags import TRAIN_FLAGS

SECTION = "data.recipe."
# Mixed rows come from several files, and perplexity and order belong to a training.
_OF_TRAINING = ("mix", "perplexity_low", "perplexity_high", "order")
CLEAN_FLAGS = {
    path: flag
    for path, flag in TRAIN_FLAGS.items()
    if path.startswith(SECTION) and path.removeprefix(SECTION) not in _OF_TRAINING
}

OutputOption = Annotated[
    Path | None,
    typer.Option("--output", help="The file to write (JSON lines); unset, beside the original."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Start of the random numbers.")]


@with_options(CLEAN_FLAGS)
def clean(
    file: FileArgument,
    *,
    output: OutputOption = None,
    data_format: FormatOption = "auto",
    seed: SeedOption = 42,
    as_json: JsonOption = False,
    **given: object,
) -> None:
    """Write a copy with the unfit rows left out."""
    wanted = {path.removeprefix(SECTION): given[argument_name(path)] for path in CLEAN_FLAGS}
    recipe = _recipe({name: value for name, value in wanted.items() if value is not None})
    target = output or file.with_name(f"{file.stem}.clean.jsonl")
    _write(file, data_format, recipe, seed, target, as_json)


def dedupe(
    file: FileArgument,
    output: OutputOption = None,
    near: Annotated[
        bool, typer.Option("--near", help="Leave out rows that say nearly the same, too.")
    ] = False,
    near_threshold: SimilarityOption = DEFAULT_THRESHOLD,
    data_format: FormatOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write a copy in which nothing is twice."""
    recipe = Recipe(dedupe="near" if near else "exact", near_threshold=near_threshold)
    target = output or file.with_name(f"{file.stem}.unique.jsonl")
    _write(file, data_format, recipe, 0, target, as_json)


def _write(
    file: Path, layout: DataFormat, recipe: Recipe, seed: int, target: Path, as_json: bool
) -> None:
    check_target(file, target)
    paired = read_paired(file, layout)
    shaped = apply(paired.conversations, recipe, seed)
    write_rows(paired.columns_of(shaped.conversations), target, file)
    if as_json:
        steps = {step.name: step.rows for step in shaped.steps}
        print_json({"output": str(target), "steps": steps})
    else:
        _print(shaped, target)


def _print(shaped: Shaped, target: Path) -> None:
    before = shaped.steps[0].rows
    width = max(len(step.name) for step in shaped.steps)
    for step in shaped.steps:
        gone = f"  -{before - step.rows:,}" if step.rows != before else ""
        print(f"{step.name:<{width}}  {step.rows:>9,}{gone}")
        before = step.rows
    print(f"Wrote {len(shaped.conversations):,} rows to {target}.")


def _recipe(wanted: dict[str, object]) -> Recipe:
    try:
        return Recipe.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        flags = [TRAIN_FLAGS[f"{SECTION}{name}"] for name in first["loc"][:1]]
        reason = first["msg"].removeprefix("Value error, ")
        raise BackpropError(
            "INPUT_VALIDATION_FAILED", ": ".join([*flags, f"{reason[0].lower()}{reason[1:]}."])
        ) from error
