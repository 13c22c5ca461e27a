"""Every row of a file looked at: which are bad, where they stand, why, and how to mend them."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import msgspec

from engine.config import DataFormat
from engine.data.checks import problem_of
from engine.data.columns import Columns, columns_of, mapped, unknown
from engine.data.formats import Detection, Format, to_example
from engine.data.layouts import Guess, layout_of
from engine.data.read import notes_of, read_tolerant
from engine.data.rows import BadRow, Row
from engine.errors import BackpropError

ROWS_TO_DETECT_FROM = 200


@dataclass(frozen=True)
class Validation:
    """What was found in a file. `bad` holds the first bad rows only; `bad_rows` counts all.

    `formats` counts the layouts of all rows that could be read, the most frequent first.
    `detection` is None where no row had a layout that is known.
    """

    path: Path
    rows: int
    bad_rows: int
    bad: tuple[BadRow, ...]
    detection: Detection | None
    formats: tuple[tuple[Format, int], ...]
    notes: tuple[str, ...] = ()

    @property
    def good_rows(self) -> int:
        return self.rows - self.bad_rows


class _Judge:
    """Looks at one row after the other in the layout of the file, and counts."""

    def __init__(self, path: Path, layout: DataFormat, columns: Columns) -> None:
        self.rows = 0
        self.formats: Counter[Format] = Counter()
        self._columns = columns
        self._rows = read_tolerant(path)
        self._first = list(islice(self._rows, ROWS_TO_DETECT_FROM))
        self.detection = (
            _majority(self._first, columns)
            if layout == "auto"
            else Detection(layout, "it was set so")
        )
        self._is_set = layout != "auto"

    def verdicts(self) -> Iterator[Row | BadRow]:
        """Every row, the bad ones as `BadRow`."""
        for row in chain(self._first, self._rows):
            self.rows += 1
            yield row if isinstance(row, BadRow) else self._verdict(row)

    def _verdict(self, row: Row) -> Row | BadRow:
        try:
            known = mapped(row, self._columns)
        except BackpropError as error:
            return _bad(row, error.message, error.hint)
        guess = layout_of(known.data)
        if guess:
            self.formats[guess.format] += 1
        if self.detection is None or (guess is None and not self._is_set):
            return _bad(row, *unknown(list(row.data)))
        if guess and guess.format != self.detection.format and not self._is_set:
            return _bad(
                row,
                f"this row looks like {guess.format}, but the file like {self.detection.format}",
                "Put one layout into one file.",
            )
        return self._read(row, known, self.detection.format)

    def _read(self, row: Row, known: Row, layout: Format) -> Row | BadRow:
        try:
            problem = problem_of(to_example(known, layout))
        except BackpropError as error:
            return _bad(row, error.message, error.hint)
        return _bad(row, problem.problem, problem.mend) if problem else row


def validate(
    path: Path,
    layout: DataFormat = "auto",
    max_errors: int | None = None,
    columns: Sequence[str] = (),
) -> Validation:
    """Look at every row; at most `max_errors` of the bad ones are kept, all are counted.

    Raises INPUT_DATA_INVALID where the file as a whole cannot be read.
    """
    judge = _Judge(path, layout, columns_of(columns))
    kept: list[BadRow] = []
    bad_rows = 0
    for verdict in judge.verdicts():
        if isinstance(verdict, BadRow):
            bad_rows += 1
            if max_errors is None or len(kept) < max_errors:
                kept.append(verdict)
    formats = tuple(judge.formats.most_common())
    return Validation(
        path, judge.rows, bad_rows, tuple(kept), judge.detection, formats, notes_of(path)
    )


def write_fixed(
    path: Path, target: Path, layout: DataFormat = "auto", columns: Sequence[str] = ()
) -> Validation:
    """Write the good rows to `target`, one JSON object a line; the original is never touched.

    Raises INPUT_VALIDATION_FAILED when `target` exists, be it the file itself or a link to it.
    """
    check_target(path, target)
    judge = _Judge(path, layout, columns_of(columns))
    kept: list[BadRow] = []
    encoder = msgspec.json.Encoder(enc_hook=str)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    staged = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for verdict in judge.verdicts():
                if isinstance(verdict, BadRow):
                    kept.append(verdict)
                else:
                    file.write(encoder.encode(verdict.data) + b"\n")
        # A link fails where someone made the target meanwhile; renaming would replace it.
        target.hardlink_to(staged)
    except FileExistsError as error:
        raise _exists(target) from error
    finally:
        staged.unlink(missing_ok=True)
    found = Validation(
        path, judge.rows, len(kept), tuple(kept), judge.detection, tuple(judge.formats.items())
    )
    return replace(found, notes=notes_of(path))


def check_target(path: Path, target: Path) -> None:
    """Refuse to write over anything, and into the folder that is read."""
    if target.suffix.lower() != ".jsonl":
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{target} is to be JSON lines.",
            hint="Give it a name that ends with .jsonl.",
        )
    if target.exists() or target.is_symlink():
        raise _exists(target)
    if not target.parent.is_dir():
        raise BackpropError(
            "INPUT_VALIDATION_FAILED", f"{target.parent} is not a folder.", hint="Make it first."
        )
    if path.is_dir() and target.resolve().is_relative_to(path.resolve()):
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{target} lies in the folder that is read.",
            hint="Write the cleaned copy elsewhere.",
        )


def _exists(target: Path) -> BackpropError:
    return BackpropError(
        "INPUT_VALIDATION_FAILED",
        f"{target} exists, and nothing is written over.",
        hint="Give another name for the cleaned copy.",
    )


def _majority(rows: Sequence[Row | BadRow], columns: Columns) -> Detection | None:
    """The layout that most of the first rows have; its confidence is their share."""
    guesses = []
    for row in rows:
        if isinstance(row, Row) and (guess := _guess(row, columns)):
            guesses.append(guess)
    if not guesses:
        return None
    [(layout, count)] = Counter(guess.format for guess in guesses).most_common(1)
    best = [guess for guess in guesses if guess.format == layout]
    surest = min(guess.confidence for guess in best)
    return Detection(layout, best[0].reason, round(surest * count / len(guesses), 2))


def _guess(row: Row, columns: Columns) -> Guess | None:
    try:
        return layout_of(mapped(row, columns).data)
    except BackpropError:
        return None


def _bad(row: Row, problem: str, mend: str) -> BadRow:
    """Errors of rows begin with their place, which a bad row has of its own."""
    words = problem.removeprefix(f"{row.place}: ").removesuffix(".")
    return BadRow(row.line, row.file, words, mend, row.unit)
