"""Bytes of every kind into the readers: only our own error may come out, and no row is lost.

`BACKPROP_FUZZ_INPUTS` sets how many (5,000 unless set; `make prove` takes 100,000).
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data.lines import lines_of
from engine.data.read import BadRow, Row, read_tolerant
from engine.data.validate import validate
from engine.errors import BackpropError
from tests.data.written import every_kind

INPUTS = int(os.environ.get("BACKPROP_FUZZ_INPUTS", "5000"))
WELL_FORMED = every_kind(
    [{"prompt": "q ü", "completion": 'a,\n"b"'}, {"prompt": "", "completion": "🗼"}]
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TURNS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(["user", "assistant", "system", "tool", "x"]) | VALUES,
            "from": st.sampled_from(["human", "gpt", "function_call", "observation"]) | VALUES,
            "content": st.text() | VALUES,
            "value": st.text() | VALUES,
            "tool_calls": VALUES,
            "tool_call_id": VALUES,
        },
    )
    | VALUES,
    max_size=5,
)
KEYS = (
    "conversations", "messages", "prompt", "completion", "chosen", "rejected", "label",
    "instruction", "input", "output", "text", "system", "tools",
)  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries({}, optional={key: TURNS | st.text() | VALUES for key in KEYS}) | VALUES,
    max_size=6,
)
SNIPPETS = st.sampled_from(
    [b'"', b"{", b"}", b"[", b"]", b",", b"\n", b"\r\n", b"\0", b"\\ud800", b"\xff",
     b"\xef\xbb\xbf", b"<|im_start|>", b"<|im_end|>", b":",
     b"\\u0000", b"NaN", b"1e999", b"[" * 300, b"PAR1"]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A well-formed file of some kind, with bytes replaced, put in, or cut off."""
    name = draw(st.sampled_from(sorted(WELL_FORMED)))
    content = bytearray(WELL_FORMED[name])
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        end = at + draw(st.integers(0, 8))
        content[at:end] = draw(st.binary(max_size=8) | SNIPPETS)
    if draw(st.booleans()):
        del content[draw(st.integers(0, len(content))) :]
    return name, bytes(content)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, bytes]:
    """Rows of any values, some like those of a layout, as JSON of every kind."""
    rows = draw(ROWS)
    lines = b"\n".join(json.dumps(row).encode() for row in rows)
    packed: dict[str, Callable[[], bytes]] = {
        "a.jsonl": lambda: lines,
        "a.json": lambda: json.dumps(rows).encode(),
        "a.jsonl.gz": lambda: gzip.compress(lines),
        "a.jsonl.zst": lambda: zstandard.compress(lines),
    }
    name = draw(st.sampled_from(sorted(packed)))
    return name, packed[name]()


@st.composite
def anything(draw: st.DrawFn) -> tuple[str, bytes]:
    """Bytes out of the air, under any name."""
    name = draw(st.sampled_from([*sorted(WELL_FORMED), "a.txt", "a.md", "a.txt.gz"]))
    return name, b"".join(draw(st.lists(st.binary(max_size=20) | SNIPPETS, max_size=12)))


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Counter[str]]:
    counted: Counter[str] = Counter()
    yield counted
    told = ", ".join(f"{count:,} {what}" for what, count in sorted(counted.items()))
    print(f"\nfuzzing of the readers: {told}")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@settings(
    max_examples=INPUTS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(file=damaged() | written() | anything())
def test_only_our_errors_and_no_row_lost(file: tuple[str, bytes], outcomes: Counter[str]) -> None:
    name, content = file
    outcomes["inputs"] += 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        rows = _rows_or_refusal(path)
        if isinstance(rows, BackpropError):
            outcomes["refused whole"] += 1
            assert rows.code == "INPUT_DATA_INVALID"
            assert rows.hint
            return
        found = validate(path)
    outcomes["rows"] += len(rows)
    outcomes["bad rows"] += sum(isinstance(row, BadRow) for row in rows)
    assert found.rows == len(rows)
    assert found.good_rows + found.bad_rows == len(rows)
    assert all(row.problem and row.mend for row in found.bad)
    _check_lines(path, content, rows)


def _rows_or_refusal(path: Path) -> list[Row | BadRow] | BackpropError:
    try:
        return list(read_tolerant(path))
    except BackpropError as error:
        return error


def _check_lines(path: Path, content: bytes, rows: list[Row | BadRow]) -> None:
    """Of JSON lines in UTF-8, every line that is not blank came out."""
    if path.suffix != ".jsonl" or content.lstrip().startswith(b"[") or not _is_utf8(content):
        return
    plain = content.removeprefix(b"\xef\xbb\xbf")
    numbers = [number for number, line in lines_of([plain], len(plain)) if line and line.strip()]
    assert [row.line for row in rows] == numbers


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not content.startswith(b"\0") and b"\0" not in content
