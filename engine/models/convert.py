"""GGUF to an ordinary safetensors folder. Loads torch: run it as a process of its own.

`python -m engine.models.convert MODEL.gguf FOLDER`
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel


def gguf_to_folder(gguf: Path, folder: Path) -> None:
    """Write the model and tokenizer of `gguf` to `folder`, weights in bfloat16.

    The 4-bit or 8-bit blocks are decoded exactly to float32 first and rounded once.
    Raises what transformers raises for an architecture it cannot read.
    """
    where, name = str(gguf.parent), gguf.name
    tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=name)
    decoded = AutoModelForCausalLM.from_pretrained(where, gguf_file=name, dtype=torch.float32)
    folder.mkdir(parents=True, exist_ok=True)
    _plain_copy(decoded).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _plain_copy(decoded: PreTrainedModel) -> PreTrainedModel:
    """The same weights in a model that never heard of GGUF.

    transformers refuses to save a model that it decoded from GGUF, because it still counts as
    quantised; a fresh model of the same configuration does not.
    """
    config = copy.deepcopy(decoded.config)
    if "quantization_config" in config.to_dict():
        del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    plain.load_state_dict(decoded.state_dict())
    plain.tie_weights()
    plain.generation_config = decoded.generation_config
    return plain


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.models.convert")
    parser.add_argument("gguf", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    gguf_to_folder(given.gguf, given.folder)


if __name__ == "__main__":
    main()
