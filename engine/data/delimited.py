"""CSV and TSV: a header, then rows of cells; quoted cells may hold delimiters and line breaks."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Protocol

from engine.data.json_lines import NUL, Found, too_long
from engine.data.limits import MAX_COLUMNS
from engine.data.lines import lines_of
from engine.data.rows import Problem

_DELIMITERS = ",;\t|"
_LINES_TO_SNIFF = 50
# What bytes that are not UTF-8 are decoded to, for the row to be told.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


class _Reader(Protocol):
    """What we use of csv's reader."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class MalformedTable(Exception):
    """The header cannot be used, or the cells cannot be told apart any more."""

    def __init__(self, line: int, problem: Problem) -> None:
        super().__init__(problem.problem)
        self.line = line
        self.problem = problem


def table_rows(blocks: Iterable[bytes], limit: int, usual: str) -> Iterator[tuple[int, Found]]:
    """Rows as objects of text, each with the line it begins on.

    `usual` is the delimiter that is taken where the first lines do not tell another. Raises
    MalformedTable for a header that cannot be used; where the cells cannot be told apart any
    more, the last thing told is that.
    """
    lines = _texts(blocks, limit)
    head = list(islice(lines, _LINES_TO_SNIFF))
    # The limit is the module's, not the reader's; ours bounds the whole row.
    csv.field_size_limit(limit)
    reader = csv.reader(chain(head, lines), delimiter=delimiter_of(head, usual), strict=True)
    header = _header(reader)
    try:
        yield from _rows(reader, header, limit)
    except MalformedTable as error:
        yield error.line, error.problem


def _rows(reader: _Reader, header: list[str], limit: int) -> Iterator[tuple[int, Found]]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield line, _malformed(error, line, limit)
            continue
        if cells is None:
            return
        if cells:
            yield line, _row(header, cells)


def delimiter_of(lines: list[str], usual: str) -> str:
    """The delimiter that splits most of the first rows into the same number of cells."""
    best, best_score = usual, 0.0
    for delimiter in usual + _DELIMITERS.replace(usual, ""):
        widths = [len(cells) for cells in _cells_of(lines, delimiter) if cells]
        if not widths or widths[0] < 2:
            continue
        agreeing = Counter(widths)[widths[0]] / len(widths)
        if agreeing > best_score:
            best, best_score = delimiter, agreeing
    return best


def _cells_of(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    """Rows of a sample, until one breaks off."""
    try:
        yield from csv.reader(lines, delimiter=delimiter, strict=True)
    except csv.Error:
        return


def _texts(blocks: Iterable[bytes], limit: int) -> Iterator[str]:
    """Lines with their ends; raises MalformedTable for one that is too long."""
    for number, line in lines_of(blocks, limit):
        if line is None:
            problem = Problem(
                f"{too_long(limit).problem}; nothing from here on could be read",
                too_long(limit).mend,
            )
            raise MalformedTable(number, problem)
        yield line.decode("utf-8", errors="surrogateescape") + "\n"


def _header(reader: _Reader) -> list[str]:
    try:
        cells = next((cells for cells in reader if any(cells)), [])
    except csv.Error as error:
        raise MalformedTable(
            1, Problem(f"the header cannot be read: {error}", "Mend it.")
        ) from error
    names = [cell.strip() for cell in cells]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        problem = Problem(
            f"the header names {twice[0]!r} twice", "Give each column a name of its own."
        )
        raise MalformedTable(1, problem)
    if len(names) > MAX_COLUMNS:
        raise MalformedTable(
            1,
            Problem(f"the header has {len(names):,} columns", f"At most {MAX_COLUMNS:,} are read."),
        )
    return names


def _row(header: list[str], cells: list[str]) -> Found:
    if len(cells) != len(header):
        return Problem(
            f"found {len(cells)} cells, but the header has {len(header)}",
            "Put cells that hold the delimiter or line breaks into double quotes.",
        )
    joined = "".join(cells)
    if "\0" in joined:
        return NUL
    if _NOT_UTF8.search(joined):
        return Problem("a byte of the row is not UTF-8", "Save the file as UTF-8 text.")
    return dict(zip(header, cells, strict=True))


def _malformed(error: csv.Error, line: int, limit: int) -> Problem:
    words = str(error)
    if "field larger" in words:
        # What a quote without its other half swallows has no end to go on from.
        problem = Problem(
            f"a cell is {too_long(limit).problem}; nothing from here on could be read",
            "Close the double quote that opens here.",
        )
        raise MalformedTable(line, problem) from error
    if "unexpected end" in words:
        return Problem(
            "a double quote opens here and is never closed",
            "Close it; a quote in a cell is doubled.",
        )
    return Problem(f"cannot be read as cells: {words}", "Double the quotes within quoted cells.")
