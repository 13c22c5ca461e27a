"""What a training would learn from, found before it starts."""

import json
from pathlib import Path

import pytest

from engine import api
from engine.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from engine.data.preflight import preflight
from engine.data.prepare import prepare
from engine.settings import ChecksConfig
from tests.tiny_model import tiny_tokenizer

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.jsonl"


def config(path: Path, max_length: int = 512) -> RunConfig:
    training = TrainingConfig(max_length=max_length)
    return RunConfig(data=DataConfig(path=path, eval_fraction=0), training=training)


def pairs(folder: Path, *rows: tuple[str, str]) -> Path:
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": q, "completion": a}) for q, a in rows))
    return path


def test_counts_are_those_of_the_training() -> None:
    found = preflight(config(QUICKSTART), tiny_tokenizer(), ChecksConfig())
    loaded = prepare(config(QUICKSTART), tiny_tokenizer()).loaded
    assert (found.rows, found.tokens) == (loaded.rows, loaded.tokens)
    assert found.trained_tokens == loaded.trained_tokens
    assert (found.ready, found.warnings, found.is_sample) == (True, (), False)
    assert found.words.startswith(f"{found.rows} examples, ")


def test_many_rows_are_sampled() -> None:
    found = preflight(config(QUICKSTART), tiny_tokenizer(), ChecksConfig(sample_rows=5))
    assert (found.rows, found.is_sample) == (5, True)


def test_cut_off_rows_are_named_with_the_length_that_fits(tmp_path: Path) -> None:
    path = pairs(tmp_path, ("q", "short"), ("q", "long " * 40), ("q", "long " * 30))
    found = preflight(config(path, max_length=60), tiny_tokenizer(), ChecksConfig())
    (warning,) = found.warnings
    assert "2 of 3 rows (67%)" in warning.message
    assert "pairs.jsonl, line 2, pairs.jsonl, line 3" in warning.message
    assert f"max length {found.longest}" in warning.hint
    fitting = preflight(config(path, found.fitting_length), tiny_tokenizer(), ChecksConfig())
    assert (fitting.truncated_rows, fitting.warnings) == (0, ())


def test_a_share_that_is_allowed_is_not_told(tmp_path: Path) -> None:
    path = pairs(tmp_path, ("q", "short"), ("q", "long " * 40))
    checks = ChecksConfig(max_truncated_share=0.5)
    assert preflight(config(path, 60), tiny_tokenizer(), checks).warnings == ()


def test_nothing_trained_is_a_problem(tmp_path: Path) -> None:
    path = pairs(tmp_path, ("far " * 40, "never reached"))
    found = preflight(config(path, 60), tiny_tokenizer(), ChecksConfig())
    assert not found.ready
    assert found.problems[0].message.startswith("No token would be trained")


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "INPUT_DATA_INVALID"), ('{"surprise": 1}', "INPUT_DATA_INVALID")],
)
def test_the_api_makes_problems_of_bad_input(
    text: str, code: str, tmp_path: Path, tiny_model: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    asked = config(path).model_copy(update={"model": ModelConfig(name=str(tiny_model))})
    assert [problem.code for problem in api.preflight(asked).problems] == [code]
