"""Reasons to leave a single row out: its size, its language, what it says and how."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from engine.config import Recipe
from engine.data.characters import characters
from engine.data.content import everything, said, spoken
from engine.data.formats import Conversation
from engine.data.languages import language_of
from engine.data.patterns import compiled
from engine.data.secrets import find_leaks
from engine.data.shingles import words

Keeps = Callable[[Conversation], bool]

# What chat services say of themselves; a model that learns it refuses and names its maker.
_BOILERPLATE = re.compile(
    r"as an? (?:large |ai )?(?:language|ai) model|as an ai(?: assistant)?\b|knowledge cutoff|"
    r"i(?:'m| am) (?:just )?an? (?:ai|language model)\b|openai's|trained by openai|"
    r"i(?:'m| am) sorry,? but i (?:cannot|can't|can not)|i cannot fulfill (?:this|that|your)",
    re.IGNORECASE,
)
_FEWEST_WORDS_TO_REPEAT = 10


def filters(recipe: Recipe) -> Iterator[tuple[str, Keeps]]:
    """The filters that the recipe asks for, by name, the cheapest first."""
    if recipe.min_turns is not None or recipe.max_turns is not None:
        least_turns, most_turns = recipe.min_turns or 0, recipe.max_turns
        yield "turns", lambda row: _is_within(len(spoken(row)) or 1, least_turns, most_turns)
    if recipe.min_characters is not None or recipe.max_characters is not None:
        least, most = recipe.min_characters or 0, recipe.max_characters
        yield "characters", lambda row: _is_within(len(everything(row)), least, most)
    yield from _patterns(recipe)
    yield from _quality(recipe)
    if recipe.drop_leaks:
        yield "leaks", lambda row: not find_leaks(everything(row))
    if recipe.languages:
        wanted = frozenset(recipe.languages)
        yield "languages", lambda row: language_of(said(row)) in wanted


def sign_share(text: str) -> float:
    """Share of characters that are neither letters, digits nor blanks; wide ones count as letters.

    >>> sign_share("a+b=c!")
    0.5
    """
    return characters(text).signs


def capital_share(text: str) -> float:
    """Share of the letters that are capitals.

    >>> capital_share("STOP it")
    0.6666666666666666
    """
    letters = [character for character in text if character.isalpha()]
    return sum(character.isupper() for character in letters) / len(letters) if letters else 0.0


def repetition(text: str) -> float:
    """Share of the word pairs that came before; short texts repeat nothing.

    >>> round(repetition("again and " * 10), 2)
    0.89
    """
    found = words(text)
    if len(found) < _FEWEST_WORDS_TO_REPEAT:
        return 0.0
    pairs = list(pairwise(found))
    return 1 - len(set(pairs)) / len(pairs)


def is_boilerplate(conversation: Conversation) -> bool:
    """Does an answer hold phrases that only assistants say of themselves?"""
    if conversation.text is not None:
        return _BOILERPLATE.search(conversation.text) is not None
    answers = (message for message in conversation.messages if message.role == "assistant")
    return any(_BOILERPLATE.search(message.content) for message in answers)


def _patterns(recipe: Recipe) -> Iterator[tuple[str, Keeps]]:
    if recipe.keep_matching is not None:
        kept = compiled(recipe.keep_matching)
        yield "keep matching", lambda row: kept.search(everything(row)) is not None
    if recipe.drop_matching is not None:
        dropped = compiled(recipe.drop_matching)
        yield "drop matching", lambda row: dropped.search(everything(row)) is None


def _quality(recipe: Recipe) -> Iterator[tuple[str, Keeps]]:
    for name, measure, limit in (
        ("signs", sign_share, recipe.max_signs),
        ("capitals", capital_share, recipe.max_capitals),
        ("repetition", repetition, recipe.max_repetition),
    ):
        if limit is not None:
            yield name, _at_most(measure, limit)
    if recipe.drop_boilerplate:
        yield "boilerplate", lambda row: not is_boilerplate(row)


def _at_most(measure: Callable[[str], float], limit: float) -> Keeps:
    return lambda row: measure(said(row)) <= limit


def _is_within(number: int, least: int, most: int | None) -> bool:
    return least <= number and (most is None or number <= most)
