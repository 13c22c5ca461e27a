from __future__ import annotations

from dataclasses import replace

import pytest

from engine.config import TrainingConfig
from engine.errors import BackpropError
from engine.training.plan import (
    Device,
    DeviceFacts,
    DevicePlan,
    ModelShape,
    NumberFormat,
    Workload,
    check_precision,
    estimate_activation_bytes,
    plan_device,
    plan_schedule,
    scales_gradients,
)

GB = 2**30
ADAPTER = Workload(activation_bytes=2 * GB, trained_parameters=5_000_000)
BARE = DevicePlan(
    use_cpu=False,
    autocast=None,
    gradient_checkpointing=False,
    attention=None,
    dataloader_workers=0,
    pin_memory=False,
    fused_loss=False,
    fused_lora=False,
    fused_norms=False,
    liger=False,
    tf32=False,
    optimizer="adamw_torch_fused",
)
ON_CPU = replace(
    BARE, use_cpu=True, attention="each_example", fused_loss=True, fused_lora=True, fused_norms=True
)
ON_CUDA = replace(BARE, pin_memory=True, tf32=True)


@pytest.mark.parametrize(
    ("facts", "precision", "expected"),
    [
        (DeviceFacts("cpu", 16 * GB), "bf16", ON_CPU),
        (DeviceFacts("cpu", 16 * GB), "fp32", ON_CPU),
        # What is installed for CUDA changes nothing elsewhere.
        (DeviceFacts("cpu", 16 * GB, 8, True, True, True), "bf16", ON_CPU),
        (DeviceFacts("cpu", 2 * GB), "bf16", replace(ON_CPU, gradient_checkpointing=True)),
        (DeviceFacts("mps", 16 * GB), "fp32", replace(BARE, optimizer="adamw_torch")),
        (DeviceFacts("cuda", 16 * GB, 8), "fp32", ON_CUDA),
        (DeviceFacts("cuda", 16 * GB, 8), "bf16", replace(ON_CUDA, autocast="bf16")),
        (DeviceFacts("cuda", 16 * GB, 7), "fp16", replace(ON_CUDA, tf32=False, autocast="fp16")),
        (
            DeviceFacts("cuda", 2 * GB, 9, has_flash_attention=True, has_liger=True),
            "bf16",
            replace(
                ON_CUDA,
                autocast="bf16",
                gradient_checkpointing=True,
                attention="flash_attention_2",
                liger=True,
            ),
        ),
        # Flash attention computes in half precision only.
        (DeviceFacts("cuda", 16 * GB, 8, has_flash_attention=True), "fp32", ON_CUDA),
        # An adapter's optimizer is too small to be worth eight bits.
        (DeviceFacts("cuda", 16 * GB, 8, has_bitsandbytes=True), "fp32", ON_CUDA),
    ],
)
def test_device_plan(facts: DeviceFacts, precision: NumberFormat, expected: DevicePlan) -> None:
    assert plan_device(facts, precision, ADAPTER) == expected


def test_large_optimizer_state_is_paged_and_in_8_bits_where_that_can_be_had() -> None:
    whole = Workload(activation_bytes=2 * GB, trained_parameters=1_000_000_000)
    there = DeviceFacts("cuda", 80 * GB, 9, has_bitsandbytes=True)
    assert plan_device(there, "bf16", whole).optimizer == "paged_adamw_8bit"
    missing = replace(there, has_bitsandbytes=False)
    assert plan_device(missing, "bf16", whole).optimizer == "adamw_torch_fused"


def test_activations_grow_with_tokens_and_with_the_size_of_a_number() -> None:
    shape = ModelShape(layers=30, hidden_size=576, intermediate_size=1536)
    half = estimate_activation_bytes(shape, 1000, "bf16")
    assert estimate_activation_bytes(shape, 2000, "bf16") == 2 * half
    assert estimate_activation_bytes(shape, 1000, "fp32") == 2 * half
    assert 0.5 * GB < half < GB


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_fp16_needs_cuda(device: Device) -> None:
    with pytest.raises(BackpropError) as raised:
        check_precision(device, "fp16")
    assert raised.value.code == "INPUT_VALIDATION_FAILED"
    check_precision("cuda", "fp16")


def test_only_fp16_leaves_overflowing_steps_out() -> None:
    assert scales_gradients("fp16")
    assert not scales_gradients("bf16")


# 21 rows in batches of 2 are 11 batches; 2 batches a step are 6 steps an epoch.
@pytest.mark.parametrize(
    ("training", "total", "warmup", "evaluate_every", "save_every"),
    [
        (TrainingConfig(), 18, 1, 1, 1),
        (TrainingConfig(epochs=0.5), 3, 1, 1, 1),
        (TrainingConfig(steps=100), 100, 5, 10, 10),
        (TrainingConfig(steps=100, warmup_ratio=0), 100, 0, 10, 10),
        (TrainingConfig(steps=100, eval_every_steps=7), 100, 5, 7, 7),
        (TrainingConfig(steps=100, save_every_steps=3), 100, 5, 10, 3),
    ],
)
def test_schedule(
    training: TrainingConfig, total: int, warmup: int, evaluate_every: int, save_every: int
) -> None:
    schedule = plan_schedule(training, rows=21, measures=True)
    assert schedule.total_steps == total
    assert schedule.warmup_steps == warmup
    assert schedule.evaluate_every == evaluate_every
    assert schedule.save_every == save_every


def test_what_is_due_at_a_step() -> None:
    training = TrainingConfig(steps=10, eval_every_steps=4, save_every_steps=3)
    schedule = plan_schedule(training, rows=21, measures=True)
    steps = range(1, 11)
    assert [step for step in steps if schedule.evaluates_at(step)] == [4, 8, 10]
    assert [step for step in steps if schedule.saves_at(step)] == [3, 6, 9, 10]
    assert [schedule.evaluations_after(step) for step in (0, 3, 4, 7, 8, 9)] == [3, 3, 2, 2, 1, 1]


def test_nothing_is_measured_without_rows_to_measure_on() -> None:
    schedule = plan_schedule(TrainingConfig(steps=10), rows=21, measures=False)
    assert not any(schedule.evaluates_at(step) for step in range(1, 11))
    assert schedule.evaluations_after(0) == 0
