"""How a number is spread over the rows: a few figures and a histogram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_BARS = 12


@dataclass(frozen=True)
class Bar:
    """`rows` have a value from `start` to `end`, both included."""

    start: int
    end: int
    rows: int


@dataclass(frozen=True)
class Distribution:
    """Whole numbers of many rows. The last bar reaches to the largest value."""

    smallest: int
    median: int
    percentile_95: int
    largest: int
    total: int
    bars: tuple[Bar, ...]


def distribution(values: Sequence[int]) -> Distribution:
    """Describe values; bars are of equal, round width up to the 99th percentile."""
    if not len(values):
        return Distribution(0, 0, 0, 0, 0, ())
    array = np.asarray(values, np.int64)
    median, high = np.percentile(array, (50, 95), method="higher").tolist()
    highest = np.percentile(array, 99, method="lower")
    smallest, largest = int(array.min()), int(array.max())
    width = _round_width(int(highest) - smallest + 1)
    first = smallest // width
    numbers = np.minimum(array // width, int(highest) // width) - first
    counts = np.bincount(numbers).tolist()
    bars = [
        Bar((first + number) * width, (first + number + 1) * width - 1, count)
        for number, count in enumerate(counts)
    ]
    bars[-1] = Bar(bars[-1].start, max(bars[-1].end, largest), bars[-1].rows)
    return Distribution(smallest, int(median), int(high), largest, int(array.sum()), tuple(bars))


def _round_width(span: int) -> int:
    """1, 2, 5, 10, 20, 50, … so that `MOST_BARS` bars hold the span."""
    needed = max(1, math.ceil(span / (MOST_BARS - 1)))
    power = int(10 ** (len(str(needed)) - 1))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= needed)
