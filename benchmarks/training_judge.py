"""Hold the adapters of the measured trainings against each other (see benchmarks/training.py)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from peft import PeftModel
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from benchmarks.training import Judged, print_result
from benchmarks.training_run import RANK, config_for
from engine.data.prepare import PreparedData, prepare
from engine.models.load import load_model, load_tokenizer
from engine.models.resolve import resolve

SIZE, REPEATS = 2048, 15


def held_out_loss(model: nn.Module, data: PreparedData) -> float:
    """The mean over all trained tokens, each row alone."""
    total, count = 0.0, 0
    assert data.evaluation is not None
    for row in data.evaluation:
        ids, mask = torch.tensor([row["input_ids"]]), torch.tensor(row["assistant_masks"])[1:] == 1
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, :-1][mask]
        total += float(cross_entropy(logits, ids[0, 1:][mask], reduction="sum"))
        count += int(mask.sum())
    return total / count


def peak_flops() -> float:
    left, right = torch.ones(2, SIZE, SIZE, dtype=torch.bfloat16)
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - began)
    return 2 * SIZE**3 / min(seconds)


def flops_per_token(model: PreTrainedModel, data: PreparedData) -> float:
    """Matrix products that cannot be left out, attention's own aside.

    Forward and the gradient of the input for frozen weights, also that of the weight for the
    adapter; the output embedding for trained tokens only.
    """
    head = model.get_output_embeddings()
    layers = [m.weight for m in model.modules() if isinstance(m, nn.Linear) and m is not head]
    frozen = sum(weight.numel() for weight in layers)
    adapter = sum(RANK * sum(weight.shape) for weight in layers)
    trained_share = data.loaded.trained_tokens / data.loaded.tokens
    return 4 * frozen + 6 * adapter + 4 * head.weight.numel() * trained_share


def main(variants: str, folder: Path) -> None:
    data = prepare(config_for(folder), load_tokenizer(resolve("starter")))
    rate = peak_flops()
    losses = {}
    for variant in variants.split(","):
        model = load_model(resolve("starter"), "fp32", "cpu")
        flops = flops_per_token(model, data)
        losses[variant] = held_out_loss(
            PeftModel.from_pretrained(model, folder / variant / "adapter"), data
        )
    print_result(Judged(losses, rate, flops))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
