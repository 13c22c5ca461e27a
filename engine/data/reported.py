"""A report as the doors draw it: figures and bars, without the libraries that made them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HistogramBar:
    """`rows` have this; `label` says what."""

    label: str
    rows: int


@dataclass(frozen=True)
class Histogram:
    """How a number is spread over the rows."""

    title: str
    unit: str
    smallest: int
    median: int
    percentile_95: int
    largest: int
    bars: tuple[HistogramBar, ...]


@dataclass(frozen=True)
class Notice:
    """Something that many would mend; `places` are the first rows that have it."""

    title: str
    rows: int
    places: tuple[str, ...]
    serious: bool = False


@dataclass(frozen=True)
class ReportSummary:
    """A file of examples in figures. `truncated_rows` is None where no model was given."""

    rows: int
    format: str
    tokens: int | None
    truncated_rows: int | None
    duplicate_rows: int
    near_duplicate_rows: int
    outliers: int
    languages: tuple[HistogramBar, ...]
    histograms: tuple[Histogram, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class LeftRows:
    """How many rows were left after one step of a recipe."""

    step: str
    rows: int
