"""Where the rows of a file stand, so that any page of it can be shown at once.

The byte offset of every 32nd row is kept under our home. Files of JSON lines are indexed as
they are; of all others (tables, arrays, packed files, folders) the rows are written out as JSON
lines beside the index first.
"""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
from filelock import FileLock

from engine.data.blocks import BLOCK_BYTES, Stamp, blocks_of, cannot_be_read, stamp_of
from engine.data.encoding import SAMPLE_BYTES, Encoding, encoding_of
from engine.data.json_lines import object_of, too_long
from engine.data.read import current_limits, files_of, read_source
from engine.data.rows import BadRow, Problem, Row, unreadable
from engine.data.sources import Source
from engine.files import write_atomically
from engine.home import home

STRIDE = 32
"""Rows between two offsets that are kept."""
MAX_HITS = 100_000
_SEARCH_BLOCK_BYTES = 1 << 22

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RowIndex:
    """An index of a file as it was when `stamps` were taken.

    `lines` is the file that the offsets point into; `spooled` tells that it is our copy, in
    which each line is a row with its place.
    """

    path: Path
    lines: Path
    spooled: bool
    rows: int
    stamps: tuple[Stamp, ...]
    folder: Path
    row_bytes: int


class _Spooled(msgspec.Struct, array_like=True):
    """A row in our own copy: its place, then its data or what is wrong with it."""

    line: int
    file: str
    unit: str
    data: dict[str, object] | None
    problem: str = ""
    mend: str = ""


_spooled_of = msgspec.json.Decoder(_Spooled).decode


def build_index(path: Path, progress: Progress | None = None) -> RowIndex:
    """The index of a file, made when there is none for the file as it is now.

    `progress` is called with bytes read and bytes in all. Raises INPUT_DATA_INVALID.
    """
    sources = files_of(path).files
    try:
        stamps = tuple(stamp_of(source.path) for source in sources)
        folder = home() / "cache" / "data-index" / _key(sources, stamps)
    except OSError as error:
        raise cannot_be_read(path, error) from error
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "done.json").exists():
            _build(path, sources, folder, progress or _tell_nobody)
    meta = json.loads((folder / "done.json").read_text(encoding="utf-8"))
    spooled = bool(meta["spooled"])
    return RowIndex(
        path,
        folder / "rows.jsonl" if spooled else sources[0].path,
        spooled,
        int(meta["rows"]),
        stamps,
        folder,
        current_limits().row_bytes,
    )


def page(index: RowIndex, number: int, size: int = 20, search: str = "") -> list[Row | BadRow]:
    """The rows of page `number` (from 0): of all rows, or of those that hold `search`.

    Raises INPUT_DATA_INVALID when the file is another one now.
    """
    _check_current(index)
    start = number * size
    if search:
        wanted = find(index, search)[start : start + size]
    else:
        wanted = array("Q", range(start, min(start + size, index.rows)))
    return list(_rows_at(index, wanted))


def find(index: RowIndex, text: str) -> array[int]:
    """Numbers (from 0) of the rows whose JSON holds the text, upper or lower case alike.

    The first `MAX_HITS`; they are kept, so that only the first page takes a pass over the file.
    """
    key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    kept = index.folder / f"{key}.hits"
    if kept.exists():
        return _load(kept)
    hits = array("Q")
    for hit in _hits(index, _pattern(text)):
        hits.append(hit)
        if len(hits) == MAX_HITS:
            break
    write_bytes_atomically(kept, hits.tobytes())
    return hits


def write_bytes_atomically(path: Path, content: bytes) -> None:
    staged = path.with_name(f".{path.name}.partial")
    staged.write_bytes(content)
    staged.replace(path)


def _tell_nobody(done_bytes: int, all_bytes: int) -> None:
    pass


def _key(sources: tuple[Source, ...], stamps: tuple[Stamp, ...]) -> str:
    digest = hashlib.sha256()
    for source, stamp in zip(sources, stamps, strict=True):
        with source.path.open("rb") as file:
            head = file.read(1 << 16)
        digest.update(repr((str(source.path.absolute()), stamp)).encode() + head)
    return digest.hexdigest()[:32]


def _build(path: Path, sources: tuple[Source, ...], folder: Path, progress: Progress) -> None:
    spooled = len(sources) > 1 or not _is_plain(sources[0])
    lines = folder / "rows.jsonl"
    if spooled:
        _spool(sources, lines)
    source = Source(lines, path.name, "jsonl") if spooled else sources[0]
    offsets, numbers, rows = _offsets(source, progress)
    if not rows:
        raise unreadable(f"{path} holds no rows.", "Put one example on each line.")
    write_bytes_atomically(folder / "offsets", offsets.tobytes())
    write_bytes_atomically(folder / "numbers", numbers.tobytes())
    write_atomically(folder / "done.json", json.dumps({"rows": rows, "spooled": spooled}))


def _is_plain(source: Source) -> bool:
    """JSON lines in UTF-8 without a mark: its bytes are what a page shows."""
    if source.kind != "jsonl" or source.packing:
        return False
    with source.path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    return encoding_of(head) == Encoding() and not head.lstrip().startswith(b"[")


def _spool(sources: tuple[Source, ...], target: Path) -> None:
    encoder = msgspec.json.Encoder(enc_hook=str)
    limits = current_limits()
    staged = target.with_suffix(".partial")
    with staged.open("wb") as file:
        for source in sources:
            for row in read_source(source, limits):
                file.write(encoder.encode(_as_spooled(row)) + b"\n")
    staged.replace(target)


def _as_spooled(row: Row | BadRow) -> _Spooled:
    if isinstance(row, BadRow):
        return _Spooled(row.line, row.file, row.unit, None, row.problem, row.mend)
    return _Spooled(row.line, row.file, row.unit, row.data)


def _offsets(source: Source, progress: Progress) -> tuple[array[int], array[int], int]:
    """Offset and line number of every `STRIDE`th row, and the number of rows."""
    offsets, numbers = array("Q"), array("Q")
    rows = line_number = offset = 0
    size = source.path.stat().st_size
    begun = 0
    has_text = False
    for block in blocks_of(source, current_limits()):
        at = 0
        while (end := block.find(b"\n", at)) >= 0:
            line_number += 1
            if has_text or not _is_blank(block, at, end):
                if rows % STRIDE == 0:
                    offsets.append(begun)
                    numbers.append(line_number)
                rows += 1
            at = end + 1
            begun, has_text = offset + at, False
        has_text = has_text or not _is_blank(block, at, len(block))
        offset += len(block)
        progress(offset, size)
    if has_text:
        if rows % STRIDE == 0:
            offsets.append(begun)
            numbers.append(line_number + 1)
        rows += 1
    return offsets, numbers, rows


def _is_blank(block: bytes, start: int, end: int) -> bool:
    """Most lines begin with a brace, so one byte tells."""
    if start == end:
        return True
    return block[start] <= 32 and not block[start:end].strip()


def _check_current(index: RowIndex) -> None:
    sources = files_of(index.path).files
    if tuple(stamp_of(source.path) for source in sources) != index.stamps:
        raise unreadable(f"{index.path} changed since it was indexed.", "Open it again.")


def _rows_at(index: RowIndex, wanted: array[int]) -> Iterator[Row | BadRow]:
    """Rows by their numbers, which ascend."""
    if not wanted:
        return
    offsets, numbers = _load(index.folder / "offsets"), _load(index.folder / "numbers")
    with index.lines.open("rb") as file:
        stride, row, line_number = -1, 0, 0
        for target in wanted:
            if target // STRIDE != stride:
                stride = target // STRIDE
                file.seek(offsets[stride])
                row, line_number = stride * STRIDE, numbers[stride]
            while True:
                line, length = _next_line(file, index.row_bytes)
                here = line_number
                line_number += 1
                if line is not None and not line.strip() and length:
                    continue
                row += 1
                if row > target:
                    yield _shown(index, line, here)
                    break
                if not length:
                    return


def _next_line(file: BinaryIO, limit: int) -> tuple[bytes | None, int]:
    """The next line and its length; None for one that is longer than a row may be."""
    line = file.readline(limit + 1)
    if len(line) <= limit or line.endswith(b"\n"):
        return line, len(line)
    length = len(line)
    while (more := file.readline(BLOCK_BYTES)) and not more.endswith(b"\n"):
        length += len(more)
    return None, length + len(more)


def _shown(index: RowIndex, line: bytes | None, number: int) -> Row | BadRow:
    name = index.path.name
    if index.spooled and line is not None:
        kept = _spooled_of(line)
        if kept.data is None:
            return BadRow(kept.line, kept.file, kept.problem, kept.mend, kept.unit)
        return Row(kept.line, kept.data, kept.file, kept.unit)
    found = too_long(index.row_bytes) if line is None else object_of(line.rstrip(b"\n"))
    if isinstance(found, Problem):
        return BadRow(number, name, found.problem, found.mend)
    return Row(number, found, name)


def _pattern(text: str) -> re.Pattern[bytes]:
    """The text as JSON may have it: as it is, or with characters beyond ASCII escaped."""
    plain = json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")
    escaped = json.dumps(text)[1:-1].encode("ascii")
    return re.compile(re.escape(plain) + b"|" + re.escape(escaped), re.IGNORECASE)


def _hits(index: RowIndex, pattern: re.Pattern[bytes]) -> Iterator[int]:
    """Numbers of the rows with a match, one pass over the file."""
    row = 0
    rest = b""
    with index.lines.open("rb") as file:
        while block := file.read(_SEARCH_BLOCK_BYTES):
            block = rest + block
            cut = block.rfind(b"\n") + 1
            rest = block[cut:]
            for line in block[:cut].split(b"\n")[:-1]:
                if line.strip():
                    if pattern.search(line):
                        yield row
                    row += 1
    if rest.strip() and pattern.search(rest):
        yield row


def _load(path: Path) -> array[int]:
    loaded = array("Q")
    loaded.frombytes(path.read_bytes())
    return loaded
