"""Rows of a test file that stand in the training data as well.

A turn has leaked when most of its runs of eight words occur in the other file; turns that are
shorter are too common to tell. Rows without a longer turn are compared as a whole, word by word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from engine.data.content import said, spoken
from engine.data.formats import Conversation
from engine.data.shingles import Hashes, hashed_ngrams, words

WORDS_A_RUN = 8
SHARED_SHARE = 0.8
ROWS_AT_ONCE = 5_000


class Fingerprint:
    """The runs of words that a file holds."""

    def __init__(self, conversations: Iterable[Conversation]) -> None:
        parts = [
            hashed_ngrams(pieces, WORDS_A_RUN).hashes
            for _, pieces in _pieces(conversations)
            if pieces
        ]
        self._hashes: Hashes = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.uint64)

    def shares(self, conversations: Iterable[Conversation]) -> Iterator[float]:
        """For each row the largest share of a turn's runs that this file holds as well."""
        for owners, pieces in _pieces(conversations):
            yield from self._shares(owners, pieces).tolist()

    def _shares(self, owners: list[int], pieces: list[str]) -> npt.NDArray[np.float64]:
        runs = hashed_ngrams(pieces, WORDS_A_RUN)
        is_known = np.isin(runs.hashes, self._hashes)
        known = np.bincount(runs.rows[is_known], minlength=len(pieces))
        share = known / np.maximum(np.diff(runs.offsets), 1)
        largest = np.zeros(owners[-1] + 1 if owners else 0)
        np.maximum.at(largest, np.asarray(owners, np.int64), share)
        return largest


def overlapping(
    conversations: Iterable[Conversation], others: Iterable[Conversation]
) -> tuple[int, ...]:
    """Positions of the rows that stand in the other file as well."""
    shares = Fingerprint(others).shares(conversations)
    return tuple(position for position, share in enumerate(shares) if share >= SHARED_SHARE)


def _pieces(conversations: Iterable[Conversation]) -> Iterator[tuple[list[int], list[str]]]:
    """What is compared, in chunks, each piece with the number of its row in the chunk."""
    iterator = iter(conversations)
    while chunk := list(islice(iterator, ROWS_AT_ONCE)):
        owned = [(row, piece) for row, found in enumerate(chunk) for piece in _compared(found)]
        yield [row for row, _ in owned], [piece for _, piece in owned]


def _compared(conversation: Conversation) -> list[str]:
    turns = [message.content for message in spoken(conversation)]
    long_turns = [turn for turn in turns if len(words(turn)) >= WORDS_A_RUN]
    return long_turns or [said(conversation)]
