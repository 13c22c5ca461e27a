"""JSON values out of text that arrives in pieces: an array's elements, or one after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from engine.data.json_lines import Found, TwiceSeen, checked, malformed, too_long
from engine.data.rows import Problem

BLANK = " \t\r\n"
_BLANKS = re.compile(f"[{BLANK}]*")


class MalformedJson(Exception):
    """What is wrong, and on which line; what follows cannot be told apart any more."""

    def __init__(self, line: int, problem: Problem) -> None:
        super().__init__(problem.problem)
        self.line = line
        self.problem = problem


def array_rows(pieces: Iterator[str], limit: int) -> Iterator[tuple[int, Found]]:
    """The elements of the one array that the text consists of.

    Where the JSON breaks, the last thing told is that: nothing after it can be read.
    """
    scanner = _Scanner(pieces, limit)
    try:
        yield from _elements(scanner)
    except MalformedJson as error:
        yield error.line, _nothing_after(error.problem)


def value_rows(pieces: Iterator[str], limit: int) -> Iterator[tuple[int, Found]]:
    """Objects that follow each other, each over as many lines as it likes."""
    scanner = _Scanner(pieces, limit)
    try:
        while scanner.peek():
            yield scanner.value()
    except MalformedJson as error:
        yield error.line, _nothing_after(error.problem)


def _elements(scanner: _Scanner) -> Iterator[tuple[int, Found]]:
    scanner.take("[")
    if scanner.peek() != "]":
        yield scanner.value()
        while scanner.peek() == ",":
            scanner.take(",")
            yield scanner.value()
    scanner.take("]")
    if scanner.peek():
        raise MalformedJson(
            scanner.line,
            Problem("there is text after the end of the array", "Put every row into the array."),
        )


def _nothing_after(problem: Problem) -> Problem:
    return Problem(
        f"{problem.problem}; nothing from here on could be read",
        f"{problem.mend} With one object a line (.jsonl) only the bad row is lost.",
    )


class _Scanner:
    def __init__(self, pieces: Iterator[str], limit: int) -> None:
        self.line = 1
        self._pieces = pieces
        self._limit = limit
        self._text = ""
        self._at = 0

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            self._advance(blanks.end() if blanks else self._at)
            if self._at < len(self._text) or not self._read_more():
                return self._text[self._at : self._at + 1]

    def take(self, expected: str) -> None:
        found = self.peek()
        if found != expected:
            what = repr(found) if found else "the end of the file"
            raise MalformedJson(
                self.line,
                Problem(f"{expected!r} was expected, but found {what}", "Mend the array there."),
            )
        self._advance(self._at + 1)

    def value(self) -> tuple[int, Found]:
        self.peek()
        while True:
            seen = TwiceSeen()
            try:
                found, end = json.JSONDecoder(object_pairs_hook=seen).raw_decode(
                    self._text, self._at
                )
            except (ValueError, RecursionError) as error:
                # It may only be cut off here.
                if not isinstance(error, json.JSONDecodeError) or not self._read_more():
                    raise self._malformed(error) from error
                continue
            # A number may go on in the next piece.
            if end < len(self._text) or not self._read_more():
                line = self.line
                self._advance(end)
                return line, checked(found, seen.key)

    def _read_more(self) -> bool:
        """Add text, doubling what is there, so that trying again stays cheap."""
        rest = self._text[self._at :]
        if len(rest) > self._limit:
            raise MalformedJson(self.line, too_long(self._limit))
        added: list[str] = []
        length = 0
        for piece in self._pieces:
            added.append(piece)
            length += len(piece)
            if length > len(rest):
                break
        self._text, self._at = rest + "".join(added), 0
        return length > 0

    def _advance(self, to: int) -> None:
        self.line += self._text.count("\n", self._at, to)
        self._at = to

    def _malformed(self, error: Exception) -> MalformedJson:
        line = self.line
        if isinstance(error, json.JSONDecodeError):
            line += self._text.count("\n", self._at, error.pos)
        return MalformedJson(line, malformed(error))
