"""A resumed run trains as if it had never been interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from engine.config import LoraConfig, Precision, RunConfig
from engine.runs.events import (
    CheckpointSaved,
    Event,
    RunStarted,
    StatusChanged,
    Step,
    WarningRaised,
)
from engine.training.sft import train
from tests.training.child import Told, at_step, run_here, run_process, tiny_config, write_config

pytestmark = [
    pytest.mark.train,
    # PEFT asks transformers for a property by its old name.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning"),
]
# Four evaluations, at 3, 6, 9, 12; checkpoints at 2, 4, … and at each new best.
CADENCE = {"eval_every_steps": 3, "save_every_steps": 2, "keep_checkpoints": 3}


def config_of(tmp_path: Path, model: Path) -> RunConfig:
    return tiny_config(tmp_path, model, lora=LoraConfig(r=4, dropout=0.2), **CADENCE)


@pytest.fixture(scope="module")
def whole(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Told, Path]:
    """The run that nobody interrupted."""
    tmp_path = tmp_path_factory.mktemp("whole")
    run_dir = tmp_path / "run"
    return run_here(train, run_dir, config_of(tmp_path, tiny_model)), run_dir


def assert_same_end(told: Told, run_dir: Path, whole: tuple[Told, Path]) -> None:
    expected, expected_dir = whole
    assert told.finished.status == "completed"
    assert told.finished.steps == 12
    assert told.finished.best_step == expected.finished.best_step
    for step, loss in told.losses.items():
        assert loss == pytest.approx(expected.losses[step], abs=1e-6)
    for step, loss in told.eval_losses.items():
        assert loss == pytest.approx(expected.eval_losses[step], abs=1e-6)
    ours = load_file(run_dir / "adapter" / "adapter_model.safetensors")
    theirs = load_file(expected_dir / "adapter" / "adapter_model.safetensors")
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert tensor.allclose(theirs[name], rtol=0, atol=1e-6)


# 5 is the end of an epoch, 6 has an evaluation due, 7 lies between everything.
@pytest.mark.parametrize("stop_step", [5, 6, 7])
def test_stopped_run_goes_on_where_it_was(
    stop_step: int, whole: tuple[Told, Path], tiny_model: Path, tmp_path: Path
) -> None:
    config, run_dir = config_of(tmp_path, tiny_model), tmp_path / "run"
    first = run_here(train, run_dir, config, react=at_step(stop_step, "stop"))
    assert first.finished.status == "stopped"
    assert first.finished.steps == stop_step
    assert first.of(CheckpointSaved)[-1].step == stop_step
    assert (config.output_dir / "lora" / "adapter_model.safetensors").is_file()

    second = run_here(train, run_dir, config, attempt=2)
    assert second.of(RunStarted)[0].resumed_from_step == stop_step
    assert list(second.losses) == list(range(stop_step + 1, 13))
    assert first.eval_losses.keys() | second.eval_losses.keys() == {3, 6, 9, 12}
    assert_same_end(second, run_dir, whole)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_fused_adapter_goes_on_where_it_was(
    precision: Precision, tiny_model: Path, tmp_path: Path
) -> None:
    """The other runs here have dropout, and so PEFT's own layers."""
    config = tiny_config(tmp_path, tiny_model, **CADENCE)
    model = config.model.model_copy(update={"precision": precision})
    config = config.model_copy(update={"model": model})
    expected = run_here(train, tmp_path / "whole", config), tmp_path / "whole"
    run_here(train, tmp_path / "run", config, react=at_step(7, "stop"))
    second = run_here(train, tmp_path / "run", config, attempt=2)
    assert list(second.losses) == [8, 9, 10, 11, 12]
    assert_same_end(second, tmp_path / "run", expected)


def test_stop_in_the_middle_of_an_evaluation(
    whole: tuple[Told, Path], tiny_model: Path, tmp_path: Path
) -> None:
    config, run_dir = config_of(tmp_path, tiny_model), tmp_path / "run"
    first = run_here(train, run_dir, config, stop_in_evaluation_of=6)
    assert (first.finished.status, first.finished.steps) == ("stopped", 6)
    assert list(first.eval_losses) == [3]

    second = run_here(train, run_dir, config, attempt=2)
    assert list(second.eval_losses) == [6, 9, 12]
    assert_same_end(second, run_dir, whole)


def test_pause_changes_nothing_but_the_time(
    whole: tuple[Told, Path], tiny_model: Path, tmp_path: Path
) -> None:
    def react(event: Event, command: Callable[[str], None]) -> None:
        if isinstance(event, Step) and event.step == 3:
            command("pause")
        if event == StatusChanged("paused"):
            command("resume")

    run_dir = tmp_path / "run"
    told = run_here(train, run_dir, config_of(tmp_path, tiny_model), react=react)
    assert [event.status for event in told.of(StatusChanged)] == ["paused", "running"]
    assert_same_end(told, run_dir, whole)


def test_killed_process_goes_on_from_its_last_checkpoint(
    whole: tuple[Told, Path], tiny_model: Path, tmp_path: Path
) -> None:
    run_dir = write_config(tmp_path / "run", config_of(tmp_path, tiny_model))
    first, code = run_process(run_dir, react=at_step(8, "kill"))
    assert code != 0

    second, code = run_process(run_dir, attempt=2)
    assert code == 0
    resumed_from = second.of(RunStarted)[0].resumed_from_step
    saved = [event.step for event in first.of(CheckpointSaved)]
    assert resumed_from is not None
    assert resumed_from >= max(saved)
    assert_same_end(second, run_dir, whole)
    before = next(event for event in first.of(Step) if event.step == resumed_from)
    after = second.of(Step)[0]
    assert after.step == resumed_from + 1
    assert after.tokens > before.tokens
    assert not list((run_dir / "checkpoints").glob("*.partial"))


def test_damaged_checkpoint_is_passed_over(
    whole: tuple[Told, Path], tiny_model: Path, tmp_path: Path
) -> None:
    config, run_dir = config_of(tmp_path, tiny_model), tmp_path / "run"
    run_here(train, run_dir, config, react=at_step(7, "stop"))
    newest = run_dir / "checkpoints" / "step-000007" / "adapter_model.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"\x00")

    second = run_here(train, run_dir, config, attempt=2)
    assert second.of(RunStarted)[0].resumed_from_step == 6
    assert "step-000007" in second.of(WarningRaised)[0].message
    assert_same_end(second, run_dir, whole)


def test_without_a_checkpoint_the_run_starts_anew(
    whole: tuple[Told, Path], tiny_model: Path, tmp_path: Path
) -> None:
    told = run_here(train, tmp_path / "run", config_of(tmp_path, tiny_model), attempt=2)
    assert told.of(RunStarted)[0].resumed_from_step is None
    assert "no checkpoint" in told.of(WarningRaised)[0].message
    assert told.losses.keys() == whole[0].losses.keys()
    assert_same_end(told, tmp_path / "run", whole)


def test_run_that_had_only_its_adapter_left_to_write(
    whole: tuple[Told, Path], tiny_model: Path, tmp_path: Path
) -> None:
    config, run_dir = config_of(tmp_path, tiny_model), tmp_path / "run"
    run_here(train, run_dir, config)
    (run_dir / "adapter").rename(run_dir / "lost")

    second = run_here(train, run_dir, config, attempt=2)
    assert second.losses == {}
    assert_same_end(second, run_dir, whole)
