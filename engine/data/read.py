"""Read a file of examples row by row: JSON lines, or one JSON array of objects.

The file is decoded and parsed in pieces, so its size does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from engine.data.decode import decoded_pieces
from engine.data.json_values import BLANK, MalformedJson, array_values, line_values
from engine.errors import BackpropError

SUFFIXES = (".jsonl", ".json")
EXPECTED = 'one JSON object a line, such as {"messages": [...]}, or a JSON array of objects'


@dataclass(frozen=True)
class Row:
    """One example as it stands in the file; `line` counts from 1."""

    line: int
    data: dict[str, object]
    file: str = ""

    @property
    def place(self) -> str:
        """Where it stands, for messages: "chats.jsonl, line 3"."""
        return f"{self.file}, line {self.line}" if self.file else f"line {self.line}"


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a .jsonl or .json file, in order.

    Raises INPUT_DATA_INVALID with the file, the line and what was expected.
    """
    _check_kind(path)
    count = 0
    try:
        for line, value in _values(path):
            if not isinstance(value, dict):
                raise MalformedJson(line, f"found {_kind(value)}, not an object")
            count += 1
            yield Row(line, value, path.name)
    except MalformedJson as error:
        raise _invalid(f"{path}, line {error.line}: {error}.") from error
    if count == 0:
        raise _invalid(f"{path} holds no rows.")


def _check_kind(path: Path) -> None:
    if path.is_dir():
        raise _invalid(f"{path} is a folder, not a file.")
    if not path.exists():
        raise _invalid(f"{path} does not exist.")
    if path.suffix.lower() not in SUFFIXES:
        raise _invalid(f"{path} is not a .jsonl or .json file.")


def _values(path: Path) -> Iterator[tuple[int, object]]:
    pieces = decoded_pieces(path)
    start: list[str] = []
    for piece in pieces:
        start.append(piece)
        if piece.strip(BLANK):
            break
    else:
        raise _invalid(f"{path} is empty.")
    text = chain(start, pieces)
    is_array = start[-1].lstrip(BLANK).startswith("[")
    return array_values(text) if is_array else line_values(text)


def _kind(value: object) -> str:
    names = {str: "a text", list: "an array", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _invalid(message: str) -> BackpropError:
    return BackpropError("INPUT_DATA_INVALID", message, hint=f"Expected: {EXPECTED}.")
