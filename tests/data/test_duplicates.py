import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.duplicates import near_groups
from engine.data.shingles import hashed_ngrams, words

SENTENCE = "the ship left the harbour at dawn with all its sails set and nobody saw it go again"
WORDS = ["ahoy", "fog", "bell", "rope", "tide", "mast", "7", "日"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), max_size=40)


def jaccard(one: str, other: str) -> float:
    rows = hashed_ngrams([one, other], 2)
    left, right = (set(rows.hashes[rows.offsets[i] : rows.offsets[i + 1]].tolist()) for i in (0, 1))
    return len(left & right) / max(1, len(left | right))


def test_words_of_scripts_with_and_without_blanks() -> None:
    assert words("The 2nd Bell, x_1!") == ["the", "2nd", "bell", ",", "x_1", "!"]
    assert words("日本語 ok") == ["日", "本", "語", "ok"]


def test_groups_are_named_by_their_first_row() -> None:
    near = SENTENCE.replace("dawn", "dusk") + " and again and again and again"
    texts = ["something else", SENTENCE, "", SENTENCE.upper() + "  ", "", near]
    assert near_groups(texts, threshold=0.6).tolist() == [0, 1, 2, 1, 4, 1]
    assert near_groups(texts, threshold=0.95).tolist() == [0, 1, 2, 1, 4, 5]


def test_no_texts() -> None:
    assert near_groups([]).tolist() == []


@pytest.mark.parametrize("length", [40, 4000])
def test_known_overlap_is_found_and_less_is_not(length: int) -> None:
    chance = random.Random(length)
    first = [f"w{chance.randrange(10**6)}" for _ in range(length)]
    near, far = first.copy(), first.copy()
    near[:2] = ["new", "words"]
    far[: length // 4] = [f"v{i}" for i in range(length // 4)]
    groups = near_groups([" ".join(first), " ".join(near), " ".join(far)])
    assert groups.tolist() == [0, 0, 2]


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS, threshold=st.floats(0.5, 1.0))
def test_members_are_linked_and_leaders_are_not_alike(texts: list[str], threshold: float) -> None:
    groups = near_groups(texts, threshold)
    assert all(groups[groups] == groups)
    assert all(groups <= np.arange(len(texts)))
    for position, first in enumerate(groups.tolist()):
        if first != position:
            others = [i for i in np.flatnonzero(groups == first).tolist() if i != position]
            assert any(jaccard(texts[position], texts[i]) >= threshold for i in others)


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS)
def test_equal_rows_always_meet(texts: list[str]) -> None:
    groups = near_groups([*texts, *texts])
    for position, text in enumerate(texts):
        if words(text):
            assert groups[position] == groups[position + len(texts)]


def test_very_many_alike_rows_meet() -> None:
    assert set(near_groups([SENTENCE] * 3000).tolist()) == {0}
