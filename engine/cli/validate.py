"""`backprop validate`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import print_json
from engine.config import DataFormat
from engine.data.validate import Validation, validate, write_fixed
from engine.errors import Exit


def validate_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file, a folder, or hub:NAME.")],
    layout: Annotated[
        DataFormat, typer.Option("--data-format", help="Layout of the rows; auto looks at them.")
    ] = "auto",
    columns: Annotated[
        str, typer.Option("--columns", help="What the columns are: prompt=question,answer=reply.")
    ] = "",
    max_errors: Annotated[
        int, typer.Option("--max-errors", min=0, help="Show at most this many bad rows.")
    ] = 20,
    fixed: Annotated[
        Path | None,
        typer.Option("--fix", metavar="OUT", help="Write the good rows to a new .jsonl file."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> int:
    """Tell every bad row of a file: where it stands, what is wrong, how to mend it."""
    choices = tuple(part.strip() for part in columns.split(",") if part.strip())
    if fixed is None:
        found = validate(file, layout, max_errors, choices)
    else:
        found = write_fixed(file, fixed, layout, choices)
    if as_json:
        print_json(_as_json(found, max_errors))
    else:
        _print(found, max_errors, fixed)
    return Exit.INPUT if found.bad_rows else Exit.OK


def _print(found: Validation, max_errors: int, fixed: Path | None) -> None:
    for row in found.bad[:max_errors]:
        print(f"{row.place}: {row.problem}")
        print(f"    mend: {row.mend}")
    hidden = found.bad_rows - min(max_errors, len(found.bad))
    if hidden:
        print(f"… and {hidden:,} more bad rows; --max-errors shows more.")
    for note in found.notes:
        print(f"note: {note}")
    print(f"{found.rows:,} rows, {found.bad_rows:,} bad. {_layout_words(found)}")
    if fixed is not None:
        print(f"Wrote {found.good_rows:,} good rows to {fixed}; {found.path} is as it was.")


def _layout_words(found: Validation) -> str:
    if found.detection is None:
        return "No row has a layout that is known."
    mix = ", ".join(f"{count:,} {name}" for name, count in found.formats)
    sure = f"{found.detection.confidence:.0%} sure"
    return f"Layout: {found.detection.format} ({found.detection.reason}; {sure}). Rows: {mix}."


def _as_json(found: Validation, max_errors: int) -> dict[str, object]:
    return {
        "path": str(found.path),
        "rows": found.rows,
        "bad_rows": found.bad_rows,
        "format": found.detection.format if found.detection else None,
        "format_reason": found.detection.reason if found.detection else None,
        "format_confidence": found.detection.confidence if found.detection else None,
        "formats": dict(found.formats),
        "notes": list(found.notes),
        "bad": [asdict(row) for row in found.bad[:max_errors]],
    }
