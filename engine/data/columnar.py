"""Parquet and Arrow files, a batch of rows at a time.

Imports pyarrow, so only what reads such a file imports this module.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engine.data.blocks import cannot_be_read, check_unchanged, stamp_of
from engine.data.json_lines import Found, too_long
from engine.data.limits import Limits
from engine.data.rows import Problem, unreadable
from engine.data.sources import Source

_BATCH_ROWS = 512
_LARGEST_BATCH_BYTES = 1 << 28
_MAGIC = b"ARROW1"
# pyarrow tells most damage by its own errors, which derive from these.
_DAMAGE = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError, KeyError)


def columnar_rows(source: Source, limits: Limits) -> Iterator[tuple[int, Found]]:
    """Rows with their numbers from 1. Raises INPUT_DATA_INVALID where the file is damaged."""
    path = source.path
    before = _stamp(path)
    number = 0
    batches = _parquet(path, limits) if source.kind == "parquet" else _arrow(path)
    for batch in _guarded(batches, path):
        for row in _rows_of(batch, path):
            number += 1
            yield number, _found(row, batch, limits)
    check_unchanged(path, before)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        return stamp_of(path)
    except OSError as error:
        raise cannot_be_read(path, error) from error


def _guarded(batches: Iterator[pa.RecordBatch], path: Path) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except _DAMAGE as error:
        raise _damaged(path, str(error)) from error


def _parquet(path: Path, limits: Limits) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path, memory_map=True) as file:
        meta = file.metadata
        groups = [meta.row_group(index) for index in range(meta.num_row_groups)]
        if meta.num_rows != sum(group.num_rows for group in groups):
            raise _damaged(path, "the footer counts other rows than its groups hold")
        if any(group.total_byte_size > limits.unpacked_bytes for group in groups):
            raise _damaged(path, "the footer tells of more data than may be unpacked")
        read = 0
        # One row is read alone first: its size tells how many fit into a batch.
        rows = _batch_rows(groups)
        for batch in file.iter_batches(batch_size=rows):
            _check(batch, path)
            read += batch.num_rows
            yield batch
        if read != meta.num_rows:
            raise _damaged(path, f"the footer counts {meta.num_rows} rows, but {read} are there")


def _batch_rows(groups: list[pq.RowGroupMetaData]) -> int:
    """As many rows as fit into a batch of bounded size, by what the footer says of their size."""
    largest = max((group.total_byte_size / max(1, group.num_rows) for group in groups), default=1)
    return max(1, min(_BATCH_ROWS, math.floor(_LARGEST_BATCH_BYTES / max(1.0, largest))))


def _arrow(path: Path) -> Iterator[pa.RecordBatch]:
    with ExitStack() as stack:
        mapped = stack.enter_context(pa.memory_map(str(path)))
        if mapped.read(len(_MAGIC)) == _MAGIC:
            file = stack.enter_context(pa.ipc.open_file(mapped))
            batches = (file.get_batch(index) for index in range(file.num_record_batches))
        else:
            mapped.seek(0)
            batches = iter(stack.enter_context(pa.ipc.open_stream(mapped)))
        for batch in batches:
            for start in range(0, batch.num_rows, _BATCH_ROWS):
                part = batch.slice(start, _BATCH_ROWS)
                _check(part, path)
                yield part


def _check(batch: pa.RecordBatch, path: Path) -> None:
    """Offsets and texts of a damaged file may point anywhere."""
    batch.validate(full=True)
    names = batch.schema.names
    if len(set(names)) < len(names):
        raise _damaged(path, "two columns have the same name")


def _rows_of(batch: pa.RecordBatch, path: Path) -> list[dict[str, object]]:
    try:
        rows: list[dict[str, object]] = batch.to_pylist()
    except (*_DAMAGE, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from error
    return rows


def _found(row: dict[str, object], batch: pa.RecordBatch, limits: Limits) -> Found:
    if batch.nbytes > limits.row_bytes and _text_bytes(row) > limits.row_bytes:
        return too_long(limits.row_bytes)
    if not row:
        return Problem("the row has no columns", "Write the file again.")
    return row


def _text_bytes(value: object) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(_text_bytes(part) for part in value.values())
    return sum(_text_bytes(part) for part in value) if isinstance(value, list) else 0


def _damaged(path: Path, cause: str) -> Exception:
    return unreadable(
        f"{path} is damaged: its rows cannot be read.", "Write or download it again.", cause
    )
