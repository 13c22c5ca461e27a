"""A first look over a whole file of JSON lines: how many rows, of which layouts.

No row is made: msgspec checks the JSON and passes over what the layout does not hang on, which
is several times as fast as reading. Large files are shared out among processes. Nesting and
keys that stand twice are not looked at; `validate` does that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec

from engine.config import Format
from engine.data.blocks import check_unchanged, stamp_of
from engine.data.json_lines import object_of
from engine.data.layouts import layout_of
from engine.data.rows import unreadable

# Small enough to stay in the processor's cache: with 4 MB it takes half as long again.
_BLOCK_BYTES = 1 << 17
# Below this a second process costs more time to start than it saves.
_PROCESS_FROM_BYTES = 1 << 27
_MOST_PROCESSES = 4
_UNKNOWN = "unknown"
_BAD = "bad"
_UNSET = msgspec.UNSET
_Raw = msgspec.Raw | msgspec.UnsetType


@dataclass(frozen=True)
class Survey:
    """Counts over a file; `unknown_rows` have keys that tell nothing."""

    rows: int
    bad_rows: int
    unknown_rows: int
    formats: tuple[tuple[Format, int], ...]


class _Turn(msgspec.Struct, gc=False):
    role: _Raw = _UNSET
    speaker: _Raw = msgspec.field(name="from", default=_UNSET)


class _Turns(msgspec.Struct, gc=False, array_like=True):
    """A list of turns, of which the first is looked at."""

    first: _Turn


class _Keys(msgspec.Struct, gc=False):
    """The keys that tell a layout; all else is checked and passed over."""

    conversations: _Turns | msgspec.UnsetType = _UNSET
    messages: _Turns | msgspec.UnsetType = _UNSET
    chosen: _Raw = _UNSET
    rejected: _Raw = _UNSET
    prompt: _Raw = _UNSET
    completion: _Raw = _UNSET
    label: _Raw = _UNSET
    instruction: _Raw = _UNSET
    output: _Raw = _UNSET
    response: _Raw = _UNSET
    text: _Raw = _UNSET


_decoder = msgspec.json.Decoder(_Keys)


def survey(path: Path, row_bytes: int, processes: int | None = None) -> Survey:
    """Look over a file of JSON lines in UTF-8. Raises INPUT_DATA_INVALID.

    `processes` is the number to share the file out among; unset, it hangs on the file's size.
    """
    before = stamp_of(path)
    size = before[0]
    most = min(_MOST_PROCESSES, os.cpu_count() or 1)
    wanted = processes or max(1, min(most, size // _PROCESS_FROM_BYTES))
    borders = _borders(path, size, wanted)
    parts = list(pairwise(borders))
    if len(parts) == 1:
        counts = count_layouts(path, 0, size, row_bytes)
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            found = pool.map(lambda part: _in_child(path, part, row_bytes), parts)
        counts = sum(found, Counter())
    check_unchanged(path, before)
    return _survey_of(counts)


def count_layouts(path: Path, start: int, end: int, row_bytes: int) -> Counter[str]:
    """Rows by layout between two byte positions that are beginnings of lines."""
    counts: Counter[str] = Counter()
    for block in _whole_lines(path, start, end, row_bytes):
        if block.isascii() or _is_utf8(block):
            counts.update(_layouts(block))
        else:
            counts.update(_layouts_slowly(block))
    return counts


def _layouts(block: bytes) -> list[str]:
    """Layouts of the rows of a block in UTF-8, at once where it holds nothing unusual."""
    try:
        rows = _decoder.decode_lines(block)
    except (msgspec.MsgspecError, RecursionError):
        return _layouts_slowly(block)
    found = [_layout_of_keys(keys) for keys in rows]
    # Fewer rows than lines: there are blank ones, or an object that goes over several.
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    return found if all(found) and len(found) == lines else _layouts_slowly(block)


def _layouts_slowly(block: bytes) -> list[str]:
    lines = block.split(b"\n")
    return [_layout_slowly(line) for line in lines if line and not line.isspace()]


def _layout_of_keys(keys: _Keys) -> str:
    """The layout; empty where the keys alone do not tell it."""
    turns = keys.messages if keys.conversations is _UNSET else keys.conversations
    if isinstance(turns, _Turns):
        first = turns.first
        if first.role is first.speaker:
            return ""
        return "sharegpt" if first.role is _UNSET else "messages"
    if keys.chosen is not _UNSET and keys.rejected is not _UNSET:
        return "preference"
    if keys.prompt is not _UNSET and keys.completion is not _UNSET:
        return "prompt_completion" if keys.label is _UNSET else "kto"
    if keys.instruction is not _UNSET and not (keys.output is keys.response is _UNSET):
        return "alpaca"
    return "" if keys.text is _UNSET else _layout_of_text(memoryview(keys.text)[:2].tobytes())


def _layout_of_text(start: bytes) -> str:
    """ChatML begins with "<", perhaps after blanks or written as an escape."""
    return "text" if start[:1] == b'"' and start[1:2] not in (b"<", b"\\", b" ") else ""


def _layout_slowly(line: bytes) -> str:
    found = object_of(line)
    if not isinstance(found, dict):
        return _BAD
    guess = layout_of(found)
    return guess.format if guess else _UNKNOWN


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _whole_lines(path: Path, start: int, end: int, row_bytes: int) -> Iterator[bytes]:
    """Blocks that end with a line; a row without end is cut into bad ones of `row_bytes`."""
    begun: list[bytes] = []
    length = 0
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (block := file.read(min(_BLOCK_BYTES, end - start))):
            start += len(block)
            cut = block.rfind(b"\n") + 1
            if cut:
                yield b"".join([*begun, block[:cut]])
                begun, length = [block[cut:]], len(block) - cut
            elif length < row_bytes:
                begun.append(block)
                length += len(block)
        yield b"".join(begun)


def _borders(path: Path, size: int, parts: int) -> list[int]:
    """Beginnings of lines that cut the file into about equal parts."""
    borders = [0]
    with path.open("rb") as file:
        for number in range(1, parts):
            file.seek(max(size * number // parts, borders[-1]))
            file.readline()
            borders.append(file.tell())
    return [*borders, size]


def _in_child(path: Path, part: tuple[int, int], row_bytes: int) -> Counter[str]:
    numbers = [str(number) for number in (*part, row_bytes)]
    argv = [sys.executable, "-m", "engine.data.survey", str(path), *numbers]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise unreadable(f"{path} could not be looked over.", "Try again.", done.stderr[-2000:])
    return Counter(json.loads(done.stdout))


def _survey_of(counts: Counter[str]) -> Survey:
    formats: list[tuple[Format, int]] = [
        (name, count)  # type: ignore[misc]
        for name, count in counts.most_common()
        if name not in (_UNKNOWN, _BAD)
    ]
    return Survey(counts.total(), counts[_BAD], counts[_UNKNOWN], tuple(formats))


if __name__ == "__main__":
    first, last, limit = (int(number) for number in sys.argv[2:])
    print(json.dumps(count_layouts(Path(sys.argv[1]), first, last, limit)))
