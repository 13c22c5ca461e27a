"""The three lines of Python, on a real and small model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine import BackpropError, RunResult, Trainer, TrainingRun, api
from engine.runs.events import Event, Step

EXAMPLES = Path(__file__).parents[1] / "examples" / "quickstart.jsonl"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_importing_the_package_loads_nothing() -> None:
    program = (
        "import sys, engine\n"
        "heavy = ['torch', 'pydantic_settings', 'pydantic', 'transformers', 'engine.api']\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "engine.Trainer, engine.TrainingRun, engine.RunResult, engine.BackpropError\n"
        "print('torch' in sys.modules)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.split("\n")[:2] == ["[]", "False"]


def test_all_names_are_there() -> None:
    assert all(getattr(engine, name) for name in engine.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Trainr'"):
        engine.__getattr__("Trainr")


@pytest.mark.train
def test_train_export_save_and_the_same_store(
    tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[Event] = []
    trainer = Trainer(str(tiny_model), on_log=heard.append, lora_r=4, learning_rate=1e-2)
    run = trainer.train(EXAMPLES, steps=3)
    assert isinstance(run, TrainingRun)
    assert f"run_started run_id={run.run_id}" in capsys.readouterr().err
    assert (run.status, run.steps, len(run.history)) == ("completed", 3, 3)
    assert run.loss == run.history[-1]
    assert (run.path / "adapter_model.safetensors").is_file()
    assert [event.loss for event in heard if isinstance(event, Step)] == list(run.history)
    stored = api.get_run(run.run_id)
    assert (stored.origin, stored.status) == ("python", "completed")
    assert '"r":4' in stored.config_json.replace(" ", "")

    result = trainer.export("adapter")
    assert isinstance(result, RunResult)
    assert (result.path / "adapter_model.safetensors").is_file()
    assert (trainer.save("kept") / "adapter_model.safetensors").is_file()
    assert trainer.save() == Path("output/lora")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lorar": 4}, "Did you mean lora_r?"),
        ({"learningrate": 1e-3}, "Did you mean learning_rate?"),
        ({"report_to": "wandb"}, "report_to='wandb' is not supported"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], said: str) -> None:
    with pytest.raises(BackpropError) as caught:
        Trainer("starter", **settings)  # type: ignore[arg-type]
    assert caught.value.code == "INPUT_VALIDATION_FAILED"
    assert said in caught.value.message


def test_errors_are_those_of_the_command(tiny_model: Path) -> None:
    trainer = Trainer(str(tiny_model))
    with pytest.raises(BackpropError, match="INPUT_DATA_INVALID"):
        trainer.train("nowhere.jsonl")
    with pytest.raises(BackpropError, match=r"lora_r: input should be greater than 0"):
        trainer.train(EXAMPLES, lora_r=0)
    with pytest.raises(BackpropError, match="INPUT_RUN_NOT_FOUND"):
        trainer.export()
    with pytest.raises(BackpropError, match="no export format"):
        trainer.export("gguf")  # type: ignore[arg-type]
