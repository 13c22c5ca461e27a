"""A recipe applied: from the rows of a file to the rows of a training, with a count each step."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.config import Recipe
from engine.data.contamination import overlapping
from engine.data.content import content_key, everything, said
from engine.data.conversations import read_conversations
from engine.data.duplicates import near_groups
from engine.data.filters import filters
from engine.data.formats import Conversation
from engine.data.mixing import MixedRows, drawn, weighted
from engine.errors import BackpropError

Perplexities = Callable[[Sequence[Conversation]], Sequence[float]]
"""How much each row surprises the model: exp of the mean loss of its trained tokens."""

Rows = list[Conversation]


@dataclass(frozen=True)
class Step:
    """One step of a recipe, and how many rows were there after it."""

    name: str
    rows: int


@dataclass(frozen=True)
class Shaped:
    """What a recipe made, in the order of the training, and how many rows each step left."""

    conversations: tuple[Conversation, ...]
    steps: tuple[Step, ...]


def apply(
    conversations: Iterable[Conversation],
    recipe: Recipe,
    seed: int = 0,
    perplexities: Perplexities | None = None,
) -> Shaped:
    """Do what the recipe says, in the order of its fields; the same seed gives the same rows.

    Raises INPUT_DATA_INVALID (also where nothing is left), and INPUT_VALIDATION_FAILED where
    the recipe asks for the model's judgement and there is no model.
    """
    rows = list(conversations)
    steps = [Step("read", len(rows))]

    def took(name: str, left: Rows) -> Rows:
        steps.append(Step(name, len(left)))
        if not left:
            raise _nothing_left(steps)
        return left

    for mixed in map(MixedRows.parse, recipe.mix):
        rows = took(f"mix {mixed.path.name}", [*rows, *_mixed(mixed, seed)])
    for name, keeps in filters(recipe):
        rows = took(name, [row for row in rows if keeps(row)])
    if recipe.against is not None:
        rows = took("against", _without(rows, recipe.against))
    if recipe.dedupe != "no":
        rows = took("dedupe", without_doubles(rows, recipe))
    scores = _scores(rows, recipe, perplexities)
    if recipe.filters_perplexity:
        rows, scores = _by_percentile(rows, scores, recipe)
        took("perplexity", rows)
    if recipe.sample is not None:
        positions = drawn(range(len(rows)), recipe.sample, seed)
        rows = took("sample", [rows[position] for position in positions])
        scores = [scores[position] for position in positions] if scores else []
    return Shaped(tuple(ordered(rows, recipe, scores)), tuple(steps))


def without_doubles(rows: Sequence[Conversation], recipe: Recipe) -> Rows:
    """The first of each group of rows that say the same. Again on its own result: no change."""
    firsts: dict[str, Conversation] = {}
    for row in rows:
        firsts.setdefault(content_key(row), row)
    kept = list(firsts.values())
    if recipe.dedupe == "exact":
        return kept
    while True:
        groups = near_groups((said(row) for row in kept), recipe.near_threshold)
        first = np.flatnonzero(groups == np.arange(len(kept)))
        if len(first) == len(kept):
            return kept
        kept = [kept[position] for position in first.tolist()]


def ordered(rows: Rows, recipe: Recipe, scores: Sequence[float]) -> Rows:
    """The rows in the order of the training; a stable sort, so equal rows keep their order."""
    if recipe.order == "short-first":
        return sorted(rows, key=lambda row: len(everything(row)))
    if recipe.order == "low-perplexity-first":
        order = sorted(range(len(rows)), key=lambda position: scores[position])
        return [rows[position] for position in order]
    return rows


def recipe_hash(recipe: Recipe, seed: int) -> str:
    """SHA-256 of recipe and seed; defaults that a later version adds do not change it."""
    given = recipe.model_dump_json(exclude_defaults=True)
    return hashlib.sha256(f"{seed}:{given}".encode()).hexdigest()


def rows_hash(keys: Iterable[str]) -> str:
    """SHA-256 of the rows themselves, in their order."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def _mixed(mixed: MixedRows, seed: int) -> Rows:
    _, conversations = read_conversations(mixed.path)
    return weighted(list(conversations), mixed.weight, seed)


def _without(rows: Rows, path: Path) -> Rows:
    _, others = read_conversations(path)
    leaked = set(overlapping(rows, others))
    return [row for position, row in enumerate(rows) if position not in leaked]


def _scores(rows: Rows, recipe: Recipe, perplexities: Perplexities | None) -> list[float]:
    if not recipe.needs_model:
        return []
    if perplexities is None:
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            "Perplexity needs a model, and there is none here.",
            hint="Give these options to backprop train.",
        )
    return list(perplexities(rows))


def _by_percentile(rows: Rows, scores: list[float], recipe: Recipe) -> tuple[Rows, list[float]]:
    wanted = (recipe.perplexity_low, recipe.perplexity_high)
    low, high = np.percentile(scores, wanted, method="nearest")
    kept = [position for position, score in enumerate(scores) if low <= score <= high]
    return [rows[position] for position in kept], [scores[position] for position in kept]


def _nothing_left(steps: Sequence[Step]) -> BackpropError:
    counts = ", ".join(f"{step.name}: {step.rows}" for step in steps)
    return BackpropError(
        "INPUT_DATA_INVALID",
        f"The recipe leaves no row ({counts}).",
        hint=f"Loosen the step {steps[-1].name!r}, or leave it out.",
    )
