from __future__ import annotations

import pytest

from engine.config import TrainingConfig
from engine.errors import BackpropError
from engine.training.plan import DevicePlan, plan_device, plan_schedule


@pytest.mark.parametrize(
    ("device", "precision", "flash", "expected"),
    [
        ("cpu", "bf16", True, DevicePlan(True, None, False, None, 0, False)),
        ("cpu", "fp32", False, DevicePlan(True, None, False, None, 0, False)),
        ("mps", "fp32", False, DevicePlan(False, None, True, None, 0, False)),
        ("cuda", "bf16", False, DevicePlan(False, "bf16", True, None, 0, True)),
        ("cuda", "bf16", True, DevicePlan(False, "bf16", True, "flash_attention_2", 0, True)),
        ("cuda", "fp16", False, DevicePlan(False, "fp16", True, None, 0, True)),
        ("cuda", "fp32", True, DevicePlan(False, None, True, None, 0, True)),
    ],
)
def test_device_plan(device: str, precision: str, flash: bool, expected: DevicePlan) -> None:
    assert plan_device(device, precision, has_flash_attention=flash) == expected


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_fp16_needs_cuda(device: str) -> None:
    with pytest.raises(BackpropError) as raised:
        plan_device(device, "fp16", has_flash_attention=False)
    assert raised.value.code == "INPUT_VALIDATION_FAILED"


def test_only_fp16_leaves_overflowing_steps_out() -> None:
    assert plan_device("cuda", "fp16", has_flash_attention=False).scales_gradients
    assert not plan_device("cuda", "bf16", has_flash_attention=False).scales_gradients


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
