"""What is decided before a training starts: pure functions from the configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from engine.config import TrainingConfig
from engine.errors import BackpropError

Device = Literal["cpu", "cuda", "mps"]
NumberFormat = Literal["fp32", "bf16", "fp16"]

EVALUATIONS_PER_RUN = 10

USABLE_SHARE = 0.8
"""Of the free memory; the rest is for what the forecast does not see."""
ADAM_BYTES = 16
"""A trained number in fp32, its gradient, and two moments."""
FIRST_WITH_TF32 = 8
"""Ampere."""
PARAMETERS_WORTH_8_BIT = 200_000_000


@dataclass(frozen=True)
class ModelShape:
    """What a model's configuration tells of its size."""

    layers: int
    hidden_size: int
    intermediate_size: int


@dataclass(frozen=True)
class DeviceFacts:
    """What is there to compute with.

    `free_bytes` is the memory a training may still take; `generation` is the first number of a
    CUDA card's compute capability.
    """

    device: Device
    free_bytes: int
    generation: int = 0
    has_flash_attention: bool = False
    has_liger: bool = False
    has_bitsandbytes: bool = False


@dataclass(frozen=True)
class Workload:
    """What a training is going to take beside the weights, roughly.

    `activation_bytes` is for the longest batch, without gradient checkpointing.
    """

    activation_bytes: int
    trained_parameters: int

    @property
    def bytes(self) -> int:
        return self.activation_bytes + self.trained_parameters * ADAM_BYTES


@dataclass(frozen=True)
class DevicePlan:
    """How the trainer computes on a device.

    `autocast` is the format matrix products run in where the weights have another one;
    `attention` is None where the model's own choice (sdpa) stays. The fused parts and the
    attention of each example give way, one by one, where a model does not allow them.
    """

    use_cpu: bool
    autocast: Literal["bf16", "fp16"] | None
    gradient_checkpointing: bool
    attention: Literal["flash_attention_2", "each_example"] | None
    dataloader_workers: int
    pin_memory: bool
    fused_loss: bool
    fused_lora: bool
    fused_norms: bool
    liger: bool
    tf32: bool
    optimizer: Literal["adamw_torch", "adamw_torch_fused", "paged_adamw_8bit"]


def plan_device(facts: DeviceFacts, precision: NumberFormat, workload: Workload) -> DevicePlan:
    """Decide from the device, the number format of the base weights, and the size of the work.

    docs/training-speed.md says what each choice gave. Our own fused parts are for the CPU, where
    they were measured; on CUDA TRL's loss runs in Triton, and joining the adapter to the weights
    would cost memory traffic.
    """
    on_cpu, on_cuda = facts.device == "cpu", facts.device == "cuda"
    half = None if precision == "fp32" else precision
    return DevicePlan(
        use_cpu=on_cpu,
        autocast=half if on_cuda else None,
        gradient_checkpointing=workload.bytes > facts.free_bytes * USABLE_SHARE,
        attention=_plan_attention(facts, half),
        dataloader_workers=0,
        pin_memory=on_cuda,
        fused_loss=on_cpu,
        fused_lora=on_cpu,
        fused_norms=on_cpu,
        liger=on_cuda and facts.has_liger,
        tf32=on_cuda and facts.generation >= FIRST_WITH_TF32,
        optimizer=_plan_optimizer(facts, workload),
    )


def scales_gradients(precision: NumberFormat) -> bool:
    """fp16 gradients are scaled; a step whose gradients overflow is left out, by design."""
    return precision == "fp16"


def check_precision(device: Device, precision: NumberFormat) -> None:
    """Raises INPUT_VALIDATION_FAILED for fp16 without CUDA."""
    if precision == "fp16" and device != "cuda":
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"fp16 training needs a CUDA GPU; this machine trains on {device}.",
            hint="Leave the precision on auto, or use bf16 or fp32.",
        )


def estimate_activation_bytes(shape: ModelShape, tokens: int, precision: NumberFormat) -> int:
    """Roughly what a transformer keeps of a batch for its gradient.

    For each token and layer that is some ten vectors of the hidden width (norms, projections,
    residuals) and five of the inner width of its MLP.
    """
    numbers = shape.layers * (10 * shape.hidden_size + 5 * shape.intermediate_size)
    return tokens * numbers * (4 if precision == "fp32" else 2)


def _plan_attention(
    facts: DeviceFacts, half: str | None
) -> Literal["flash_attention_2", "each_example"] | None:
    if facts.device == "cpu":
        return "each_example"
    if facts.device == "cuda" and half and facts.has_flash_attention:
        return "flash_attention_2"
    return None


def _plan_optimizer(
    facts: DeviceFacts, workload: Workload
) -> Literal["adamw_torch", "adamw_torch_fused", "paged_adamw_8bit"]:
    if facts.device == "mps":
        return "adamw_torch"
    # An adapter's state is small and exact in fp32; that of a whole model is most of its memory.
    is_large = workload.trained_parameters > PARAMETERS_WORTH_8_BIT
    if facts.device == "cuda" and facts.has_bitsandbytes and is_large:
        return "paged_adamw_8bit"
    return "adamw_torch_fused"


@dataclass(frozen=True)
class Schedule:
    """Which step does what. Steps count from 1 to `total_steps`."""

    total_steps: int
    warmup_steps: int
    evaluate_every: int
    save_every: int
    measures: bool

    def evaluates_at(self, step: int) -> bool:
        return self.measures and self._is_due(step, self.evaluate_every)

    def saves_at(self, step: int) -> bool:
        return self._is_due(step, self.save_every)

    def evaluations_after(self, step: int) -> int:
        """How many measurements are still to come."""
        if not self.measures:
            return 0
        last = self.total_steps
        return -(-last // self.evaluate_every) - step // self.evaluate_every

    def _is_due(self, step: int, every: int) -> bool:
        return step % every == 0 or step == self.total_steps


def plan_schedule(training: TrainingConfig, *, rows: int, measures: bool) -> Schedule:
    """Count the optimizer steps. The last batch and the last step of an epoch may be smaller."""
    batches = math.ceil(rows / training.per_device_batch_size)
    steps_per_epoch = math.ceil(batches / training.gradient_accumulation_steps)
    total = training.steps or math.ceil(training.epochs * steps_per_epoch)
    evaluate_every = training.eval_every_steps or max(1, total // EVALUATIONS_PER_RUN)
    return Schedule(
        total_steps=total,
        warmup_steps=math.ceil(training.warmup_ratio * total),
        evaluate_every=evaluate_every,
        save_every=training.save_every_steps or evaluate_every,
        measures=measures,
    )
