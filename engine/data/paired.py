"""Rows as they stand in their file beside what was read from them, to write some of them again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from engine.config import DataFormat
from engine.data.conversation import Conversation
from engine.data.conversations import ROWS_TO_DETECT_FROM
from engine.data.formats import detect, to_conversation
from engine.data.read import read_rows
from engine.data.validate import check_target
from engine.files import write_atomically


@dataclass(frozen=True)
class Paired:
    """The same rows twice: all their columns, and the conversation in them."""

    columns: tuple[dict[str, object], ...]
    conversations: tuple[Conversation, ...]

    def columns_of(self, kept: Iterable[Conversation]) -> list[dict[str, object]]:
        """The columns of some of the conversations, in their order."""
        by_identity = dict(zip(map(id, self.conversations), self.columns, strict=True))
        return [by_identity[id(conversation)] for conversation in kept]


def read_paired(path: Path, layout: DataFormat = "auto") -> Paired:
    """Read a whole file. Raises INPUT_DATA_INVALID with file and line."""
    rows = list(read_rows(path))
    chosen = detect(list(islice(rows, ROWS_TO_DETECT_FROM))).format if layout == "auto" else layout
    conversations = tuple(to_conversation(row, chosen) for row in rows)
    return Paired(tuple(row.data for row in rows), conversations)


def write_rows(rows: Sequence[dict[str, object]], target: Path, source: Path) -> None:
    """Write JSON lines, whole or not at all, and over nothing. Raises INPUT_VALIDATION_FAILED."""
    check_target(source, target)
    lines = (msgspec.json.encode(row, enc_hook=str).decode("utf-8") for row in rows)
    write_atomically(target, "".join(f"{line}\n" for line in lines))
