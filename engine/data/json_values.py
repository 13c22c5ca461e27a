"""JSON values out of text that arrives in pieces, each with the line it begins on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

LONGEST_VALUE_CHARACTERS = 1 << 26
BLANK = " \t\r\n"
_BLANKS = re.compile(f"[{BLANK}]*")


class MalformedJson(Exception):
    """What is wrong, and on which line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def line_values(pieces: Iterator[str]) -> Iterator[tuple[int, object]]:
    """One value a line; blank lines are passed over."""
    for number, line in _lines(pieces):
        text = line.strip(BLANK)
        if not text:
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _malformed(number, error) from error
        yield number, value


def array_values(pieces: Iterator[str]) -> Iterator[tuple[int, object]]:
    """The elements of the one array that the text consists of."""
    scanner = _Scanner(pieces)
    scanner.take("[")
    if scanner.peek() != "]":
        yield scanner.value()
        while scanner.peek() == ",":
            scanner.take(",")
            yield scanner.value()
    scanner.take("]")
    if scanner.peek():
        raise MalformedJson(scanner.line, "there is text after the end of the array")


def _lines(pieces: Iterator[str]) -> Iterator[tuple[int, str]]:
    number = 1
    begun: list[str] = []
    length = 0
    for piece in pieces:
        first, *others = piece.split("\n")
        begun.append(first)
        length += len(first)
        for following in others:
            yield number, "".join(begun)
            number += 1
            begun, length = [following], len(following)
        if length > LONGEST_VALUE_CHARACTERS:
            raise _too_long(number)
    yield number, "".join(begun)


class _Scanner:
    def __init__(self, pieces: Iterator[str]) -> None:
        self.line = 1
        self._pieces = pieces
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

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
            raise MalformedJson(self.line, f"{expected!r} was expected, but found {what}")
        self._advance(self._at + 1)

    def value(self) -> tuple[int, object]:
        self.peek()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                # It may only be cut off here.
                if not isinstance(error, json.JSONDecodeError) or not self._read_more():
                    raise self._malformed(error) from error
                continue
            # A number may go on in the next piece.
            if end < len(self._text) or not self._read_more():
                line = self.line
                self._advance(end)
                return line, found

    def _read_more(self) -> bool:
        """Add text, doubling what is there, so that trying again stays cheap."""
        rest = self._text[self._at :]
        if len(rest) > LONGEST_VALUE_CHARACTERS:
            raise _too_long(self.line)
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
        return _malformed(line, error)


def _malformed(line: int, error: Exception) -> MalformedJson:
    if isinstance(error, json.JSONDecodeError):
        return MalformedJson(line, f"not valid JSON at column {error.colno}: {error.msg}")
    if isinstance(error, RecursionError):
        return MalformedJson(line, "nested too deeply")
    return MalformedJson(line, str(error))


def _too_long(line: int) -> MalformedJson:
    return MalformedJson(
        line, f"a row is longer than {LONGEST_VALUE_CHARACTERS:,} characters, or has no end"
    )
