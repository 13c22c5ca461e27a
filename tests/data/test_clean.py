import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.config import Recipe
from engine.data.clean import apply, recipe_hash, without_doubles
from engine.data.content import content_key
from engine.data.conversation import Conversation, Message
from engine.errors import BackpropError

WORDS = ["ahoy", "fog", "bell", "ROPE", "tide!", "mast", "7", "日"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
ROWS = st.lists(TEXTS.map(lambda text: Conversation(text=text)), max_size=30)
SHARE = st.floats(0, 1)


def pair(question: str, answer: str, line: int = 1) -> Conversation:
    turns = (Message("user", question), Message("assistant", answer, trained=True))
    return Conversation(turns, place=f"line {line}")


def written(path: Path, *answers: str) -> Path:
    rows = [{"prompt": "What now?", "completion": answer} for answer in answers]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def kept(rows: list[Conversation], **recipe: object) -> list[Conversation]:
    """Rows that the recipe keeps; none where it refuses to leave none."""
    try:
        return list(apply(rows, Recipe.model_validate(recipe)).conversations)
    except BackpropError as error:
        if error.code != "INPUT_DATA_INVALID":
            raise
        return []


def test_no_recipe_changes_nothing() -> None:
    rows = [pair("a", "b"), pair("a", "b")]
    shaped = apply(rows, Recipe())
    assert list(shaped.conversations) == rows
    assert [(step.name, step.rows) for step in shaped.steps] == [("read", 2)]


@pytest.mark.parametrize(
    ("recipe", "answers"),
    [
        ({"min_characters": 9}, ["A longer answer.", "STOP THAT NOW", "as an AI language model"]),
        ({"max_characters": 8}, ["yes", "?!#%*"]),
        (
            {"max_signs": 0.4},
            ["yes", "A longer answer.", "STOP THAT NOW", "as an AI language model"],
        ),
        ({"max_capitals": 0.5}, ["yes", "A longer answer.", "?!#%*", "as an AI language model"]),
        ({"drop_boilerplate": True}, ["yes", "A longer answer.", "STOP THAT NOW", "?!#%*"]),
        ({"keep_matching": "(?i)answer|stop"}, ["A longer answer.", "STOP THAT NOW"]),
        ({"drop_matching": "[A-Z]"}, ["yes", "?!#%*"]),
    ],
)
def test_filters(recipe: dict[str, object], answers: list[str]) -> None:
    given_answers = ["yes", "A longer answer.", "STOP THAT NOW", "?!#%*", "as an AI language model"]
    left = kept([pair("q", answer) for answer in given_answers], **recipe)
    assert [row.messages[-1].content for row in left] == answers


def test_turns_leaks_repetition_and_languages() -> None:
    rows = [pair("Was ist ein Schiff?", "Ein großes Fahrzeug auf dem Wasser.")]
    rows += [pair("What is a ship?", "A large vessel that sails on the water.")]
    rows += [pair("Who?", "Write to jane@shipyard.co.uk."), pair("Sing", "la la " * 30)]
    assert kept(rows, languages=["de"]) == rows[:1]
    assert kept(rows, drop_leaks=True) == [*rows[:2], rows[3]]
    assert kept(rows, max_repetition=0.5) == rows[:3]
    assert kept(rows, min_turns=3) == []


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, strict=SHARE, loose=SHARE)
@pytest.mark.parametrize("name", ["max_signs", "max_capitals", "max_repetition"])
def test_filters_are_monotone(
    name: str, rows: list[Conversation], strict: float, loose: float
) -> None:
    strict, loose = sorted((strict, loose))
    few, many = kept(rows, **{name: strict}), kept(rows, **{name: loose})
    assert {id(row) for row in few} <= {id(row) for row in many}


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, dedupe=st.sampled_from(["exact", "near"]), threshold=st.floats(0.3, 1))
def test_dedupe_is_idempotent_and_keeps_one_of_each(
    rows: list[Conversation], dedupe: str, threshold: float
) -> None:
    recipe = Recipe.model_validate({"dedupe": dedupe, "near_threshold": threshold})
    once = without_doubles(rows, recipe)
    assert without_doubles(once, recipe) == once
    assert len({content_key(row) for row in once}) == len(once)
    positions = {id(row): position for position, row in enumerate(rows)}
    assert [positions[id(row)] for row in once] == sorted(positions[id(row)] for row in once)
    if dedupe == "exact":
        assert {content_key(row) for row in once} == {content_key(row) for row in rows}


def test_rows_of_another_file_are_left_out(tmp_path: Path) -> None:
    other = written(tmp_path / "eval.jsonl", "Seven.", "Eight.")
    rows = [pair("What now?", answer) for answer in ("Six.", "Seven.")]
    assert kept(rows, against=other) == rows[:1]


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 30), weight=st.floats(0.1, 3).map(lambda weight: round(weight, 2)))
def test_weights_are_respected(
    tmp_path_factory: pytest.TempPathFactory, count: int, weight: float
) -> None:
    more = written(tmp_path_factory.mktemp("mix") / "a=b.jsonl", *map(str, range(count)))
    shaped = apply([pair("x", "y")], Recipe(mix=(f"{more}={weight}",)))
    uses = [row.messages[-1].content for row in shaped.conversations[1:]]
    assert len(uses) == round(count * weight)
    times = [uses.count(str(number)) for number in range(count)]
    assert max(times) - min(times) <= 1


def test_sampling_and_order() -> None:
    rows = [pair("q", "a" * length) for length in (5, 1, 9, 3, 7)]
    short = apply(rows, Recipe(order="short-first")).conversations
    assert [len(row.messages[-1].content) for row in short] == [1, 3, 5, 7, 9]
    drawn = [apply(rows, Recipe(sample=3), seed=seed).conversations for seed in (1, 1, 2, 3, 4)]
    assert all(len(rows_of_seed) == 3 for rows_of_seed in drawn)
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1


def test_perplexity() -> None:
    rows = [pair("q", answer) for answer in "dacbe"]
    judge = lambda judged: [float(ord(row.messages[-1].content)) for row in judged]  # noqa: E731
    middle = apply(rows, Recipe(perplexity_low=25, perplexity_high=75), perplexities=judge)
    assert [row.messages[-1].content for row in middle.conversations] == ["d", "c", "b"]
    easy = apply(rows, Recipe(order="low-perplexity-first", sample=4), perplexities=judge)
    answers = [row.messages[-1].content for row in easy.conversations]
    assert answers == sorted(answers)
    with pytest.raises(BackpropError, match="needs a model"):
        apply(rows, Recipe(perplexity_low=5))


def test_a_recipe_that_leaves_nothing_names_the_step() -> None:
    with pytest.raises(BackpropError) as caught:
        apply([pair("q", "a")], Recipe(min_characters=1, max_characters=2))
    assert "read: 1, characters: 0" in caught.value.message
    assert "'characters'" in caught.value.hint


def test_the_hash_of_a_recipe_is_stable() -> None:
    recipe = Recipe(dedupe="near", languages=("en", "de"))
    again = Recipe.model_validate_json(recipe.model_dump_json())
    assert recipe_hash(again, 1) == recipe_hash(recipe, 1)
    assert recipe_hash(recipe, 2) != recipe_hash(recipe, 1)
    assert recipe_hash(Recipe(), 42) == hashlib.sha256(b"42:{}").hexdigest()


@pytest.mark.parametrize(
    "wrong",
    [
        {"mix": ["file.jsonl"]},
        {"mix": ["file.jsonl=many"]},
        {"min_turns": 4, "max_turns": 2},
        {"perplexity_low": 90, "perplexity_high": 10},
        {"order": "longest"},
    ],
)
def test_wrong_recipes(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate(wrong)


def test_a_wrong_pattern_is_told() -> None:
    with pytest.raises(BackpropError, match="cannot be used"):
        apply([pair("q", "a")], Recipe(keep_matching="(a"))


def test_a_hostile_pattern_is_finished() -> None:
    assert kept([pair("q", "a" * 50_000)], drop_matching="(a+)+b$") != []
