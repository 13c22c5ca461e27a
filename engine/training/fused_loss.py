"""Cross entropy of a frozen output embedding, over the labelled positions only.

A vocabulary is large: logits of all positions, and their gradient, are most of the memory of a
small model's training. Here the positions with a label are picked first, their logits are made a
few rows at a time, and the gradient of the hidden states is taken while the logits are there,
so that nothing of the size of the vocabulary outlives its chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from engine.training.batches import NOT_TRAINED

CHUNK_ROWS = 128
"""Rows of logits in memory at once."""

# What models do to their logits after the output embedding, by the name in their configuration.
_AFTER_THE_HEAD = (
    "final_logit_softcapping",
    "logit_scale",
    "logits_scaling",
    "output_multiplier",
    "lm_head_multiplier",
)
_CHANGES_NOTHING = (None, 1, 1.0)


class _FusedLinearCrossEntropy(torch.autograd.Function):  # type: ignore[misc]  # untyped
    """Sum of the cross entropies of `hidden @ weight.T` against `targets`.

    Shapes: hidden [rows, width], weight [vocabulary, width], targets [rows]. The weight is
    frozen and gets no gradient.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for start in range(0, len(hidden), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            logits = hidden[rows] @ weight.T
            log_probabilities = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
            wanted = targets[rows, None]
            total -= log_probabilities.gather(1, wanted).sum()
            if gradient is not None:
                # softmax minus the one-hot target, in place and in fp32
                errors = log_probabilities.exp_()
                errors.scatter_add_(1, wanted, errors.new_full(wanted.shape, -1.0))
                gradient[rows] = errors.to(hidden.dtype) @ weight
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[0], None, None


def fused_linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """The sum of the losses of all rows, as fp32."""
    return _FusedLinearCrossEntropy.apply(hidden, weight, targets)


def mean_loss(model: nn.Module, inputs: Mapping[str, Any], items: Tensor | int | None) -> Tensor:
    """The loss of a batch: the sum over its labelled tokens, divided by `items`.

    `items` is the number of labelled tokens in all batches of an optimizer step, as
    transformers counts them, so that batches that are added up weigh each token alike. Without
    it this batch's own number is taken. `model` was prepared by `add_fused_loss`.
    """
    total = model(**inputs, fused_loss=True)
    count = (inputs["labels"][:, 1:] != NOT_TRAINED).sum() if items is None else items
    return total / torch.as_tensor(count, device=total.device).clamp(min=1)


def add_fused_loss(model: PreTrainedModel) -> None:
    """Let `model(..., labels=..., fused_loss=True)` give the summed loss of the batch.

    All other calls go to the forward that was there before. A wrapper around the model, such
    as PEFT's, hands the words on.
    """
    original: Callable[..., Any] = model.forward

    def forward(*args: Any, fused_loss: bool = False, **words: Any) -> Any:
        if not fused_loss:
            return original(*args, **words)
        labels = words.pop("labels")[:, 1:]
        outputs = model.base_model(*args, **(words | {"use_cache": False}))
        labelled = labels != NOT_TRAINED
        return fused_linear_cross_entropy(
            outputs.last_hidden_state[:, :-1][labelled],
            model.get_output_embeddings().weight,
            labels[labelled],
        )

    model.forward = forward


def why_not_fused(model: PreTrainedModel) -> str | None:
    """Why the loss of this model must be computed the slow way; None where it need not."""
    head = model.get_output_embeddings()
    # A head with an adapter, or one that is trained, is wrapped in another class by PEFT.
    if type(head) is not nn.Linear:
        return "its output embedding is not a plain linear layer"
    if head.bias is not None:
        return "its output embedding has a bias"
    if head.weight.requires_grad:
        return "its output embedding is trained"
    if model.config.get_text_config() is not model.config:
        return "it reads more than text"
    return _why_not_by_config(model.config)


def _why_not_by_config(config: PretrainedConfig) -> str | None:
    settings = config.to_dict()
    for name in _AFTER_THE_HEAD:
        if settings.get(name) not in _CHANGES_NOTHING:
            return f"it changes its logits ({name})"
    if settings.get("output_router_logits"):
        return "it adds a loss for its experts' balance"
    return None
