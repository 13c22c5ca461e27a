"""The parts of a training, made from the configuration: arguments, LoRA."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import psutil
import torch
from peft import LoraConfig as PeftLoraConfig
from torch import nn
from transformers import PreTrainedModel
from trl import SFTConfig

from engine.config import LoraConfig, RunConfig
from engine.training.batches import PADDING_FREE
from engine.training.plan import (
    Device,
    DeviceFacts,
    DevicePlan,
    ModelShape,
    NumberFormat,
    Schedule,
    Workload,
    estimate_activation_bytes,
)


def device_facts(device: Device) -> DeviceFacts:
    """Look at the machine."""
    return DeviceFacts(
        device=device,
        free_bytes=_free_bytes(device),
        generation=torch.cuda.get_device_capability()[0] if device == "cuda" else 0,
        has_flash_attention=_is_installed("flash_attn"),
        has_liger=_is_installed("liger_kernel"),
        has_bitsandbytes=_is_installed("bitsandbytes"),
    )


def workload(
    model: PreTrainedModel, config: RunConfig, lengths: Sequence[int], precision: NumberFormat
) -> Workload:
    """Forecast the largest batch of a training whose examples have these lengths."""
    longest = sorted(lengths)[-config.training.per_device_batch_size :]
    tokens = max(sum(longest), 1)
    rank = config.lora.r
    linear = (module for module in model.modules() if isinstance(module, nn.Linear))
    return Workload(
        activation_bytes=estimate_activation_bytes(_shape(model), tokens, precision),
        trained_parameters=sum(rank * sum(layer.weight.shape) for layer in linear),
    )


def _shape(model: PreTrainedModel) -> ModelShape:
    config = model.config.get_text_config()
    # Models without a plain MLP have no such number; four times the width is usual.
    inner = config.to_dict().get("intermediate_size") or 4 * config.hidden_size
    return ModelShape(config.num_hidden_layers, config.hidden_size, inner)


def _free_bytes(device: Device) -> int:
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def peft_config(lora: LoraConfig, targets: list[str] | str, base_name: str) -> PeftLoraConfig:
    return PeftLoraConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=base_name,
        r=lora.r,
        lora_alpha=lora.effective_alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
    )


def sft_arguments(
    config: RunConfig, run_dir: Path, plan: DevicePlan, schedule: Schedule
) -> SFTConfig:
    """Every argument whose default would decide something for us is set here.

    What happens at which step is decided by `RunReporter`, so the trainer's own rules for
    evaluating and saving are off.
    """
    training = config.training
    return SFTConfig(
        output_dir=str(run_dir),
        max_steps=schedule.total_steps,
        per_device_train_batch_size=training.per_device_batch_size,
        per_device_eval_batch_size=training.per_device_batch_size,
        gradient_accumulation_steps=training.gradient_accumulation_steps,
        learning_rate=training.learning_rate,
        lr_scheduler_type=training.scheduler,
        warmup_steps=schedule.warmup_steps,
        optim=plan.optimizer,
        weight_decay=training.weight_decay,
        max_grad_norm=training.max_grad_norm,
        seed=training.seed,
        data_seed=training.seed,
        # Any other order was made when the data were prepared, and is kept.
        train_sampling_strategy="random" if _is_shuffled(config) else "sequential",
        # The examples were cut to max_length when they were tokenised.
        padding_free=PADDING_FREE,
        max_length=None,
        packing=False,
        loss_type="nll",
        include_num_input_tokens_seen="all",
        use_cpu=plan.use_cpu,
        bf16=plan.autocast == "bf16",
        fp16=plan.autocast == "fp16",
        tf32=plan.tf32 or None,
        use_liger_kernel=plan.liger,
        activation_checkpointing=plan.gradient_checkpointing,
        dataloader_num_workers=plan.dataloader_workers,
        dataloader_pin_memory=plan.pin_memory,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="no",
        prediction_loss_only=True,
        report_to="none",
        disable_tqdm=True,
        push_to_hub=False,
    )


def _is_shuffled(config: RunConfig) -> bool:
    return config.data is None or config.data.recipe.order == "shuffled"
