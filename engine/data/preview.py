"""Rows of a file as a person reads them: turns where the layout is known, and the raw row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.config import DataFormat
from engine.data.columns import Columns, columns_of
from engine.data.conversation import Conversation, Judged, Message, Preference
from engine.data.formats import Detection, detect, to_example
from engine.data.index import RowIndex, build_index, find, page
from engine.data.rows import BadRow, Row
from engine.data.visible import visible
from engine.errors import BackpropError

SHOWN_CHARACTERS = 1500
ROWS_TO_DETECT_FROM = 100


@dataclass(frozen=True)
class PreviewTurn:
    """One bubble; `role` is user, assistant, system, tool, text, chosen or rejected."""

    role: str
    text: str


@dataclass(frozen=True)
class PreviewRow:
    """One row. Unseen characters are escaped, long texts cut; good rows have no `problem`."""

    place: str
    turns: tuple[PreviewTurn, ...] = ()
    raw: str = ""
    problem: str = ""
    mend: str = ""


@dataclass(frozen=True)
class Preview:
    """One page of a file. `matching` counts the rows that hold the search text."""

    rows: tuple[PreviewRow, ...]
    total: int
    matching: int
    format: str
    format_reason: str
    confidence: float
    columns: tuple[str, ...]


def preview(
    path: Path,
    layout: DataFormat = "auto",
    columns: Sequence[str] = (),
    number: int = 0,
    size: int = 10,
    search: str = "",
) -> Preview:
    """The rows of page `number` (from 0). The first look at a file indexes it.

    Raises INPUT_DATA_INVALID where the file as a whole cannot be read.
    """
    index = build_index(path)
    chosen = columns_of(columns)
    first = [row for row in page(index, 0, ROWS_TO_DETECT_FROM) if isinstance(row, Row)]
    detection = _detected(first, layout, chosen)
    shown = page(index, number, size, search)
    return Preview(
        rows=tuple(_shown(row, detection, chosen) for row in shown),
        total=index.rows,
        matching=_matching(index, search),
        format=detection.format if detection else "",
        format_reason=detection.reason if detection else "The columns are not known.",
        confidence=detection.confidence if detection else 0.0,
        columns=tuple(dict.fromkeys(name for row in first for name in row.data)),
    )


def _matching(index: RowIndex, search: str) -> int:
    return len(find(index, search)) if search else index.rows


def _detected(rows: list[Row], layout: DataFormat, columns: Columns) -> Detection | None:
    if layout != "auto":
        return Detection(layout, "it was set so")
    try:
        return detect(rows, columns)
    except BackpropError:
        return None


def _shown(row: Row | BadRow, detection: Detection | None, columns: Columns) -> PreviewRow:
    if isinstance(row, BadRow):
        return PreviewRow(row.place, problem=row.problem, mend=row.mend)
    raw = _cut(json.dumps(row.data, indent=2, ensure_ascii=False, default=str))
    if detection is None:
        return PreviewRow(row.place, raw=raw)
    try:
        turns = tuple(_turns(to_example(row, detection.format, columns)))
    except BackpropError as error:
        return PreviewRow(row.place, raw=raw, problem=visible(error.message), mend=error.hint)
    return PreviewRow(row.place, turns, raw)


def _turns(example: Conversation | Preference | Judged) -> Iterator[PreviewTurn]:
    if isinstance(example, Preference):
        yield from map(_turn, example.prompt)
        yield from (PreviewTurn("chosen", _cut(m.content)) for m in example.chosen)
        yield from (PreviewTurn("rejected", _cut(m.content)) for m in example.rejected)
    elif isinstance(example, Judged):
        yield from map(_turn, example.prompt)
        label = "chosen" if example.label else "rejected"
        yield from (PreviewTurn(label, _cut(m.content)) for m in example.answer)
    elif example.text is not None:
        yield PreviewTurn("text", _cut(example.text))
    else:
        yield from map(_turn, example.messages)


def _turn(message: Message) -> PreviewTurn:
    return PreviewTurn(message.role, _cut(message.content))


def _cut(text: str) -> str:
    if len(text) <= SHOWN_CHARACTERS:
        return visible(text)
    left = len(text) - SHOWN_CHARACTERS
    return f"{visible(text[:SHOWN_CHARACTERS])} … and {left:,} characters more"
