"""One JSON object a line: fast where all is well, exact about what is wrong where it is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from engine.data.limits import MAX_DEPTH
from engine.data.lines import lines_of
from engine.data.rows import Problem

Found = dict[str, object] | Problem

_decode = msgspec.json.Decoder().decode
_KEY_END = re.compile(rb'"[ \t\r\n]*:')

HALF_CHARACTER = Problem("holds half of a character (a lone surrogate)", "Remove it.")
TOO_DEEP = Problem(
    f"nested too deeply (more than {MAX_DEPTH} levels)", "Rows need a few levels only."
)
NUL = Problem("there is a NUL byte, so this is not text", "Write the row again without it.")


class _TooDeep(Exception):
    """A value is nested more deeply than rows may be."""


def json_line_rows(blocks: Iterable[bytes], limit: int) -> Iterator[tuple[int, Found]]:
    """Each line that is not blank: its number, and its object or what is wrong with it."""
    for number, line in lines_of(blocks, limit):
        if line is None:
            yield number, too_long(limit)
        elif line and not line.isspace():
            yield number, object_of(line)


def object_of(line: bytes) -> Found:
    """The object that a line consists of, checked."""
    try:
        value = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return _object_or_reason(line)
    if value.__class__ is not dict:
        return not_an_object(value)
    try:
        keys = _count_keys(value, MAX_DEPTH)
    except _TooDeep:
        return TOO_DEEP
    # Every key is followed by a colon, so as many colons as keys mean that none is there twice.
    if keys != line.count(b":") and keys != len(_KEY_END.findall(line)):
        return _object_or_reason(line)
    return value


def checked(value: object, twice: str | None) -> Found:
    """The object of a slower parser, with the same checks."""
    if not isinstance(value, dict):
        return not_an_object(value)
    if twice is not None:
        return Problem(
            f"the key {_shown(twice)} stands twice in one object", "Keep one of the two."
        )
    try:
        _count_keys(value, MAX_DEPTH)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (_TooDeep, RecursionError):
        return TOO_DEEP
    except UnicodeEncodeError:
        return HALF_CHARACTER
    return value


def malformed(error: Exception) -> Problem:
    """What Python's parser did not like."""
    if isinstance(error, json.JSONDecodeError):
        if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string"):
            return Problem(
                f"not valid JSON at column {error.colno}: the row breaks off ({error.msg})",
                "The file may have been cut off; write the row again.",
            )
        return Problem(
            f"not valid JSON at column {error.colno}: {error.msg}",
            'Expected one JSON object a line, such as {"messages": [...]}.',
        )
    if isinstance(error, RecursionError):
        return TOO_DEEP
    return Problem(str(error), "Write the row again.")


def not_an_object(value: object) -> Problem:
    names = {str: "a text", list: "an array", bool: "true or false", type(None): "null"}
    return Problem(
        f"found {names.get(type(value), 'a number')}, not an object",
        'Expected an object, such as {"messages": [...]}.',
    )


def too_long(limit: int) -> Problem:
    return Problem(
        f"longer than {limit / 1e6:g} MB, or without an end",
        "Shorten it, or raise reading.max_row_mb.",
    )


class TwiceSeen:
    """Python's parser tells pairs to this hook, which notes a key that stands twice."""

    def __init__(self) -> None:
        self.key: str | None = None

    def __call__(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            self.key = next(name for name in names if names.count(name) > 1)
        return made


def _object_or_reason(line: bytes) -> Found:
    """The slow way, by Python's own parser: it also takes NaN."""
    if b"\0" in line:
        return NUL
    seen = TwiceSeen()
    try:
        text = line.decode("utf-8")
        value = json.loads(text, object_pairs_hook=seen)
    except UnicodeDecodeError as error:
        return Problem(
            f"byte {error.start + 1} of the row is not UTF-8", "Save the file as UTF-8 text."
        )
    except (ValueError, RecursionError) as error:
        return malformed(error)
    return checked(value, seen.key)


# Any: checked by its class, which is twice as fast here as isinstance.
def _count_keys(value: Any, room: int) -> int:
    """Keys of all objects in a value; raises _TooDeep."""
    if not room:
        raise _TooDeep
    keys = 0
    if value.__class__ is dict:
        keys = len(value)
        value = value.values()
    for part in value:
        if part.__class__ is dict or part.__class__ is list:
            keys += _count_keys(part, room - 1)
    return keys


def _shown(key: str) -> str:
    return repr(key if len(key) <= 60 else key[:60] + "…")
