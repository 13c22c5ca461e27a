"""Attention within each example of a joined row, instead of over the row with a mask.

A batch of n examples in one row has n² blocks of scores, of which all but the n on the diagonal
are masked. Here each example is computed alone. Short ones take two matrix products forward and
five backward: torch's flash attention for the CPU, made for long rows, takes two to five times
as long for their gradient. Nothing as large as the scores is kept between the two.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PretrainedConfig
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

EACH_EXAMPLE = "each_example"
"""The name to give to `set_attn_implementation`, once `register` was called."""


LONGEST_SHORT = 512
"""Tokens of an example that is computed by whole matrix products; above, by flash attention."""


class _ShortAttention(torch.autograd.Function):  # type: ignore[misc]  # untyped
    """Causal attention within one example.

    Shapes: query [key heads, group, tokens, size], key and value [key heads, tokens, size]; the
    group is the query heads that share a key head.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        scaled = (query * scaling).flatten(1, 2)
        ctx.save_for_backward(scaled, key, value)
        ctx.scaling = scaling
        return (_shares(scaled, key) @ value).view_as(query)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        scaled, key, value = ctx.saved_tensors
        shares = _shares(scaled, key)
        gradient = upstream[0].flatten(1, 2)
        value_gradient = shares.mT @ gradient
        toward_shares = gradient @ value.mT
        # softmax: s (g - sum(s g)), which torch does in fp32 whatever the format
        toward_scores = torch._softmax_backward_data(toward_shares, shares, -1, shares.dtype)
        query_gradient = (toward_scores @ key).mul_(ctx.scaling)
        key_gradient = toward_scores.mT @ scaled
        return query_gradient.view_as(upstream[0]), key_gradient, value_gradient, None


def _shares(query: Tensor, key: Tensor) -> Tensor:
    """How much each token takes of those up to itself: [key heads, group * tokens, tokens]."""
    tokens = key.shape[1]
    later = torch.ones(tokens, tokens, dtype=torch.bool, device=key.device).triu_(1)
    scores = (query @ key.mT).unflatten(1, (-1, tokens))
    return scores.masked_fill_(later, -torch.inf).softmax(-1).flatten(1, 2)


def register() -> None:
    """Make the implementation known to transformers."""
    AttentionInterface.register(EACH_EXAMPLE, _attend)
    AttentionMaskInterface.register(EACH_EXAMPLE, _mask)


def why_not_each_example(config: PretrainedConfig) -> str | None:
    """Why this model's attention cannot be cut at the examples; None where it can."""
    settings = config.get_text_config().to_dict()
    kinds = settings.get("layer_types") or ["full_attention"]
    if set(kinds) != {"full_attention"}:
        return "some of its layers do not attend to the whole example"
    if settings.get("sliding_window") and settings.get("use_sliding_window", True):
        return "it attends through a sliding window"
    if settings.get("attn_logit_softcapping"):
        return "it changes its attention scores"
    return None


def _mask(q_length: int, kv_length: int, attention_mask: Tensor | None = None, **words: Any) -> Any:
    """No mask for a joined row, which the trainer's collator always gives with its borders."""
    if attention_mask is None and q_length == kv_length:
        return None
    return sdpa_mask(q_length=q_length, kv_length=kv_length, attention_mask=attention_mask, **words)


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    cu_seq_lens_q: Tensor | None = None,
    **words: Any,
) -> tuple[Tensor, None]:
    """Shapes: query, key, value [1, heads, tokens, size]; the result [1, tokens, heads, size]."""
    if attention_mask is not None or cu_seq_lens_q is None:
        whole: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **words
        )
        return whole
    lengths = cu_seq_lens_q.diff().tolist()
    examples = zip(*(part.split(lengths, dim=2) for part in (query, key, value)), strict=True)
    factor = query.shape[-1] ** -0.5 if scaling is None else scaling
    attended = [_attend_example(q, k, v, factor, dropout) for q, k, v in examples]
    return torch.cat(attended, dim=1), None


def _attend_example(
    query: Tensor, key: Tensor, value: Tensor, scaling: float, dropout: float
) -> Tensor:
    if dropout or query.shape[2] > LONGEST_SHORT:
        attended = scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, dropout_p=dropout, enable_gqa=True
        )
    else:
        grouped = query[0].unflatten(0, (key.shape[1], -1))
        attended = _ShortAttention.apply(grouped, key[0], value[0], scaling).flatten(0, 1)[None]
    return attended.transpose(1, 2)
