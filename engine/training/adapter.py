"""The adapter on disk: what a run makes, usable alone with PEFT."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerBase

from engine.errors import BackpropError
from engine.files import staged_folder

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
MARKER = "backprop.json"


def write_adapter(model: PeftModel, folder: Path) -> None:
    """Write the adapter's weights and configuration.

    Raises RUNTIME_LOSS_NOT_FINITE rather than write weights that are no numbers.
    """
    # Told not to look for changed embeddings, PEFT does not ask a hub for the base's config.
    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    broken = [name for name, tensor in weights.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise BackpropError(
            "RUNTIME_LOSS_NOT_FINITE",
            f"The adapter's weights are no longer finite numbers (first: {broken[0]}).",
            hint="Lower the learning rate; the checkpoints from before are intact.",
        )
    # PEFT's file format says which framework wrote it.
    tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    config = copy.copy(model.peft_config["default"])
    config.inference_mode = True
    config.save_pretrained(folder)


def read_adapter(model: PeftModel, folder: Path) -> None:
    """Put the weights of a checkpoint into `model`."""
    set_peft_model_state_dict(model, load_file(folder / WEIGHTS))


def save_final_adapter(
    model: PeftModel, tokenizer: PreTrainedTokenizerBase, run_id: str, target: Path
) -> None:
    """Write the adapter with the tokenizer and its chat template, whole or not at all."""
    with staged_folder(target) as folder:
        tokenizer.save_pretrained(folder)
        write_adapter(model, folder)
        marker = json.dumps({"made_by": "backprop", "run_id": run_id})
        (folder / MARKER).write_text(marker + "\n", encoding="utf-8")


def publish_adapter(run_dir: Path, output_dir: Path) -> str | None:
    """Copy the run's adapter to `<output_dir>/lora`, in place of the one before.

    Returns what a person should know: a folder of that name that is not ours is left alone.
    """
    target = output_dir / "lora"
    if target.exists() and not (target / MARKER).is_file():
        return f"{target} is not a folder that this program wrote, so it was left as it is."
    with staged_folder(target) as folder:
        shutil.copytree(run_dir / "adapter", folder, dirs_exist_ok=True)
    return None
