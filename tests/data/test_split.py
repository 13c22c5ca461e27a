import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.split import split

KEYS = st.lists(st.text("abcdefgh", max_size=2), max_size=60)
FRACTIONS = st.floats(0, 0.99)


@given(keys=KEYS, fraction=FRACTIONS, seed=st.integers(0, 5))
def test_every_row_once_and_duplicates_on_one_side(
    keys: list[str], fraction: float, seed: int
) -> None:
    parts = split(keys, fraction, seed)
    assert sorted([*parts.train, *parts.evaluation]) == list(range(len(keys)))
    assert not {keys[i] for i in parts.train} & {keys[i] for i in parts.evaluation}
    assert parts.train or not keys
    assert parts == split(keys, fraction, seed)


@given(count=st.integers(10, 200), fraction=st.floats(0.001, 0.9), seed=st.integers(0, 5))
def test_share_of_unique_rows(count: int, fraction: float, seed: int) -> None:
    parts = split([str(i) for i in range(count)], fraction, seed)
    assert len(parts.evaluation) == max(1, round(count * fraction))


@pytest.mark.parametrize(("count", "fraction"), [(9, 0.5), (100, 0.0)])
def test_nothing_is_kept_back(count: int, fraction: float) -> None:
    assert split([str(i) for i in range(count)], fraction, 0).evaluation == ()


def test_equal_rows_cannot_be_split() -> None:
    assert split(["same"] * 50, 0.5, 0).evaluation == ()


def test_large_groups_give_the_smallest() -> None:
    assert split(["a"] * 8 + ["b"] * 6, 0.1, 0).evaluation == tuple(range(8, 14))


def test_seed_changes_the_choice() -> None:
    keys = [str(i) for i in range(100)]
    assert split(keys, 0.1, 1) != split(keys, 0.1, 2)


def test_order_of_the_file_does_not_change_the_choice() -> None:
    keys = [str(i) for i in range(100)]
    turned = keys[::-1]
    chosen = {keys[i] for i in split(keys, 0.2, 3).evaluation}
    assert chosen == {turned[i] for i in split(turned, 0.2, 3).evaluation}
