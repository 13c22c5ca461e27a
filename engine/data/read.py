"""Read examples row by row, from a file of any kind, a folder of them, or a hub.

A file is decoded and parsed in pieces, so its size does not matter. Every row comes out, as it
is or as a `BadRow` that tells what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path

from engine.data.blocks import blocks_of
from engine.data.delimited import MalformedTable, table_rows
from engine.data.encoding import Encoding, as_utf8
from engine.data.hub import fetch
from engine.data.json_lines import Found, json_line_rows
from engine.data.json_values import array_rows, value_rows
from engine.data.limits import Limits
from engine.data.prose import prose_rows
from engine.data.rows import BadRow, Problem, Row, unreadable
from engine.data.sources import Source, Sources, is_hub, sources_of
from engine.data.texts import texts_of
from engine.errors import BackpropError
from engine.settings import load_settings

__all__ = ["BadRow", "Row", "Source", "notes_of", "read_rows", "read_source", "read_tolerant"]

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_ARROW_MODULE = "engine.data.columnar"


def read_rows(path: Path) -> Iterator[Row]:
    """The rows, in order. Raises INPUT_DATA_INVALID with file and line at the first bad one."""
    for row in read_tolerant(path):
        if isinstance(row, BadRow):
            raise bad_row_error(row, path)
        yield row


def bad_row_error(row: BadRow, path: Path) -> BackpropError:
    """The error of one bad row, naming its file by the whole path."""
    file = path / row.file if path.is_dir() else path
    return unreadable(f"{file}, {row.unit} {row.line}: {row.problem}.", row.mend)


def read_tolerant(path: Path, limits: Limits | None = None) -> Iterator[Row | BadRow]:
    """Every row in order, those that cannot be read as `BadRow`.

    Raises INPUT_DATA_INVALID where a file as a whole cannot be read (missing, damaged, changed
    while it was read, unpacking to too much).
    """
    limits = limits or current_limits()
    count = 0
    for source in files_of(path).files:
        for row in read_source(source, limits):
            count += 1
            yield row
    if not count:
        raise unreadable(f"{path} holds no rows.", "Put one example on each line.")


def current_limits() -> Limits:
    """The limits as the settings have them now. Raises CONFIG_INVALID."""
    reading = load_settings().reading
    return Limits(
        row_bytes=reading.max_row_mb * 1_000_000,
        unpacked_bytes=int(reading.max_decompressed_gb * 1_000_000_000),
        ratio=reading.max_compression_ratio,
    )


def files_of(path: Path) -> Sources:
    """The files that a path stands for; those of a hub are fetched first."""
    return sources_of(fetch(path) if is_hub(path) else path)


def read_source(source: Source, limits: Limits) -> Iterator[Row | BadRow]:
    """The rows of one file."""
    name = source.name
    unit = "row" if source.kind in ("parquet", "arrow") else "line"
    for line, found in _found(source, limits):
        if isinstance(found, Problem):
            yield BadRow(line, name, found.problem, found.mend, unit)
        else:
            yield Row(line, found, name, unit)


def notes_of(path: Path) -> tuple[str, ...]:
    """What was assumed or left out, for a warning: encodings that were guessed, other files."""
    limits = current_limits()
    sources = files_of(path)
    notes = [f"{name} was not read: no file of examples." for name in sources.skipped]
    for source in sources.files:
        encoding = _encoding(source, limits)
        if encoding.assumed:
            notes.append(
                f"{source.name} is not UTF-8; it was read as {encoding.name}, which is a guess. "
                "Save it as UTF-8 to be sure."
            )
    return tuple(notes)


def _encoding(source: Source, limits: Limits) -> Encoding:
    if source.kind in ("parquet", "arrow"):
        return Encoding()
    encoding, _ = as_utf8(blocks_of(source, limits), source.path)
    return encoding


def _found(source: Source, limits: Limits) -> Iterator[tuple[int, Found]]:
    if source.kind in ("parquet", "arrow"):
        yield from _columnar(source, limits)
        return
    _, blocks = as_utf8(blocks_of(source, limits), source.path)
    start, blocks = _peeked(blocks, source.path)
    if source.kind in _DELIMITERS:
        yield from _table(blocks, source, limits)
    elif source.kind in ("txt", "md"):
        yield from prose_rows(texts_of(blocks, source.path), limits.row_bytes)
    elif start.startswith(b"["):
        yield from array_rows(texts_of(blocks, source.path), limits.row_bytes)
    elif source.kind == "json" and _is_spread(start):
        yield from value_rows(texts_of(blocks, source.path), limits.row_bytes)
    else:
        yield from json_line_rows(blocks, limits.row_bytes)


def _peeked(blocks: Iterator[bytes], path: Path) -> tuple[bytes, Iterator[bytes]]:
    """The text from its first character on, as far as the first block has it."""
    seen: list[bytes] = []
    for block in blocks:
        seen.append(block)
        if not block.isspace() and block:
            return block.lstrip(), chain(seen, blocks)
    raise unreadable(f"{path} is empty.", "Put one example on each line.")


def _is_spread(start: bytes) -> bool:
    """Do the objects of a .json file go over several lines?"""
    first_line = start.partition(b"\n")[0].rstrip()
    return first_line == b"{" or (b"\n" in start and first_line.endswith((b",", b"[", b"{")))


def _table(blocks: Iterator[bytes], source: Source, limits: Limits) -> Iterator[tuple[int, Found]]:
    try:
        yield from table_rows(blocks, limits.row_bytes, _DELIMITERS[source.kind])
    except MalformedTable as error:
        raise unreadable(
            f"{source.path}, line {error.line}: {error.problem.problem}.", error.problem.mend
        ) from error


def _columnar(source: Source, limits: Limits) -> Iterator[tuple[int, Found]]:
    """Arrow takes a tenth of a second and 50 MB to import: only files that need it pay that."""
    try:
        columnar = import_module(_ARROW_MODULE)
    except ModuleNotFoundError as error:
        raise BackpropError(
            "DEP_NOT_INSTALLED",
            f"{source.path} needs pyarrow, which is not installed.",
            hint="pip install 'backprop-ui[train]'",
            cause=str(error),
        ) from error
    yield from columnar.columnar_rows(source, limits)
