"""What a file of examples holds, and what in it may harm a training."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from engine.config import DataFormat
from engine.data.contamination import overlapping
from engine.data.conversations import read_conversations
from engine.data.distribution import Distribution, distribution
from engine.data.duplicates import DEFAULT_THRESHOLD, near_groups
from engine.data.groups import Doubles, doubles_of
from engine.data.measures import Found, Measures
from engine.data.outliers import find_outliers
from engine.data.template import ChatTokenizer

SHOWN = 10


@dataclass(frozen=True)
class Overlap:
    """Rows that stand in another file as well, the first of them by place."""

    path: str
    rows: int
    places: tuple[str, ...]


@dataclass(frozen=True)
class OddRow:
    """A row unlike the others; `distance` is a robust z-score."""

    place: str
    reason: str
    distance: float


@dataclass(frozen=True)
class DataReport:
    """A file of examples in figures. Places are "file, line"; secrets are never shown whole.

    `tokens` and `truncated_rows` are None without a model.
    """

    path: str
    format: str
    format_reason: str
    rows: int
    turns: Distribution
    characters: Distribution
    tokens: Distribution | None
    max_length: int
    truncated_rows: int | None
    languages: dict[str, int]
    language_rows: int
    duplicates: Doubles
    near_duplicates: Doubles
    overlap: Overlap | None
    outliers: int
    odd_rows: tuple[OddRow, ...]
    problems: tuple[Found, ...]
    leaks: tuple[Found, ...]

    @property
    def outlier_rate(self) -> float:
        return self.outliers / self.rows if self.rows else 0.0

    @property
    def truncated_share(self) -> float | None:
        if self.truncated_rows is None:
            return None
        return self.truncated_rows / self.rows if self.rows else 0.0

    def to_json(self) -> str:
        """One line of JSON, which `from_json` reads."""
        return _ADAPTER.dump_json(self).decode("utf-8")

    @staticmethod
    def from_json(text: str) -> DataReport:
        """Raises pydantic's ValidationError on anything else than a report."""
        return _ADAPTER.validate_json(text)


def make_report(
    path: Path,
    layout: DataFormat = "auto",
    tokenizer: ChatTokenizer | None = None,
    max_length: int = 1024,
    against: Path | None = None,
    near_threshold: float = DEFAULT_THRESHOLD,
) -> DataReport:
    """Measure a file. The tokens are counted where a tokenizer is given.

    Raises INPUT_DATA_INVALID (with file and line) and INPUT_TEMPLATE_UNUSABLE.
    """
    detection, conversations = read_conversations(path, layout)
    measures = Measures(tokenizer)
    groups = near_groups(measures.watch(conversations), near_threshold)
    outliers = find_outliers(measures.lengths, measures.made_of)
    places = measures.places
    return DataReport(
        path=str(path),
        format=detection.format,
        format_reason=detection.reason,
        rows=len(places),
        turns=distribution(measures.turns),
        characters=distribution(measures.lengths),
        tokens=distribution(measures.tokens) if tokenizer else None,
        max_length=max_length,
        truncated_rows=sum(count > max_length for count in measures.tokens) if tokenizer else None,
        languages=measures.languages(),
        language_rows=measures.language_rows,
        duplicates=doubles_of(measures.exact_groups(), places),
        near_duplicates=doubles_of(groups, places),
        overlap=_overlap(path, layout, against, places) if against else None,
        outliers=len(outliers),
        odd_rows=tuple(
            OddRow(places[found.position], found.reason, round(found.distance, 1))
            for found in outliers[:SHOWN]
        ),
        problems=measures.problems(),
        leaks=measures.leaks(),
    )


def _overlap(path: Path, layout: DataFormat, against: Path, places: list[str]) -> Overlap:
    _, conversations = read_conversations(path, layout)
    _, others = read_conversations(against)
    positions = overlapping(conversations, others)
    shown = tuple(places[position] for position in positions[:SHOWN])
    return Overlap(str(against), len(positions), shown)


_ADAPTER = TypeAdapter(DataReport)
