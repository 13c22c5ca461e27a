"""A row of a file, good or bad, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from engine.errors import BackpropError


class Row(msgspec.Struct, frozen=True):
    """One example as it stands in the file; `line` counts from 1, in the file's own `unit`.

    A msgspec struct, as a million of them are made a pass and a frozen dataclass takes five
    times as long to make.
    """

    line: int
    data: dict[str, object]
    file: str = ""
    unit: str = "line"

    @property
    def place(self) -> str:
        """Where it stands, for messages: "chats.jsonl, line 3"."""
        return place_of(self.file, self.unit, self.line)


@dataclass(frozen=True)
class Problem:
    """What is wrong with a row, and how to mend it."""

    problem: str
    mend: str


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: set aside, counted and told, never dropped in silence."""

    line: int
    file: str
    problem: str
    mend: str
    unit: str = "line"

    @property
    def place(self) -> str:
        return place_of(self.file, self.unit, self.line)


def place_of(file: str, unit: str, line: int) -> str:
    return f"{file}, {unit} {line}" if file else f"{unit} {line}"


def unreadable(message: str, hint: str, cause: str = "") -> BackpropError:
    """The error of a file that cannot be read as examples."""
    return BackpropError("INPUT_DATA_INVALID", message, hint=hint, cause=cause)
