"""The order that a recipe asks for is the order of the training, in every epoch."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.config import Recipe, RunConfig
from engine.data.places import read_places
from engine.data.prepare import prepare
from engine.data.template import Tokens
from engine.runs.events import DataLoaded, Step
from engine.training.perplexity import perplexities
from engine.training.sft import train
from tests.training.child import run_here, tiny_config

pytestmark = [
    pytest.mark.train,
    # PEFT asks transformers for a property by its old name.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning"),
]


def one_row_a_step(tmp_path: Path, model: Path, recipe: Recipe, steps: int) -> RunConfig:
    config = tiny_config(
        tmp_path, model, steps=steps, per_device_batch_size=1, gradient_accumulation_steps=1
    )
    assert config.data is not None
    return config.model_copy(update={"data": config.data.model_copy(update={"recipe": recipe})})


def lengths_seen(steps: list[Step]) -> list[int]:
    counts = [0, *(step.tokens for step in steps)]
    return [after - before for before, after in pairwise(counts)]


def test_short_rows_come_first_in_every_epoch(tiny_model: Path, tmp_path: Path) -> None:
    config = one_row_a_step(tmp_path, tiny_model, Recipe(order="short-first"), steps=1)
    data = prepare(config, AutoTokenizer.from_pretrained(tiny_model))
    lengths = [len(row["input_ids"]) for row in data.train]
    steps = 2 * len(lengths)
    config = one_row_a_step(tmp_path, tiny_model, Recipe(order="short-first"), steps=steps)
    told = run_here(train, tmp_path / "run", config)
    assert lengths_seen(told.of(Step)) == lengths * 2


def test_the_run_tells_which_rows_it_saw(tiny_model: Path, tmp_path: Path) -> None:
    recipe = Recipe(dedupe="exact", order="low-perplexity-first")
    config = one_row_a_step(tmp_path, tiny_model, recipe, steps=2)
    told = run_here(train, tmp_path / "run", config)
    (loaded,) = told.of(DataLoaded)
    places = read_places(tmp_path / "run")
    assert places is not None
    assert (len(places.train), len(places.evaluation)) == (loaded.rows, loaded.eval_rows)
    assert list(loaded.steps) == ["read", "dedupe"]
    assert len(loaded.recipe_sha256) == len(loaded.rows_sha256) == 64


def test_perplexity_is_that_of_the_trained_tokens(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    rows = [Tokens([1, 5, 6, 7], [0, 0, 1, 1]), Tokens([1, 5], [0, 0]), Tokens([1, 5, 6], [1] * 3)]
    together = perplexities(model, rows)
    alone = [perplexities(model, [row])[0] for row in rows]
    assert together == pytest.approx(alone, rel=1e-4)
    assert together[1] == float("inf")
    assert all(1 < value < 10**6 for value in (together[0], together[2]))
