"""Rows unlike the others: far longer or shorter, or made of other characters.

Distance is the robust z-score of Iglewicz and Hoaglin (1993): 0.6745 (x - median) / MAD, where
MAD is the median distance from the median. It is not moved by the outliers themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.data.characters import Characters

FAR = 6.0
FEWEST_ROWS = 20
_SCALE = 0.6745
# Below these spreads all rows are alike, and small differences mean nothing.
_LEAST_SPREAD_OF_LENGTH = 0.1
_LEAST_SPREAD_OF_SHARE = 0.02
_NAMES = ("lower case", "capitals", "digits", "blanks", "signs", "letters outside ASCII")


@dataclass(frozen=True)
class Outlier:
    """A row that stands out, by what, and how far (robust z)."""

    position: int
    reason: str
    distance: float


def find_outliers(lengths: Sequence[int], made_of: Sequence[Characters]) -> tuple[Outlier, ...]:
    """Rows that are far from the others in length or characters, the farthest first.

    Fewer than `FEWEST_ROWS` rows tell nothing of what is usual.
    """
    if len(lengths) < FEWEST_ROWS:
        return ()
    logs = np.log1p(np.asarray(lengths, np.float64))
    shares = np.asarray([characters.shares for characters in made_of], np.float64)
    columns = [robust_distance(logs, _LEAST_SPREAD_OF_LENGTH)]
    columns += [
        robust_distance(shares[:, column], _LEAST_SPREAD_OF_SHARE)
        for column in range(shares.shape[1])
    ]
    distances = np.stack(columns, axis=1)
    strongest = np.argmax(np.abs(distances), axis=1)
    rows = np.arange(len(lengths))
    farthest = distances[rows, strongest]
    found = [
        Outlier(row, _reason(int(strongest[row]), float(farthest[row])), float(abs(farthest[row])))
        for row in np.flatnonzero(np.abs(farthest) > FAR).tolist()
    ]
    return tuple(sorted(found, key=lambda outlier: (-outlier.distance, outlier.position)))


def robust_distance(
    values: npt.NDArray[np.float64], least_spread: float
) -> npt.NDArray[np.float64]:
    """The robust z-score of each value."""
    from_median = values - np.median(values)
    spread = max(float(np.median(np.abs(from_median))), least_spread)
    return np.asarray(_SCALE * from_median / spread, np.float64)


def _reason(column: int, distance: float) -> str:
    if column == 0:
        return "far longer than the others" if distance > 0 else "far shorter than the others"
    return f"{'more' if distance > 0 else 'fewer'} {_NAMES[column - 1]} than the others"
