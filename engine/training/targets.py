"""Which layers get an adapter, checked on the model's shape before any weight is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from engine.config import LoraConfig, TargetModules
from engine.errors import BackpropError

_ATTENTION = ("attn", "attention")


@dataclass(frozen=True)
class Layer:
    """A linear layer: its full name and the smaller of its two dimensions."""

    name: str
    smallest_dimension: int

    @property
    def short_name(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def is_attention(self) -> bool:
        *parents, _ = self.name.split(".")
        return any(word in parent for parent in parents for word in _ATTENTION)


def linear_layers(folder: Path, *, trusts_code: bool = False) -> list[Layer]:
    """The layers of the model in `folder` that LoRA can adapt.

    All linear ones but the output embedding. Reads the configuration only: the model is built
    without memory for its weights. Raises DEP_MODEL_LOAD_FAILED.
    """
    try:
        config = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trusts_code
        )
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=trusts_code)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise BackpropError(
            "DEP_MODEL_LOAD_FAILED",
            f"The model in {folder} has a configuration that transformers cannot build.",
            hint="Copy or download the model again, or upgrade transformers.",
            cause=f"{type(error).__name__}: {error}",
        ) from error
    head = model.get_output_embeddings()
    return [
        Layer(name, min(module.weight.shape))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not head
    ]


def choose_targets(lora: LoraConfig, layers: Iterable[Layer]) -> list[str] | str:
    """Check the wish against the model and put it in PEFT's words.

    Raises INPUT_VALIDATION_FAILED for names that match nothing and for a rank that is larger
    than a dimension of one of the layers.
    """
    layers = list(layers)
    chosen = _chosen(lora.target_modules, layers)
    if not chosen:
        raise _no_match("Nothing in this model matches the target modules.", layers)
    _check_rank(lora.r, chosen)
    if lora.target_modules == "all-linear":
        return "all-linear"
    if lora.target_modules == "attention":
        return sorted({".".join(layer.name.split(".")[-2:]) for layer in chosen})
    return list(lora.target_modules)


def _chosen(targets: TargetModules, layers: list[Layer]) -> list[Layer]:
    if targets == "all-linear":
        return layers
    if targets == "attention":
        return [layer for layer in layers if layer.is_attention]
    return _named(targets, layers)


def _named(names: Iterable[str], layers: list[Layer]) -> list[Layer]:
    for name in names:
        if not any(_matches(layer, name) for layer in layers):
            raise _no_match(f"This model has no linear layer named {name}.", layers)
    return [layer for layer in layers if any(_matches(layer, name) for name in names)]


def _matches(layer: Layer, name: str) -> bool:
    return layer.name == name or layer.name.endswith(f".{name}")


def _check_rank(rank: int, layers: list[Layer]) -> None:
    narrowest = min(layers, key=lambda layer: layer.smallest_dimension)
    if rank > narrowest.smallest_dimension:
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"A LoRA rank of {rank} is more than the layer {narrowest.name} can hold: its "
            f"smaller dimension is {narrowest.smallest_dimension}.",
            hint=f"Use a rank of at most {narrowest.smallest_dimension}; 8 to 64 is usual.",
        )


def _no_match(message: str, layers: list[Layer]) -> BackpropError:
    there = ", ".join(sorted({layer.short_name for layer in layers}))
    return BackpropError(
        "INPUT_VALIDATION_FAILED",
        message,
        hint=f"It has: {there}. The words all-linear and attention work with every model.",
    )
