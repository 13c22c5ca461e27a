from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.conversation import Conversation, Message
from engine.data.duplicates import near_groups
from engine.data.paired import Paired
from engine.data.strata import kinds_of, stratified_split

WORDS = ["ahoy", "fog", "bell", "rope", "tide", "mast", "7"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=80)


def texts(*said: str) -> list[Conversation]:
    return [Conversation(text=text) for text in said]


@settings(max_examples=60, deadline=None)
@given(said=TEXTS, fraction=st.floats(0.01, 0.9), seed=st.integers(0, 3), kinds=st.integers(1, 3))
def test_parts_hold_every_row_once_and_part_no_near_duplicates(
    said: list[str], fraction: float, seed: int, kinds: int
) -> None:
    rows = texts(*said)
    named = [str(position % kinds) for position in range(len(rows))]
    parts = stratified_split(rows, named, fraction, seed)
    assert sorted([*parts.train, *parts.evaluation]) == list(range(len(rows)))
    groups = near_groups(said)
    assert not {groups[i] for i in parts.train} & {groups[i] for i in parts.evaluation}
    assert not {said[i] for i in parts.train} & {said[i] for i in parts.evaluation}
    assert parts == stratified_split(rows, named, fraction, seed)


def test_every_kind_keeps_its_share() -> None:
    rows = texts(*(f"sentence {number} of ship {number * 7}" for number in range(100)))
    named = ["rare" if number < 20 else "usual" for number in range(100)]
    parts = stratified_split(rows, named, 0.2, seed=1)
    assert Counter(named[i] for i in parts.evaluation) == {"rare": 4, "usual": 16}


def test_kinds_too_small_to_split_are_taken_together() -> None:
    rows = texts(*(f"sentence {number} of ship {number * 7}" for number in range(20)))
    parts = stratified_split(rows, [str(number) for number in range(20)], 0.1, seed=1)
    assert len(parts.evaluation) == 2


def test_kinds() -> None:
    turns = (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello"))
    paired = Paired(({"topic": "greeting"},), (Conversation(turns),))
    assert kinds_of(paired, "topic") == ["greeting"]
    assert kinds_of(paired, "missing") == [""]
    assert kinds_of(paired, "roles") == ["system user assistant"]
    assert kinds_of(paired, "turns") == ["2"]
    assert kinds_of(paired, "language") == ["unknown"]
    assert kinds_of(paired, None) == [""]
