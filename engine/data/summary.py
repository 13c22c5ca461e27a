"""A data report in the figures and bars that a page shows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from engine.data.distribution import Distribution
from engine.data.groups import Doubles
from engine.data.report import DataReport
from engine.data.reported import Histogram, HistogramBar, Notice, ReportSummary
from engine.data.visible import visible

SHOWN_LANGUAGES = 6
SHOWN_PLACES = 5


def summary_of(report: DataReport) -> ReportSummary:
    return ReportSummary(
        rows=report.rows,
        format=report.format,
        tokens=report.tokens.total if report.tokens else None,
        truncated_rows=report.truncated_rows,
        duplicate_rows=report.duplicates.extra_rows,
        near_duplicate_rows=report.near_duplicates.extra_rows,
        outliers=report.outliers,
        languages=tuple(_languages(report.languages)),
        histograms=tuple(_histograms(report)),
        notices=tuple(_notices(report)),
    )


def _languages(rows_of: dict[str, int]) -> Iterator[HistogramBar]:
    ordered = sorted(rows_of.items(), key=lambda pair: -pair[1])
    for name, rows in ordered[:SHOWN_LANGUAGES]:
        yield HistogramBar(name, rows)
    rest = sum(rows for _, rows in ordered[SHOWN_LANGUAGES:])
    if rest:
        yield HistogramBar("others", rest)


def _histograms(report: DataReport) -> Iterator[Histogram]:
    if report.tokens is not None:
        yield _histogram("Length", "tokens", report.tokens)
    else:
        yield _histogram("Length", "characters", report.characters)
    yield _histogram("Turns", "turns", report.turns)


def _histogram(title: str, unit: str, spread: Distribution) -> Histogram:
    bars = tuple(
        HistogramBar(f"{bar.start:,} to {bar.end:,}" if bar.end > bar.start else f"{bar.start:,}",
                     bar.rows)
        for bar in spread.bars
    )  # fmt: skip
    return Histogram(
        title, unit, spread.smallest, spread.median, spread.percentile_95, spread.largest, bars
    )


def _notices(report: DataReport) -> Iterator[Notice]:
    for leak in report.leaks:
        yield Notice(f"Looks leaked: {leak.kind}", leak.rows, _shown(leak.examples), serious=True)
    for problem in report.problems:
        yield Notice(problem.kind, problem.rows, _shown(problem.examples))
    yield from _doubles("Rows that say the same", report.duplicates)
    yield from _doubles("Rows that say nearly the same", report.near_duplicates)
    if report.outliers:
        odd = tuple(f"{row.place} ({row.reason})" for row in report.odd_rows)
        yield Notice("Rows unlike the others", report.outliers, _shown(odd))


def _doubles(title: str, doubles: Doubles) -> Iterator[Notice]:
    if doubles.extra_rows:
        places = tuple(chain.from_iterable(doubles.examples))
        yield Notice(title, doubles.extra_rows, _shown(places))


def _shown(places: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(visible(place) for place in places[:SHOWN_PLACES])
