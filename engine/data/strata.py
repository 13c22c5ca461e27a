"""A split in which every kind of row keeps its share on both sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from engine.data.content import content_key, said, spoken
from engine.data.conversation import Conversation
from engine.data.duplicates import near_groups
from engine.data.languages import language_of
from engine.data.paired import Paired
from engine.data.split import FEWEST_ROWS_TO_SPLIT, Split, split

KINDS = ("roles", "turns", "language")
"""What rows can be told apart by, beside their columns."""


def kinds_of(paired: Paired, by: str | None) -> list[str]:
    """The kind of each row: who speaks, how many turns, its language, or a column's value."""
    pairs = zip(paired.columns, paired.conversations, strict=True)
    return [_kind(columns, conversation, by) for columns, conversation in pairs]


def stratified_split(
    conversations: Sequence[Conversation], kinds: Sequence[str], fraction: float, seed: int
) -> Split:
    """Keep back about `fraction` of each kind; near-duplicates are never parted.

    A group of near-duplicates counts as the kind of its first row. Kinds of fewer than ten rows
    are taken together.
    """
    groups = near_groups(said(conversation) for conversation in conversations).tolist()
    firsts: dict[str, int] = {}
    # Rows that are equal in all stay together even where they hold no word.
    leaders = [firsts.setdefault(content_key(conversations[first]), first) for first in groups]
    strata: defaultdict[str, list[int]] = defaultdict(list)
    for position, leader in enumerate(leaders):
        strata[kinds[leader]].append(position)
    small = [kind for kind, rows in strata.items() if len(rows) < FEWEST_ROWS_TO_SPLIT]
    pooled = [position for kind in small for position in strata.pop(kind)]
    chosen: list[int] = []
    for rows in (*strata.values(), sorted(pooled)):
        keys = [content_key(conversations[leaders[position]]) for position in rows]
        chosen += [rows[place] for place in split(keys, fraction, seed).evaluation]
    kept_back = set(chosen)
    rest = (position for position in range(len(conversations)) if position not in kept_back)
    return Split(tuple(rest), tuple(sorted(chosen)))


def _kind(columns: dict[str, object], conversation: Conversation, by: str | None) -> str:
    if by is None:
        return ""
    if by == "roles":
        return " ".join(dict.fromkeys(message.role for message in conversation.messages))
    if by == "turns":
        return str(len(spoken(conversation)))
    if by == "language":
        return language_of(said(conversation))
    return str(columns.get(by, ""))
