"""Which rows are trained on and which are kept back to measure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST_ROWS_TO_SPLIT = 10


@dataclass(frozen=True)
class Split:
    """Positions of rows, each in ascending order; together every row once."""

    train: tuple[int, ...]
    evaluation: tuple[int, ...]


def split(keys: Sequence[str], fraction: float, seed: int) -> Split:
    """Keep back about `fraction` of the rows, the same ones for the same seed.

    Rows with equal keys are duplicates and stay on one side. The choice hangs on keys and seed
    alone, so a new row in the file hardly moves the others. Below ten rows, or where all rows
    are equal, nothing is kept back.
    """
    if fraction <= 0 or len(keys) < FEWEST_ROWS_TO_SPLIT:
        return Split(tuple(range(len(keys))), ())
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for position, key in enumerate(keys):
        groups[key].append(position)
    order = sorted(groups, key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).digest())
    chosen = _choose([groups[key] for key in order], max(1, round(len(keys) * fraction)))
    rest = set(range(len(keys))) - chosen
    return Split(tuple(sorted(rest)), tuple(sorted(chosen)))


def _choose(groups: list[list[int]], wanted: int) -> set[int]:
    """Whole groups in the given order while they fit; at least one, never all."""
    chosen: set[int] = set()
    left = len(groups)
    for group in groups:
        if left > 1 and len(chosen) + len(group) <= wanted:
            chosen.update(group)
            left -= 1
    if not chosen and len(groups) > 1:
        smallest: list[int] = min(groups, key=len)
        chosen.update(smallest)
    return chosen
