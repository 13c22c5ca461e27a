"""What the door tells before any process starts, and what it leaves untouched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine import api
from engine.config import DataConfig, ExportConfig, ModelConfig, RunConfig, TrainingConfig
from engine.errors import BackpropError

CHAT = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}


def training(folder: Path, text: str = json.dumps(CHAT) + "\n", **model: str) -> RunConfig:
    data = folder / "data.jsonl"
    data.write_text(text, encoding="utf-8")
    return RunConfig(
        data=DataConfig(path=data), model=ModelConfig(**model), output_dir=folder / "out"
    )


@pytest.mark.parametrize(
    ("text", "model", "code", "says"),
    [
        ("", "starter", "INPUT_DATA_INVALID", "is empty"),
        ('{"messages": [', "starter", "INPUT_DATA_INVALID", "line 1"),
        ('{"colour": "blue"}\n', "starter", "INPUT_DATA_INVALID", "data.jsonl"),
        (json.dumps(CHAT), "no such model", "INPUT_MODEL_UNKNOWN", "no such model"),
    ],
)
def test_mistakes_are_told_at_once_and_nothing_is_queued(
    tmp_path: Path, text: str, model: str, code: str, says: str
) -> None:
    with pytest.raises(BackpropError) as caught:
        api.submit(training(tmp_path, text, name=model), origin="cli")
    assert caught.value.code == code
    assert says in caught.value.message
    assert caught.value.hint
    assert api.count_runs() == 0
    assert not (tmp_path / "out").exists()


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    config = RunConfig(data=DataConfig(path=tmp_path / "away.jsonl"), output_dir=tmp_path)
    with pytest.raises(BackpropError, match=r"away\.jsonl does not exist"):
        api.submit(config, origin="cli")


def test_an_output_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    config = training(tmp_path).model_copy(update={"output_dir": blocked})
    with pytest.raises(BackpropError, match="cannot be written") as caught:
        api.submit(config, origin="cli")
    assert caught.value.code == "INPUT_VALIDATION_FAILED"


def test_an_export_of_a_run_that_does_not_exist_is_refused() -> None:
    config = RunConfig(kind="export", export=ExportConfig(source="2026"))
    with pytest.raises(BackpropError) as caught:
        api.submit(config, origin="cli")
    assert caught.value.code == "INPUT_RUN_NOT_FOUND"


def test_the_command_of_a_training_is_the_training(tmp_path: Path) -> None:
    config = training(tmp_path).model_copy(
        update={"training": TrainingConfig(steps=7), "output_dir": tmp_path / "with space"}
    )
    command = api.train_command(config)
    assert command.startswith("backprop train --data ")
    assert "--steps 7" in command
    assert f"--output '{tmp_path / 'with space'}'" in command
    assert "--lr" not in command, "what is at its default is left out"


def test_the_doors_load_neither_torch_nor_reflex() -> None:
    script = (
        "import sys, engine, engine.api, engine.cli.train, engine.runs.supervisor;"
        "print([m for m in ('torch', 'transformers', 'datasets', 'reflex') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
