"""`backprop data report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from engine.cli.bars import bar
from engine.cli.console import is_unicode, note, open_console, print_json
from engine.config import DataFormat
from engine.data.distribution import Distribution
from engine.data.duplicates import DEFAULT_THRESHOLD
from engine.data.groups import Doubles
from engine.data.report import DataReport
from engine.data.reporting import report_on
from engine.data.thresholds import Thresholds, failures
from engine.errors import Exit

BAR_WIDTH = 32
SHOWN_LANGUAGES = 6
SHOWN_PLACES = 3

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The file of examples.")]
FormatOption = Annotated[
    DataFormat, typer.Option("--data-format", help="Layout of the examples; auto looks.")
]
SimilarityOption = Annotated[
    float,
    typer.Option(
        "--near-threshold", min=0.3, max=1, help="Share of word pairs that near-duplicates share."
    ),
]


def report(
    file: FileArgument,
    model: Annotated[
        str | None, typer.Option("--model", help="Count tokens with this model's tokenizer.")
    ] = None,
    max_length: Annotated[
        int, typer.Option("--max-length", min=1, help="Longest row in tokens that is not cut off.")
    ] = 1024,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="A file (an eval set) whose rows must not be in this one."),
    ] = None,
    data_format: FormatOption = "auto",
    near_threshold: SimilarityOption = DEFAULT_THRESHOLD,
    fail_on_dups: Annotated[
        bool, typer.Option("--fail-on-dups", help="Exit 1 where a row says what another says.")
    ] = False,
    fail_on_contamination: Annotated[
        bool,
        typer.Option("--fail-on-contamination", help="Exit 1 where a row stands in --against."),
    ] = False,
    max_outlier_rate: Annotated[
        float | None,
        typer.Option(
            "--max-outlier-rate", min=0, max=1, help="Exit 1 where more rows are outliers."
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit 1 on anything that may harm a training."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> int:
    """Tell what a file of examples holds: lengths, languages, duplicates, leaks."""
    made = report_on(file, data_format, model, max_length, against, near_threshold)
    if as_json:
        print_json(json.loads(made.to_json()))
    else:
        _print(made)
    thresholds = Thresholds(fail_on_dups, fail_on_contamination, max_outlier_rate, strict)
    failed = list(failures(made, thresholds))
    for sentence in failed:
        note(f"failed: {sentence}")
    return Exit.INPUT if failed else Exit.OK


def _print(made: DataReport) -> None:
    console = open_console()
    unicode_console = is_unicode(console.encoding)
    print(f"{made.path}: {made.rows:,} rows, {made.format} ({made.format_reason})")
    measured = [("turns a row", made.turns), ("characters a row", made.characters)]
    if made.tokens:
        measured.append(("tokens a row", made.tokens))
    console.print(_figures(measured))
    shown = measured[-1]
    _print_bars(
        shown[0],
        [(f"{bar_.start:,} to {bar_.end:,}", bar_.rows) for bar_ in shown[1].bars],
        unicode_console,
    )
    if made.truncated_rows is not None:
        share = made.truncated_share or 0
        print(
            f"{made.truncated_rows:,} rows ({share:.1%}) are longer than "
            f"{made.max_length:,} tokens and would be cut off"
        )
    languages = list(made.languages.items())[:SHOWN_LANGUAGES]
    _print_bars("languages", languages, unicode_console)
    console.print(_findings(made))


def _figures(measured: list[tuple[str, Distribution]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "smallest", "median", "95 of 100 up to", "largest", "in all"):
        table.add_column(name, justify="left" if not name else "right")
    for name, found in measured:
        values = (
            found.smallest,
            found.median,
            found.percentile_95,
            found.largest,
            found.total,
        )
        table.add_row(name, *(f"{value:,}" for value in values))
    return table


def _print_bars(title: str, rows: list[tuple[str, int]], unicode_console: bool) -> None:
    if not rows:
        return
    most = max(count for _, count in rows)
    label_width = max(len(label) for label, _ in rows)
    count_width = max(len(f"{count:,}") for _, count in rows)
    print(f"\n{title}")
    for label, count in rows:
        drawn = bar(count / most, BAR_WIDTH, is_unicode=unicode_console) if most else ""
        print(f"  {label:>{label_width}}  {count:>{count_width},}  {drawn}".rstrip())


def _findings(made: DataReport) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title=" ", title_justify="left")
    table.add_column("finding", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("where", overflow="fold")
    for name, doubles in (
        ("duplicates", made.duplicates),
        ("near-duplicates", made.near_duplicates),
    ):
        table.add_row(name, f"{doubles.extra_rows:,}", _doubles_words(doubles))
    if made.overlap:
        where = _places(made.overlap.places)
        table.add_row(f"also in {Path(made.overlap.path).name}", f"{made.overlap.rows:,}", where)
    odd = "; ".join(f"{row.place} ({row.reason})" for row in made.odd_rows[:SHOWN_PLACES])
    table.add_row("outliers", f"{made.outliers:,}", odd)
    for found in made.problems:
        table.add_row(found.kind, f"{found.rows:,}", _places(found.examples))
    for found in made.leaks:
        table.add_row(f"leaked {found.kind}", f"{found.rows:,}", _places(found.examples))
    return table


def _doubles_words(doubles: Doubles) -> str:
    return _places(tuple(" = ".join(group) for group in doubles.examples))


def _places(places: tuple[str, ...]) -> str:
    more = " ..." if len(places) > SHOWN_PLACES else ""
    return "; ".join(places[:SHOWN_PLACES]) + more
