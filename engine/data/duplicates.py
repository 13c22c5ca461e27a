"""Rows that say the same, or nearly the same.

Rows are near-duplicates when their sets of word pairs overlap (Jaccard) by at least a threshold.
Comparing all pairs is out of reach for a million rows, so MinHash signatures propose pairs:
cut into bands, a band's values agree by chance the more likely, the more two rows overlap
(Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4). Every pair
that is proposed is then compared itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from engine.data.shingles import HashedRows, Hashes, hashed_ngrams, mixed

Positions = npt.NDArray[np.int64]

DEFAULT_THRESHOLD = 0.8
WORDS_A_RUN = 2
# Two rows that overlap by 0.8 are missed once in 2,800 times: (1 - 0.8^5)^20.
BANDS = 20
VALUES_A_BAND = 5
SEED = 42
# Longer rows are compared by their smallest hashes, which are a fair sample of the set.
SKETCH_SIZE = 256
# Where very many rows share a band, each is compared with so many neighbours.
NEIGHBOURS = 16
ROWS_AT_ONCE = 10_000
PAIRS_AT_ONCE = 100_000


def near_groups(texts: Iterable[str], threshold: float = DEFAULT_THRESHOLD) -> Positions:
    """For each text the position of the first one in its group of near-duplicates.

    A text that is like no other is its own group. Groups are closed: a text like one member
    belongs to them all. Texts without any word are like no other.
    """
    with tempfile.TemporaryFile() as file:
        bands, sizes = _signatures(texts, file)
        sketches = _Sketches(file, sizes)
        groups = _Groups(len(sizes))
        for band in range(BANDS):
            for left, right in _proposed(bands, band, sizes > 0):
                _join_alike(groups, sketches, left, right, threshold)
        return groups.first_of_each()


def _signatures(
    texts: Iterable[str], file: BinaryIO
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Band values, one column a row, and set sizes; the sets themselves go into the file."""
    bands: list[npt.NDArray[np.uint64]] = []
    sizes: list[npt.NDArray[np.int64]] = []
    for chunk in _chunks(texts):
        rows = hashed_ngrams(chunk, WORDS_A_RUN)
        bands.append(_band_values(rows))
        sizes.append(np.diff(rows.offsets))
        _append_sketches(rows, file)
    if not sizes:
        return np.empty((BANDS, 0), np.uint64), np.empty(0, np.int64)
    return np.concatenate(bands, axis=1), np.concatenate(sizes)


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while chunk := list(islice(iterator, ROWS_AT_ONCE)):
        yield chunk


def _band_values(rows: HashedRows) -> npt.NDArray[np.uint64]:
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        rows.hashes, rows.offsets.astype(np.uint64), BANDS * VALUES_A_BAND, SEED
    )
    values = np.array(matrix.to_rows(), np.uint64).reshape(len(rows), BANDS, VALUES_A_BAND)
    combined = np.zeros((len(rows), BANDS), np.uint64)
    for place in range(VALUES_A_BAND):
        combined = mixed(combined + values[:, :, place] + np.uint64(1))
    return combined.T.copy()


def _append_sketches(rows: HashedRows, file: BinaryIO) -> None:
    """The smallest hashes of each row, 32 bits each, in ascending order."""
    within = np.arange(len(rows.hashes)) - np.repeat(rows.offsets[:-1], np.diff(rows.offsets))
    kept = rows.hashes[within < SKETCH_SIZE]
    (kept >> np.uint64(32)).astype(np.uint32).tofile(file)


class _Sketches:
    """The sets of all rows, read from the file as they are needed."""

    def __init__(self, file: BinaryIO, sizes: npt.NDArray[np.int64]) -> None:
        file.flush()
        self._sizes = sizes
        self._kept = np.minimum(sizes, SKETCH_SIZE)
        self._starts = np.concatenate(([0], np.cumsum(self._kept)))
        shape = (int(self._starts[-1]),)
        self._values = (
            np.memmap(file, np.uint32, "r", shape=shape) if shape[0] else np.empty(0, np.uint32)
        )

    def similarity(self, left: Positions, right: Positions) -> npt.NDArray[np.float64]:
        """Jaccard of each pair: exact up to `SKETCH_SIZE` hashes, an estimate above."""
        pairs = np.arange(len(left), dtype=np.uint64) << np.uint64(32)
        keys = np.concatenate([self._keyed(left, pairs), self._keyed(right, pairs)])
        keys.sort()
        is_first = np.ones(len(keys), bool)
        is_first[1:] = keys[1:] != keys[:-1]
        is_shared = np.zeros(len(keys), bool)
        is_shared[:-1] = ~is_first[1:]
        distinct, shared = keys[is_first] >> np.uint64(32), is_shared[is_first]
        owner = distinct.astype(np.int64)
        counted = self._rank(owner, len(left)) < self._limit(left, right)[owner]
        union = np.bincount(owner[counted], minlength=len(left))
        both = np.bincount(owner[counted & shared], minlength=len(left))
        return np.asarray(both / np.maximum(union, 1), np.float64)

    def sizes_allow(
        self, left: Positions, right: Positions, threshold: float
    ) -> npt.NDArray[np.bool_]:
        """Can sets of these sizes overlap so much at all?"""
        small = np.minimum(self._sizes[left], self._sizes[right])
        large = np.maximum(self._sizes[left], self._sizes[right])
        return np.asarray(small >= threshold * large, np.bool_)

    def _keyed(self, rows: Positions, pairs: npt.NDArray[np.uint64]) -> Hashes:
        counts = self._kept[rows]
        begins = np.concatenate(([0], np.cumsum(counts)))[:-1]
        places = np.arange(counts.sum()) + np.repeat(self._starts[rows] - begins, counts)
        keyed: Hashes = self._values[places].astype(np.uint64) | np.repeat(pairs, counts)
        return keyed

    def _limit(self, left: Positions, right: Positions) -> Positions:
        is_whole = np.maximum(self._sizes[left], self._sizes[right]) <= SKETCH_SIZE
        return np.where(is_whole, np.int64(2 * SKETCH_SIZE), np.int64(SKETCH_SIZE))

    @staticmethod
    def _rank(owner: Positions, pairs: int) -> Positions:
        begins = np.searchsorted(owner, np.arange(pairs))
        rank: Positions = np.arange(len(owner)) - begins[owner]
        return rank


class _Groups:
    """Positions joined into groups; a group is named by its first position."""

    def __init__(self, count: int) -> None:
        self._parent: Positions = np.arange(count)

    def are_apart(self, left: Positions, right: Positions) -> npt.NDArray[np.bool_]:
        return np.asarray(self._parent[left] != self._parent[right], np.bool_)

    def join(self, left: Positions, right: Positions) -> None:
        for one, other in zip(left.tolist(), right.tolist(), strict=True):
            first, second = sorted((self._root(one), self._root(other)))
            self._parent[second] = first
        self._flatten()

    def first_of_each(self) -> Positions:
        return self._parent

    def _root(self, position: int) -> int:
        while (parent := int(self._parent[position])) != position:
            position = parent
        return position

    def _flatten(self) -> None:
        while not np.array_equal(shorter := self._parent[self._parent], self._parent):
            self._parent = shorter


def _proposed(
    bands: npt.NDArray[np.uint64], band: int, has_words: npt.NDArray[np.bool_]
) -> Iterator[tuple[Positions, Positions]]:
    """Pairs of positions that agree in one band.

    Sorted by the next band as well, rows that overlap most come to stand side by side.
    """
    rows = np.flatnonzero(has_words)
    values, tie = bands[band][rows], bands[(band + 1) % BANDS][rows]
    order = np.lexsort((tie, values))
    rows, values = rows[order], values[order]
    for distance in range(1, NEIGHBOURS + 1):
        agree = np.flatnonzero(values[distance:] == values[:-distance])
        if not len(agree):
            return
        for start in range(0, len(agree), PAIRS_AT_ONCE):
            part = agree[start : start + PAIRS_AT_ONCE]
            yield rows[part], rows[part + distance]


def _join_alike(
    groups: _Groups, sketches: _Sketches, left: Positions, right: Positions, threshold: float
) -> None:
    wanted = groups.are_apart(left, right) & sketches.sizes_allow(left, right, threshold)
    left, right = left[wanted], right[wanted]
    if len(left):
        alike = sketches.similarity(left, right) >= threshold
        groups.join(left[alike], right[alike])
