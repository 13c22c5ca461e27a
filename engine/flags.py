"""The command line's name for every setting of a run: one table, used in both directions.

The command line builds its options from it, and the page turns a form into the command that
does the same.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from engine.config import DataConfig, RunConfig, Section

TRAIN_FLAGS: dict[str, str] = {
    "data.path": "--data",
    "model.name": "--model",
    "training.steps": "--steps",
    "training.epochs": "--epochs",
    "training.per_device_batch_size": "--batch-size",
    "training.gradient_accumulation_steps": "--gradient-accumulation",
    "training.learning_rate": "--lr",
    "lora.r": "--lora-r",
    "lora.alpha": "--lora-alpha",
    "lora.dropout": "--lora-dropout",
    "lora.target_modules": "--target-modules",
    "training.max_length": "--max-length",
    "output_dir": "--output",
    "name": "--name",
    "data.format": "--data-format",
    "data.columns": "--columns",
    "data.eval_fraction": "--eval-fraction",
    "data.eval_path": "--eval-data",
    "data.max_rows": "--max-rows",
    "data.recipe.mix": "--mix",
    "data.recipe.min_turns": "--min-turns",
    "data.recipe.max_turns": "--max-turns",
    "data.recipe.min_characters": "--min-characters",
    "data.recipe.max_characters": "--max-characters",
    "data.recipe.languages": "--languages",
    "data.recipe.keep_matching": "--keep-matching",
    "data.recipe.drop_matching": "--drop-matching",
    "data.recipe.max_repetition": "--max-repetition",
    "data.recipe.max_signs": "--max-signs",
    "data.recipe.max_capitals": "--max-capitals",
    "data.recipe.drop_boilerplate": "--drop-boilerplate",
    "data.recipe.drop_leaks": "--drop-leaks",
    "data.recipe.against": "--against",
    "data.recipe.dedupe": "--dedupe",
    "data.recipe.near_threshold": "--near-threshold",
    "data.recipe.perplexity_low": "--perplexity-low",
    "data.recipe.perplexity_high": "--perplexity-high",
    "data.recipe.sample": "--sample",
    "data.recipe.order": "--order",
    "training.method": "--method",
    "training.warmup_ratio": "--warmup-ratio",
    "training.scheduler": "--scheduler",
    "training.weight_decay": "--weight-decay",
    "training.max_grad_norm": "--max-grad-norm",
    "training.seed": "--seed",
    "training.eval_every_steps": "--eval-every",
    "training.save_every_steps": "--save-every",
    "training.keep_checkpoints": "--keep-checkpoints",
    "training.early_stopping_patience": "--early-stopping",
    "model.precision": "--precision",
    "model.trust_code_sha256": "--trust-code",
    "limits.max_minutes": "--max-minutes",
    "limits.threads": "--threads",
    "limits.max_parallel": "--max-parallel",
}
"""Setting (its path in `RunConfig`) → flag of `backprop train`."""


def train_argv(config: RunConfig, defaults: RunConfig) -> list[str]:
    """The command that submits exactly this training; settings as in `defaults` are left out."""
    argv = ["backprop", "train"]
    values, left_out = dict(_leaves(config)), dict(_leaves(defaults))
    for path, flag in TRAIN_FLAGS.items():
        value = values.get(path)
        if value is not None and value != left_out.get(path):
            argv += [flag] if value is True else [flag, _word(value)]
    return argv


def data_argv(view: str, data: DataConfig, model: str, max_length: int) -> list[str]:
    """The command that shows what the page's Dataset section shows under this name."""
    layout = [] if data.format == "auto" else ["--data-format", data.format]
    columns = ["--columns", ",".join(data.columns)] if data.columns else []
    tokenized = ["--model", model, "--max-length", str(max_length)]
    path = str(data.path)
    match view:
        case "report":
            return ["backprop", "data", "report", path, *tokenized, *layout]
        case "xray":
            return ["backprop", "data", "xray", path, *tokenized, *layout, *columns]
        case "filters":
            chosen = RunConfig(data=data)
            return train_argv(chosen, RunConfig(data=DataConfig(path=Path())))
    return ["backprop", "validate", path, *layout, *columns]


def command_line(argv: list[str], os_name: str = os.name) -> str:
    """One line to paste into this platform's shell."""
    return subprocess.list2cmdline(argv) if os_name == "nt" else shlex.join(argv)


def _word(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _leaves(section: Section, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        path = f"{prefix}{name}"
        if isinstance(value, Section):
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value
