"""The parts of a training, made from the configuration: arguments, LoRA."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from peft import LoraConfig as PeftLoraConfig
from trl import SFTConfig

from engine.config import LoraConfig, RunConfig
from engine.training.batches import PADDING_FREE
from engine.training.plan import DevicePlan, Schedule


def flash_attention_is_there() -> bool:
    return importlib.util.find_spec("flash_attn") is not None


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
        optim="adamw_torch",
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
