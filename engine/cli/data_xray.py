"""`backprop data xray`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from engine import api
from engine.cli.console import open_console, print_json
from engine.config import DataFormat
from engine.data.inspected import TokenState, Xray, XrayRow, XrayToken
from engine.data.visible import visible
from engine.errors import Exit
from engine.train_config import build_train_config
from engine.worker.requests import MAX_XRAY_ROWS

STYLES: dict[TokenState, str] = {
    "trained": "black on green",
    "masked": "dim",
    "truncated": "white on red",
    "padding": "dim strike",
    "boundary": "black on cyan",
}
BRACKETS: dict[TokenState, tuple[str, str]] = {
    "trained": ("[", "]"),
    "masked": ("", ""),
    "truncated": ("{", "}"),
    "padding": ("(", ")"),
    "boundary": ("|", ""),
}
MEANINGS: dict[TokenState, str] = {
    "trained": "the model learns to write it",
    "masked": "context, not learned",
    "truncated": "beyond max length, thrown away",
    "padding": "fills a shorter row up",
    "boundary": "first token of a joined row",
}


def xray(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file of examples.")],
    model: Annotated[
        str | None, typer.Option("--model", help="Show the rows as this model gets them.")
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", min=1, max=MAX_XRAY_ROWS, help="How many rows to show.")
    ] = 5,
    first: Annotated[
        int, typer.Option("--first", min=1, help="Number of the first row to show.")
    ] = 1,
    max_length: Annotated[
        int | None, typer.Option("--max-length", min=1, help="Longest row in tokens.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Rows joined into one batch.")
    ] = None,
    data_format: Annotated[
        DataFormat, typer.Option("--data-format", help="Layout of the examples; auto looks.")
    ] = "auto",
    columns: Annotated[
        str | None,
        typer.Option("--columns", help="What the columns are: prompt=question,answer=reply."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every token as JSON.")] = False,
) -> int:
    """Show rows token by token as the trainer gets them: trained, context, cut off."""
    given = {
        "data.path": file,
        "data.format": data_format,
        "data.columns": columns,
        "model.name": model,
        "training.max_length": max_length,
        "training.per_device_batch_size": batch_size,
    }
    found = api.xray(build_train_config(given, api.settings()), first - 1, rows)
    if as_json:
        print_json(asdict(found))
    else:
        show(found, open_console())
    return Exit.OK


def show(found: Xray, console: Console) -> None:
    """Colours where the console has them, else brackets."""
    plain = console.color_system is None or "NO_COLOR" in os.environ
    draw = _bracketed if plain else _coloured
    console.print(_legend(found, draw))
    for row in found.rows:
        console.print()
        console.print(Text(_heading(row), style="" if plain else "bold"))
        console.print(draw(row.tokens), soft_wrap=True)
    if not found.rows:
        console.print("There are no rows here.")


Draw = Callable[[tuple[XrayToken, ...]], Text]


def _legend(found: Xray, draw: Draw) -> Text:
    shown = {token.state for row in found.rows for token in row.tokens} | {"trained", "masked"}
    lines = [Text(f"{found.format}: {found.format_reason}.")]
    for state, meaning in MEANINGS.items():
        if state in shown:
            lines.append(draw((XrayToken(0, state, state),)) + Text(f"  {meaning}"))
    return Text("\n").join(lines)


def _heading(row: XrayRow) -> str:
    counts = {state: count for state, count in asdict(row.counts).items() if count}
    parts = ", ".join(f"{count} {state}" for state, count in counts.items())
    where = "left out: nothing of it is trained" if row.left_out else f"batch {row.batch + 1}"
    return f"{row.place} · {row.counts.total} tokens ({parts}) · {where}"


def _coloured(tokens: tuple[XrayToken, ...]) -> Text:
    text = Text()
    for token in tokens:
        text.append(visible(token.text), style=STYLES[token.state])
    return text


def _bracketed(tokens: tuple[XrayToken, ...]) -> Text:
    return Text("".join(_runs(tokens)))


def _runs(tokens: tuple[XrayToken, ...]) -> Iterator[str]:
    """Neighbours of one state stand in one pair of brackets."""
    for state, run in groupby(tokens, key=lambda token: token.state):
        opening, closing = BRACKETS[state]
        yield opening + "".join(visible(token.text) for token in run) + closing
