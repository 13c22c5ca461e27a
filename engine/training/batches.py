"""From prepared examples to the batches a training computes: labels, and the collator.

The trainer and the token X-ray both take their batches from here, so the picture cannot differ
from what is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

NOT_TRAINED = -100
"""The label of a token that has no loss, as torch's cross entropy knows it."""

# The examples of a batch are joined into one row with restarting positions: nothing is computed
# for padding.
PADDING_FREE = True

Collator = Callable[[Sequence[Mapping[str, Sequence[int]]]], dict[str, torch.Tensor]]


def labels_of(input_ids: Sequence[int], assistant_masks: Sequence[int]) -> list[int]:
    """The token itself where it is trained, else `NOT_TRAINED`."""
    pairs = zip(input_ids, assistant_masks, strict=True)
    return [token if trained else NOT_TRAINED for token, trained in pairs]


def with_labels(examples: Dataset) -> Dataset:
    """Prepared examples (`input_ids`, `assistant_masks`) with the column `labels` in their place.

    TRL leaves a data set that has labels as it is.
    """

    def label(example: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
        return {"labels": labels_of(example["input_ids"], example["assistant_masks"])}

    return examples.map(label, remove_columns=["assistant_masks"])


def make_collator(tokenizer: PreTrainedTokenizerBase) -> Collator:
    """What makes one batch of labelled examples."""
    collator: Collator = DataCollatorForLanguageModeling(
        pad_token_id=tokenizer.pad_token_id, padding_free=PADDING_FREE
    )
    return collator
