from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.config import ExportConfig, RunConfig
from engine.errors import BackpropError
from engine.export.adapter import export_adapter, target_name
from engine.runs.events import Finished, RunStarted
from engine.training.checkpoints import save_checkpoint
from tests.training.child import run_here, run_process, write_config

BASE = "someone/some-model"


def write_adapter(folder: Path, value: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weights = {"layer.lora_A.weight": np.full((2, 4), value, dtype=np.float32)}
    save_file(weights, folder / "adapter_model.safetensors")
    config = {"base_model_name_or_path": BASE, "r": 2}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A finished run with checkpoints at 10 (the best) and 20."""
    folder = tmp_path / "runs" / "20261121-221530-k3f9"
    write_adapter(folder / "adapter", 3.0)
    (folder / "adapter" / "tokenizer.json").write_text("{}", encoding="utf-8")
    (folder / "adapter" / "backprop.json").write_text("{}", encoding="utf-8")
    for step, value in ((10, 1.0), (20, 2.0)):

        def write(staging: Path, value: float = value) -> None:
            write_adapter(staging, value)
            state = {"progress": {"best_step": 10}}
            (staging / "state.json").write_text(json.dumps(state), encoding="utf-8")

        save_checkpoint(folder, step, write)
    return folder


def config_of(tmp_path: Path, source: Path, checkpoint: str = "final", name: str = "") -> RunConfig:
    return RunConfig(
        kind="export",
        name=name,
        output_dir=tmp_path / "output",
        export=ExportConfig(source=str(source), checkpoint=checkpoint),
    )


def export(tmp_path: Path, config: RunConfig) -> Path:
    return Path(run_here(export_adapter, tmp_path / "export", config).finished.path)


def value_in(folder: Path) -> float:
    # The last four bytes of the file are the last number.
    return float(np.frombuffer((folder / "adapter_model.safetensors").read_bytes()[-4:], "<f4")[0])


@pytest.mark.parametrize(
    ("checkpoint", "value"), [("final", 3.0), ("best", 1.0), ("10", 1.0), ("20", 2.0)]
)
def test_wanted_state_is_written(
    checkpoint: str, value: float, run_dir: Path, tmp_path: Path
) -> None:
    target = export(tmp_path, config_of(tmp_path, run_dir, checkpoint))
    assert target == tmp_path / "output" / "adapter-20261121-221530-k3f9"
    assert value_in(target) == value
    assert {path.name for path in target.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "backprop-export.json",
        "tokenizer.json",
    }
    readme = (target / "README.md").read_text(encoding="utf-8")
    assert BASE in readme
    assert "AutoPeftModelForCausalLM" in readme


def test_adapter_folder_is_a_source_too(run_dir: Path, tmp_path: Path) -> None:
    target = export(tmp_path, config_of(tmp_path, run_dir / "adapter", name="mine"))
    assert target == tmp_path / "output" / "mine"
    assert value_in(target) == 3.0


def test_own_export_is_replaced_and_others_are_refused(run_dir: Path, tmp_path: Path) -> None:
    target = export(tmp_path, config_of(tmp_path, run_dir, "10"))
    assert export(tmp_path, config_of(tmp_path, run_dir, "20")) == target
    assert value_in(target) == 2.0

    theirs = tmp_path / "output" / "theirs"
    theirs.mkdir()
    with pytest.raises(BackpropError, match="not written by an export"):
        export(tmp_path, config_of(tmp_path, run_dir, name="theirs"))
    assert not list(theirs.iterdir())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "adapter-run-1"),
        ("My poet", "My-poet"),
        ("../../etc", "etc"),
        ("a/b\\c:d", "a-b-c-d"),
        ("..", "adapter-run-1"),
    ],
)
def test_name_of_the_folder_is_safe(name: str, expected: str, tmp_path: Path) -> None:
    assert target_name(config_of(tmp_path, tmp_path, name=name), "run-1") == expected


@pytest.mark.parametrize(
    ("checkpoint", "words"),
    [("30", "no checkpoint of step 30"), ("newest", "is not a checkpoint")],
)
def test_unknown_checkpoint_tells_which_there_are(
    checkpoint: str, words: str, run_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(BackpropError, match=words) as raised:
        export(tmp_path, config_of(tmp_path, run_dir, checkpoint))
    assert "10, 20" in raised.value.hint


def test_run_without_an_adapter(tmp_path: Path) -> None:
    with pytest.raises(BackpropError, match="no finished adapter"):
        export(tmp_path, config_of(tmp_path, tmp_path / "empty"))


def test_damaged_checkpoint_is_not_exported(run_dir: Path, tmp_path: Path) -> None:
    write_adapter(run_dir / "checkpoints" / "step-000020", 9.0)
    with pytest.raises(BackpropError) as raised:
        export(tmp_path, config_of(tmp_path, run_dir, "20"))
    assert raised.value.code == "STATE_CHECKPOINT_INVALID"


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json"])
def test_damaged_adapter_is_not_exported(name: str, run_dir: Path, tmp_path: Path) -> None:
    path = run_dir / "adapter" / name
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(BackpropError) as raised:
        export(tmp_path, config_of(tmp_path, run_dir))
    assert raised.value.code == "RUNTIME_EXPORT_FAILED"
    assert not (tmp_path / "output").exists()


def test_export_runs_as_a_child_process(run_dir: Path, tmp_path: Path) -> None:
    child_dir = write_config(tmp_path / "output" / "runs" / "e1", config_of(tmp_path, run_dir))
    told, code = run_process(child_dir, module="engine.export")
    assert code == 0
    assert told.events == [RunStarted("e1", 1, None), Finished("completed", told.finished.path)]
    assert value_in(Path(told.finished.path)) == 3.0


def test_export_loads_no_torch() -> None:
    code = "import sys, engine.export.adapter; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
