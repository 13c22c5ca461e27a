"""A text as a set of hashed word pairs, which near-duplicates and overlaps are measured on.

    "The cat sat."  →  the cat, cat sat, sat .

Letters' case and white space do not count. Scripts without blanks between words give one word
a character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

Hashes = npt.NDArray[np.uint64]

# Han, kana, hangul, Thai, Lao, Khmer and Burmese are written without blanks.
_WITHOUT_BLANKS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_WITHOUT_BLANKS}]|[^\W{_WITHOUT_BLANKS}]+|[^\w\s]")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class HashedRows:
    """Hashes of many rows, one after the other; row i is `hashes[offsets[i]:offsets[i + 1]]`."""

    hashes: Hashes
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The number of the row that each hash belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


def words(text: str) -> list[str]:
    """What counts as a word: letters and digits together, every other sign alone."""
    return _WORD.findall(text.casefold())


def hashed_ngrams(texts: Sequence[str], size: int) -> HashedRows:
    """Hashes of the runs of `size` words, each kept once; a shorter text is one run as a whole."""
    listed = [words(text) for text in texts]
    counts = np.fromiter((len(row) for row in listed), np.int64, len(listed))
    single = _flat(RMinHash.hash_token_sets(listed), int(counts.sum()))
    starts = np.concatenate(([0], np.cumsum(counts)))
    runs, offsets = _runs(single, counts, starts, size)
    return unique_in_rows(runs, np.repeat(np.arange(len(texts)), np.diff(offsets)), len(texts))


def unique_in_rows(hashes: Hashes, rows: npt.NDArray[np.int64], count: int) -> HashedRows:
    """Sort each row's hashes and keep each once."""
    order = np.lexsort((hashes, rows))
    hashes, rows = hashes[order], rows[order]
    is_first = np.ones(len(hashes), bool)
    is_first[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
    kept_rows = rows[is_first]
    offsets = np.searchsorted(kept_rows, np.arange(count + 1))
    return HashedRows(hashes[is_first], offsets.astype(np.int64))


def mixed(hashes: Hashes) -> Hashes:
    """Spread the bits, so that sums of different words differ (the finaliser of SplitMix64)."""
    spread = hashes ^ (hashes >> np.uint64(30))
    spread *= np.uint64(0xBF58476D1CE4E5B9)
    spread ^= spread >> np.uint64(27)
    spread *= np.uint64(0x94D049BB133111EB)
    result: Hashes = spread ^ (spread >> np.uint64(31))
    return result


def _runs(
    single: Hashes, counts: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], size: int
) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Combine neighbours of one row; gives the runs and where each row's begin."""
    run_counts = np.where(counts == 0, 0, np.maximum(counts - size + 1, 1))
    offsets = np.concatenate(([0], np.cumsum(run_counts)))
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], run_counts)
    first = np.repeat(starts[:-1], run_counts) + within
    last = np.repeat(starts[1:], run_counts)
    combined = np.zeros(len(first), np.uint64)
    for step in range(size):
        place = first + step
        inside = place < last
        combined *= _MULTIPLIER
        combined[inside] += mixed(single[place[inside]])
    return mixed(combined), offsets


def _flat(rows: Iterable[Iterable[int]], count: int) -> Hashes:
    return np.fromiter((value for row in rows for value in row), np.uint64, count)
