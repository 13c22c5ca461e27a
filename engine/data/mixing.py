"""Rows of several files in one training, each used as often as its weight says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class MixedRows:
    """A file and its weight: 0.3 uses three rows in ten, 2 uses each row twice."""

    path: Path
    weight: float

    @classmethod
    def parse(cls, text: str) -> MixedRows:
        """What is written as FILE=WEIGHT; the last = counts."""
        path, _, weight = text.rpartition("=")
        return cls(Path(path), float(weight))

    def __str__(self) -> str:
        return f"{self.path}={self.weight:.6f}".rstrip("0").rstrip(".")


def weighted(rows: Sequence[Item], weight: float, seed: int) -> list[Item]:
    """`round(len(rows) * weight)` rows in their order: whole rounds of all, then a drawn part."""
    wanted = round(len(rows) * weight)
    rounds, rest = divmod(wanted, len(rows)) if rows else (0, 0)
    return [*(list(rows) * rounds), *drawn(rows, rest, seed)]


def drawn(rows: Sequence[Item], count: int, seed: int) -> list[Item]:
    """`count` rows by chance, in their order; all where there are no more."""
    if count >= len(rows):
        return list(rows)
    positions = random.Random(seed).sample(range(len(rows)), count)  # noqa: S311 - no secret
    return [rows[position] for position in sorted(positions)]
