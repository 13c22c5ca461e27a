import json
from pathlib import Path
from typing import Any

import pytest

from engine.config import DataConfig, RunConfig, TrainingConfig
from engine.data.prepare import prepare
from engine.errors import BackpropError
from engine.files import sha256_of
from tests.tiny_model import tiny_tokenizer

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.jsonl"


def config(path: Path, max_length: int = 512, **data: Any) -> RunConfig:
    return RunConfig(
        data=DataConfig(path=path, **data), training=TrainingConfig(max_length=max_length)
    )


def pairs(tmp_path: Path, *answers: str, name: str = "pairs.jsonl") -> Path:
    path = tmp_path / name
    rows = [{"prompt": f"q{number}", "completion": answer} for number, answer in enumerate(answers)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_quickstart_set() -> None:
    tokenizer = tiny_tokenizer()
    data = prepare(config(QUICKSTART), tokenizer)
    assert data.format == "sharegpt"
    assert data.format_reason
    assert data.warnings == ()
    assert data.evaluation is not None
    assert (data.loaded.rows, data.loaded.eval_rows) == (len(data.train), len(data.evaluation))
    assert len(data.train) + len(data.evaluation) >= 30
    assert data.loaded.sha256 == sha256_of(QUICKSTART)
    for row in data.train:
        pairs_of_row = zip(row["input_ids"], row["assistant_masks"], strict=True)
        text = tokenizer.decode([number for number, trained in pairs_of_row if trained])
        assert text.startswith("Ahoy, friend! ")
        assert text.endswith(" Mind the fog!<|im_end|>")


def test_counts_are_those_of_the_training_rows(tmp_path: Path) -> None:
    data = prepare(config(pairs(tmp_path, "one", "three")), tiny_tokenizer())
    assert data.train.column_names == ["input_ids", "assistant_masks"]
    assert data.loaded.tokens == sum(len(row["input_ids"]) for row in data.train)
    assert data.loaded.trained_tokens == len("one") + len("three") + 2
    assert data.evaluation is None


def test_same_seed_same_split(tmp_path: Path) -> None:
    path = pairs(tmp_path, *(f"answer {number}" for number in range(40)))
    first, second = (prepare(config(path, eval_fraction=0.25), tiny_tokenizer()) for _ in range(2))
    assert first.evaluation is not None
    assert second.evaluation is not None
    assert len(first.evaluation) == 10
    assert first.evaluation.to_dict() == second.evaluation.to_dict()


def test_long_rows_are_cut_or_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [("q", "short"), ("q", "long " * 40), ("far " * 40, "never reached")]
    path.write_text("\n".join(json.dumps({"prompt": p, "completion": c}) for p, c in rows))
    data = prepare(config(path, max_length=60), tiny_tokenizer())
    assert (data.loaded.rows, data.loaded.truncated_rows, data.dropped_rows) == (2, 1, 1)
    assert max(len(row["input_ids"]) for row in data.train) == 60
    assert [warning.message.split()[0] for warning in data.warnings] == ["1", "1"]


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackpropError) as caught:
        prepare(config(pairs(tmp_path, "a", " "), max_length=10), tiny_tokenizer())
    assert caught.value.code == "INPUT_DATA_INVALID"
    assert "none of the 2 rows" in caught.value.message


def test_bad_row_far_down_is_named(tmp_path: Path) -> None:
    path = pairs(tmp_path, *"abcdefghijklmnopqrstuvwxyz")
    path.write_text(path.read_text() + '\n{"prompt": "x"}')
    with pytest.raises(BackpropError, match=r"pairs\.jsonl, line 27: completion is missing"):
        prepare(config(path), tiny_tokenizer())


def test_max_rows(tmp_path: Path) -> None:
    data = prepare(config(pairs(tmp_path, *"abcdef"), max_rows=4), tiny_tokenizer())
    assert data.loaded.rows == 4


def test_separate_file_to_measure_on(tmp_path: Path) -> None:
    path = pairs(tmp_path, *"abcdefghijkl")
    other = tmp_path / "eval.jsonl"
    other.write_text('{"text": "Once upon a time"}')
    data = prepare(config(path, eval_path=other), tiny_tokenizer())
    assert (data.loaded.rows, data.loaded.eval_rows) == (12, 1)


def test_layout_that_was_set(tmp_path: Path) -> None:
    path = tmp_path / "both.jsonl"
    path.write_text('{"text": "Once", "prompt": "a", "completion": "b"}')
    assert prepare(config(path), tiny_tokenizer()).format == "prompt_completion"
    assert prepare(config(path, format="text"), tiny_tokenizer()).format == "text"


def test_text_needs_no_chat_template(tmp_path: Path) -> None:
    path = tmp_path / "text.jsonl"
    path.write_text('{"text": "Once"}')
    data = prepare(config(path), tiny_tokenizer(chat_template=None))
    assert data.loaded.trained_tokens == len("Once")
