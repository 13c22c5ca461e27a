"""How much rows surprise the base model: the exponential of the mean loss of trained tokens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from engine.data.clean import Perplexities
from engine.data.formats import Conversation
from engine.data.template import ChatTemplate, Tokens, split_text

ROWS_AT_ONCE = 8
_IGNORED = -100


def perplexities_by(
    load: Callable[[], PreTrainedModel], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> Perplexities:
    """A judge of rows. The model is loaded when it is first asked, and let go afterwards."""

    def judge(conversations: Sequence[Conversation]) -> list[float]:
        model = load().eval()
        tokens = list(_tokens(conversations, tokenizer, max_length))
        return perplexities(model, tokens)

    return judge


def perplexities(model: PreTrainedModel, rows: Sequence[Tokens]) -> list[float]:
    """One number a row. Rows without a trained token are infinitely surprising."""
    # Rows of like length are computed together, so that little is padded.
    order = sorted(range(len(rows)), key=lambda row: len(rows[row].input_ids))
    found = [math.inf] * len(rows)
    for start in range(0, len(order), ROWS_AT_ONCE):
        batch = order[start : start + ROWS_AT_ONCE]
        for row, value in zip(batch, _batch(model, [rows[row] for row in batch]), strict=True):
            found[row] = value
    return found


def _tokens(
    conversations: Sequence[Conversation], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> Iterator[Tokens]:
    template: ChatTemplate | None = None
    for conversation in conversations:
        if conversation.text is not None:
            yield split_text(conversation.text, tokenizer, max_length)[0]
        else:
            template = template or ChatTemplate(tokenizer)
            yield template.tokenize(conversation, max_length)


def _batch(model: PreTrainedModel, rows: Sequence[Tokens]) -> list[float]:
    width = max(len(row.input_ids) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), _IGNORED)
    attention = torch.zeros(len(rows), width, dtype=torch.long)
    for number, row in enumerate(rows):
        length = len(row.input_ids)
        ids[number, :length] = torch.tensor(row.input_ids)
        trained = torch.tensor(row.trained_mask, dtype=torch.bool)
        labels[number, :length] = torch.where(trained, ids[number, :length], _IGNORED)
        attention[number, :length] = 1
    device = model.device
    with torch.inference_mode():
        logits = model(input_ids=ids.to(device), attention_mask=attention.to(device)).logits
    targets = labels[:, 1:].to(device)
    losses = cross_entropy(
        logits[:, :-1].float().transpose(1, 2), targets, ignore_index=_IGNORED, reduction="none"
    )
    counts = (targets != _IGNORED).sum(dim=1)
    means = losses.sum(dim=1) / counts.clamp(min=1)
    return [
        math.exp(min(mean, 700.0)) if count else math.inf
        for mean, count in zip(means.tolist(), counts.tolist(), strict=True)
    ]
