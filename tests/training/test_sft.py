"""A whole training of a model of two layers, checked against what it should compute."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.config import DataConfig, LoraConfig, RunConfig
from engine.errors import BackpropError
from engine.runs.events import (
    CheckpointSaved,
    DataLoaded,
    Evaluated,
    Event,
    ModelLoaded,
    RunStarted,
    Step,
    WarningRaised,
)
from engine.training.checkpoints import steps_in
from engine.training.plan import DeviceFacts, DevicePlan, NumberFormat, Workload, plan_device
from engine.training.sft import train
from tests.training.child import run_here, run_process, tiny_config, write_config

pytestmark = [
    pytest.mark.train,
    # PEFT asks transformers for a property by its old name.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning"),
]

# The curve of seed 42 on fp32; another processor may sum in another order.
GOLDEN_LOSSES = [
    5.4065, 5.3956, 5.2483, 5.1515, 5.095, 5.0513, 5.0701, 4.9974, 5.033, 4.9904, 4.9956, 4.9815
]  # fmt: skip
GOLDEN_EVAL_LOSS = 5.1552
GOLDEN_TOLERANCE = 1e-3


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


def mean_loss(model: torch.nn.Module, rows: list[tuple[list[int], list[int]]]) -> float:
    """Each example alone, without padding or joining: the mean over all trained tokens."""
    total, count = 0.0, 0
    for ids, mask in rows:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].float()
        losses = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
        trained = torch.tensor(mask[1:], dtype=torch.bool)
        total += float(losses[trained].sum())
        count += int(trained.sum())
    return total / count


def rows_of(config: RunConfig, model: Path) -> list[tuple[list[int], list[int]]]:
    """Tokenise by hand: all is context up to the answer, which ends with the end mark."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    assert config.data is not None
    rows = []
    for line in config.data.path.read_text(encoding="utf-8").splitlines():
        question, answer = json.loads(line)["messages"]
        context = f"<|im_start|>user\n{question['content']}<|im_end|>\n<|im_start|>assistant\n"
        before = tokenizer(context)["input_ids"]
        learned = tokenizer(f"{answer['content']}<|im_end|>")["input_ids"]
        after = tokenizer("\n")["input_ids"]
        ids = [*before, *learned, *after]
        rows.append((ids, [0] * len(before) + [1] * len(learned) + [0] * len(after)))
    return rows


def without_eval(config: RunConfig) -> RunConfig:
    assert config.data is not None
    data = DataConfig(path=config.data.path, eval_fraction=0)
    return config.model_copy(update={"data": data})


def test_story_of_a_run(tiny_model: Path, tmp_path: Path) -> None:
    config = tiny_config(tmp_path, tiny_model, eval_every_steps=5, lora=LoraConfig(r=8, alpha=16))
    told = run_here(train, tmp_path / "run", config)
    step, measure = ["step"], ["evaluated", "checkpoint_saved"]
    story = ["run_started", "data_loaded", "model_loaded"]
    story += [*step * 5, *measure, *step * 5, *measure, *step * 2, *measure, "finished"]
    assert kinds(told.events) == story

    (loaded,) = told.of(DataLoaded)
    (model,) = told.of(ModelLoaded)
    assert loaded.rows + loaded.eval_rows == 22
    assert model.trainable_parameters == 2 * 8192
    assert (model.device, model.precision) == ("cpu", "fp32")
    assert told.of(RunStarted) == [RunStarted("run", 1, None)]

    steps = told.of(Step)
    assert [event.step for event in steps] == list(range(1, 13))
    assert {event.total_steps for event in steps} == {12}
    assert steps[-1].loss < steps[0].loss
    assert [event.tokens for event in steps] == sorted({event.tokens for event in steps})
    assert steps[-1].eta_seconds == 0
    assert all(event.tokens_per_second > 0 for event in steps)

    finished = told.finished
    best = min(told.of(Evaluated), key=lambda event: event.loss)
    assert (finished.status, finished.steps) == ("completed", 12)
    assert finished.loss == steps[-1].loss
    assert (finished.best_step, finished.best_eval_loss) == (best.step, best.loss)
    assert finished.best_checkpoint == str(steps_in(tmp_path / "run")[best.step])


def test_golden_curve(tiny_model: Path, tmp_path: Path) -> None:
    told = run_here(train, tmp_path / "run", tiny_config(tmp_path, tiny_model))
    assert list(told.losses.values()) == pytest.approx(GOLDEN_LOSSES, abs=GOLDEN_TOLERANCE)
    assert told.finished.eval_loss == pytest.approx(GOLDEN_EVAL_LOSS, abs=GOLDEN_TOLERANCE)


def slow_plan(facts: DeviceFacts, precision: NumberFormat, workload: Workload) -> DevicePlan:
    """The same device with TRL's loss, PEFT's layers and masked attention."""
    plan = plan_device(facts, precision, workload)
    return replace(plan, fused_loss=False, fused_lora=False, fused_norms=False, attention=None)


@pytest.mark.parametrize("accumulation", [1, 3])
def test_fast_path_trains_as_the_slow_one(
    accumulation: int, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(tmp_path, tiny_model, gradient_accumulation_steps=accumulation)
    fast = run_here(train, tmp_path / "fast", config)
    monkeypatch.setattr("engine.training.sft.plan_device", slow_plan)
    slow = run_here(train, tmp_path / "slow", config)
    assert list(fast.losses.values()) == pytest.approx(list(slow.losses.values()), abs=5e-5)
    assert fast.finished.eval_loss == pytest.approx(slow.finished.eval_loss, abs=5e-5)


# All rows in one step: alone, in batches that are joined, and in steps that are added up.
@pytest.mark.parametrize(("batch", "accumulation"), [(22, 1), (5, 5), (1, 22)])
def test_loss_is_the_mean_over_the_answers_tokens(
    batch: int, accumulation: int, tiny_model: Path, tmp_path: Path
) -> None:
    config = without_eval(
        tiny_config(
            tmp_path,
            tiny_model,
            steps=1,
            per_device_batch_size=batch,
            gradient_accumulation_steps=accumulation,
        )
    )
    told = run_here(train, tmp_path / "run", config)
    rows = rows_of(config, tiny_model)
    (step,) = told.of(Step)
    assert step.loss == pytest.approx(
        mean_loss(AutoModelForCausalLM.from_pretrained(tiny_model), rows), abs=1e-5
    )
    assert step.tokens == sum(len(ids) for ids, _ in rows)


def test_adapter_alone_gives_the_eval_loss_that_was_told(tiny_model: Path, tmp_path: Path) -> None:
    """Whoever loads the adapter by its own files gets the trained model back."""
    config = tiny_config(tmp_path, tiny_model)
    assert config.data is not None
    data = DataConfig(path=config.data.path, eval_path=config.data.path)
    config = config.model_copy(update={"data": data})
    told = run_here(train, tmp_path / "run", config)

    for adapter in (Path(told.finished.path), config.output_dir / "lora"):
        settings = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
        base = AutoModelForCausalLM.from_pretrained(settings["base_model_name_or_path"])
        model = PeftModel.from_pretrained(base, adapter)
        loss = mean_loss(model, rows_of(config, adapter))
        assert told.finished.eval_loss == pytest.approx(loss, abs=1e-5)
        assert AutoTokenizer.from_pretrained(adapter).chat_template
        weights = load_file(adapter / "adapter_model.safetensors")
        assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


def test_bf16_base_keeps_an_fp32_adapter(tiny_model: Path, tmp_path: Path) -> None:
    config = tiny_config(tmp_path, tiny_model, steps=3)
    config = config.model_copy(
        update={"model": config.model.model_copy(update={"precision": "bf16"})}
    )
    told = run_here(train, tmp_path / "run", config)
    assert told.of(ModelLoaded)[0].precision == "bf16"
    weights = load_file(Path(told.finished.path) / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


def test_early_stop_keeps_the_best_checkpoint(tiny_model: Path, tmp_path: Path) -> None:
    config = tiny_config(
        tmp_path,
        tiny_model,
        steps=60,
        learning_rate=0.3,
        scheduler="constant",
        eval_every_steps=1,
        early_stopping_patience=4,
        keep_checkpoints=1,
    )
    told = run_here(train, tmp_path / "run", config)
    finished = told.finished
    assert finished.status == "completed"
    assert finished.best_step is not None
    assert finished.steps == finished.best_step + 4
    assert list(steps_in(tmp_path / "run")) == [finished.best_step, finished.steps]
    best = [event.step for event in told.of(CheckpointSaved) if event.is_best]
    assert best[-1] == finished.best_step


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_loss_that_is_no_number_fails_the_run(
    value: float, tiny_model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in tiny_model.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][0] = value
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(BackpropError) as raised:
        run_here(train, tmp_path / "run", tiny_config(tmp_path, broken))
    assert raised.value.code == "RUNTIME_LOSS_NOT_FINITE"
    assert not steps_in(tmp_path / "run")


def test_folder_named_lora_that_is_not_ours_is_left_alone(tiny_model: Path, tmp_path: Path) -> None:
    config = tiny_config(tmp_path, tiny_model, steps=1)
    theirs = config.output_dir / "lora" / "notes.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine", encoding="utf-8")
    told = run_here(train, tmp_path / "run", config)
    assert "lora" in told.of(WarningRaised)[-1].message
    assert [path.name for path in theirs.parent.iterdir()] == ["notes.txt"]
    assert (tmp_path / "run" / "adapter" / "adapter_model.safetensors").is_file()


def test_real_model_learns_in_a_real_process(starter: Path, tmp_path: Path) -> None:
    config = tiny_config(
        tmp_path, starter, steps=3, learning_rate=1e-3, warmup_ratio=0, eval_every_steps=3
    )
    run_dir = write_config(tmp_path / "run", config)
    told, code = run_process(run_dir)
    assert code == 0
    assert told.losses[3] < told.losses[1]
    weights = load_file(run_dir / "adapter" / "adapter_model.safetensors")
    changed = [name for name, tensor in weights.items() if "lora_B" in name and tensor.any()]
    assert len(changed) == 30 * 7
