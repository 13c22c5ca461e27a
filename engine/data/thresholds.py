"""When a report is bad enough to stop a script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.data.report import DataReport


@dataclass(frozen=True)
class Thresholds:
    """What counts as a failure. `strict` takes everything that may harm a training."""

    fail_on_dups: bool = False
    fail_on_contamination: bool = False
    max_outlier_rate: float | None = None
    strict: bool = False


def failures(report: DataReport, thresholds: Thresholds) -> Iterator[str]:
    """A sentence for each threshold that the report does not meet."""
    twice = max(report.duplicates.extra_rows, report.near_duplicates.extra_rows)
    if twice and (thresholds.fail_on_dups or thresholds.strict):
        yield f"{twice} rows say what another row says already"
    leaked = report.overlap.rows if report.overlap else 0
    if leaked and (thresholds.fail_on_contamination or thresholds.strict):
        yield f"{leaked} rows stand in the other file as well"
    limit = thresholds.max_outlier_rate
    if limit is not None and report.outlier_rate > limit:
        yield f"{report.outlier_rate:.2%} of the rows are outliers, more than {limit:.2%}"
    if thresholds.strict:
        yield from _strict(report)


def _strict(report: DataReport) -> Iterator[str]:
    for found in (*report.problems, *report.leaks):
        yield f"{found.rows} rows: {found.kind}"
    if report.truncated_rows:
        yield f"{report.truncated_rows} rows are longer than {report.max_length} tokens"
