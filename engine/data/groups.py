"""Groups of rows that say the same, as figures for a report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SHOWN_GROUPS = 5
SHOWN_MEMBERS = 5


@dataclass(frozen=True)
class Doubles:
    """`extra_rows` would go if one of each group stayed; the largest groups come first."""

    groups: int
    extra_rows: int
    examples: tuple[tuple[str, ...], ...]


def doubles_of(first_of_each: npt.NDArray[np.int64], places: list[str]) -> Doubles:
    """Count groups of more than one row; `first_of_each` is what `near_groups` gives."""
    first, counts = np.unique(first_of_each, return_counts=True)
    several = counts > 1
    order = np.argsort(-counts[several], kind="stable")[:SHOWN_GROUPS]
    examples = tuple(
        tuple(
            places[row]
            for row in np.flatnonzero(first_of_each == first[several][group])[:SHOWN_MEMBERS]
        )
        for group in order
    )
    return Doubles(int(several.sum()), int((counts[several] - 1).sum()), examples)


def exact_groups(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """For each row the position of the first row with the same key."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.int64)
