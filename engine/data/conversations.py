"""From a file to its conversations, without the libraries that only a training needs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from engine.config import DataFormat
from engine.data.columns import Columns
from engine.data.formats import Conversation, Detection, detect, to_conversation
from engine.data.read import read_rows

ROWS_TO_DETECT_FROM = 20


def read_conversations(
    path: Path,
    layout: DataFormat = "auto",
    max_rows: int | None = None,
    columns: Columns | None = None,
) -> tuple[Detection, Iterator[Conversation]]:
    """The layout of a file, and its conversations one after the other.

    Raises INPUT_DATA_INVALID (with file and line), later ones while it is iterated.
    """
    rows = islice(read_rows(path), max_rows)
    first = list(islice(rows, ROWS_TO_DETECT_FROM))
    chosen = detect(first, columns) if layout == "auto" else Detection(layout, "it was set so")
    return chosen, (to_conversation(row, chosen.format, columns) for row in chain(first, rows))
