"""The same rows in files of every kind."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Rows = list[dict[str, str]]


def as_lines(rows: Rows) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def as_table(rows: Rows, delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: Rows) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def as_arrow(rows: Rows, stream: bool = False) -> bytes:
    sink = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def every_kind(rows: Rows) -> dict[str, bytes]:
    """File name → content; all hold the same rows of text."""
    lines = as_lines(rows)
    return {
        "a.jsonl": lines,
        "a.ndjson": lines.replace(b"\n", b"\r\n"),
        "a.json": json.dumps(rows).encode(),
        "spread.json": b"\n".join(json.dumps(row, indent=1).encode() for row in rows),
        "utf16.jsonl": lines.decode().encode("utf-16"),
        "a.csv": as_table(rows),
        "semicolons.csv": as_table(rows, ";"),
        "marked.csv": b"\xef\xbb\xbf" + as_table(rows),
        "a.tsv": as_table(rows, "\t"),
        "a.parquet": as_parquet(rows),
        "a.arrow": as_arrow(rows),
        "stream.arrow": as_arrow(rows, stream=True),
        "a.jsonl.gz": gzip.compress(lines),
        "a.jsonl.zst": zstandard.compress(lines),
        "a.csv.gz": gzip.compress(as_table(rows)),
        "a.json.zst": zstandard.compress(json.dumps(rows).encode()),
    }


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
