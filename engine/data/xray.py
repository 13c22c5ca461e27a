"""The token X-ray: examples exactly as the trainer gets them, token by token.

Rows go through the trainer's own preparation (`engine.data.prepare`), labels and collator
(`engine.training.batches`); the picture is read off the finished batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice

import torch
from transformers import PreTrainedTokenizerBase

from engine.config import RunConfig
from engine.data.inspected import TokenState, Xray, XrayCounts, XrayRow, XrayToken
from engine.data.prepare import Example, dataset_of, read_examples
from engine.training.batches import NOT_TRAINED, make_collator, with_labels

_BROKEN = "\N{REPLACEMENT CHARACTER}"


def xray(config: RunConfig, tokenizer: PreTrainedTokenizerBase, first: int, count: int) -> Xray:
    """`count` examples of the file from number `first` (from 0) on, batched in the file's order.

    Raises as `prepare` does.
    """
    detection, examples = read_examples(config, tokenizer)
    chosen = list(islice(examples, first, first + count))
    size = config.training.per_device_batch_size
    kept = [example for example in chosen if example.tokens.trained_count]
    batches = [kept[start : start + size] for start in range(0, len(kept), size)]
    drawn = chain.from_iterable(
        _batch_rows(number, batch, tokenizer) for number, batch in enumerate(batches)
    )
    rows = (
        next(drawn) if example.tokens.trained_count else _left_out(example, tokenizer)
        for example in chosen
    )
    return Xray(detection.format, detection.reason, tuple(rows))


def _batch_rows(
    number: int, examples: list[Example], tokenizer: PreTrainedTokenizerBase
) -> Iterator[XrayRow]:
    labelled = with_labels(dataset_of(examples))
    collated = make_collator(tokenizer)([labelled[i] for i in range(len(labelled))])
    for example, (ids, states) in zip(examples, _unjoined(collated), strict=True):
        yield _row(example, number, ids, states, tokenizer)


def _unjoined(batch: dict[str, torch.Tensor]) -> Iterator[tuple[list[int], list[TokenState]]]:
    """The examples of a batch: cut where positions restart, and where a row of it ends."""
    labels = batch["labels"]
    positions = batch.get("position_ids")
    attended = batch.get("attention_mask", torch.ones_like(labels))
    for row, ids in enumerate(batch["input_ids"].tolist()):
        zeros = [0] if positions is None else (positions[row] == 0).nonzero().flatten().tolist()
        states = [
            _state(label, attends)
            for label, attends in zip(labels[row].tolist(), attended[row].tolist(), strict=True)
        ]
        for start in zeros[1:]:
            states[start] = "boundary"
        for start, end in zip(zeros, [*zeros[1:], len(ids)], strict=True):
            yield ids[start:end], states[start:end]


def _state(label: int, attends: int) -> TokenState:
    if not attends:
        return "padding"
    return "masked" if label == NOT_TRAINED else "trained"


def _left_out(example: Example, tokenizer: PreTrainedTokenizerBase) -> XrayRow:
    ids = example.tokens.input_ids
    return _row(example, -1, ids, ["masked"] * len(ids), tokenizer, left_out=True)


def _row(
    example: Example,
    batch: int,
    ids: Sequence[int],
    states: Sequence[TokenState],
    tokenizer: PreTrainedTokenizerBase,
    *,
    left_out: bool = False,
) -> XrayRow:
    cut = example.tokens.cut_ids
    every = [*ids, *cut]
    cut_off: TokenState = "truncated"
    all_states = [*states, *(cut_off for _ in cut)]
    tokens = tuple(map(XrayToken, every, token_texts(every, tokenizer), all_states))
    return XrayRow(example.place, batch, tokens, _counts(all_states), left_out)


def _counts(states: list[TokenState]) -> XrayCounts:
    counted = Counter(states)
    return XrayCounts(**{str(state): count for state, count in counted.items()})


def token_texts(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The text of each token; a character of several tokens stands at the last of them."""
    texts: list[str] = []
    pending: list[int] = []
    for token in ids:
        pending.append(token)
        text = str(tokenizer.decode(pending, clean_up_tokenization_spaces=False))
        if text.endswith(_BROKEN) and len(pending) < 4:
            texts.append("")
            continue
        texts.append(text)
        pending = []
    if pending:
        texts[-1] = str(tokenizer.decode(pending, clean_up_tokenization_spaces=False))
    return texts
