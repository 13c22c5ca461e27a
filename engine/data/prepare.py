"""From the run's configuration to the examples that are trained on and measured on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset, Features, List, Value

from engine.config import DataConfig, Recipe, RunConfig
from engine.data.clean import Perplexities, Shaped, Step, apply, recipe_hash, rows_hash
from engine.data.columns import columns_of
from engine.data.content import content_key, said
from engine.data.conversations import read_conversations
from engine.data.duplicates import near_groups
from engine.data.formats import Conversation, Detection, Format
from engine.data.places import Places
from engine.data.split import split
from engine.data.template import ChatTemplate, ChatTokenizer, Tokens, split_text
from engine.errors import BackpropError
from engine.files import sha256_of
from engine.runs.events import DataLoaded, WarningRaised

_FEATURES = Features({"input_ids": List(Value("int32")), "assistant_masks": List(Value("int8"))})


@dataclass(frozen=True)
class Example:
    """A tokenised row, the hash of all it holds, where it stands, and what is said in it."""

    tokens: Tokens
    key: str
    place: str = ""
    said: str = ""


@dataclass(frozen=True)
class PreparedData:
    """Examples as datasets with the columns `input_ids` and `assistant_masks`.

    `evaluation` is None where nothing is kept back. `dropped_rows` had nothing left to train on.
    """

    train: Dataset
    evaluation: Dataset | None
    loaded: DataLoaded
    places: Places
    format: Format
    format_reason: str
    dropped_rows: int
    warnings: tuple[WarningRaised, ...]


def prepare(
    config: RunConfig, tokenizer: ChatTokenizer, perplexities: Perplexities | None = None
) -> PreparedData:
    """Read, shape, tokenise and split the data of a training.

    Raises INPUT_DATA_INVALID (with file and line), INPUT_TEMPLATE_UNUSABLE, and
    INPUT_VALIDATION_FAILED where the recipe needs `perplexities` and there are none.
    """
    if config.data is None:
        raise ValueError("this configuration has no data section")
    max_length = config.training.max_length
    detection, shaped = _shaped(config.data, config.training.seed, perplexities)
    examples = list(_tokenized(shaped.conversations, tokenizer, max_length))
    kept = [example for example in examples if example.tokens.trained_count]
    if not kept:
        raise _nothing_to_train(config.data.path, len(examples), max_length)
    train, evaluation = _parts(config, kept, tokenizer)
    dropped = len(examples) - len(kept)
    return PreparedData(
        train=dataset_of(train),
        evaluation=dataset_of(evaluation) if evaluation else None,
        loaded=_counts(config, train, evaluation, shaped.steps),
        places=Places(_places(train), _places(evaluation)),
        format=detection.format,
        format_reason=detection.reason,
        dropped_rows=dropped,
        warnings=tuple(_warnings(train, dropped, max_length)),
    )


def read_examples(
    config: RunConfig, tokenizer: ChatTokenizer
) -> tuple[Detection, Iterator[Example]]:
    """The layout of a training's file, and its examples one after the other, before the split.

    They are shaped by the recipe, but for what the model must judge. Raises as `prepare` does.
    """
    if config.data is None:
        raise ValueError("this configuration has no data section")
    recipe = config.data.recipe.without_model()
    if recipe == Recipe():
        detection, conversations = _read(config.data)
        return detection, _tokenized(conversations, tokenizer, config.training.max_length)
    data = config.data.model_copy(update={"recipe": recipe})
    detection, shaped = _shaped(data, config.training.seed, None)
    return detection, _tokenized(shaped.conversations, tokenizer, config.training.max_length)


def _read(data: DataConfig) -> tuple[Detection, Iterator[Conversation]]:
    return read_conversations(data.path, data.format, data.max_rows, columns_of(data.columns))


def _shaped(
    data: DataConfig, seed: int, perplexities: Perplexities | None
) -> tuple[Detection, Shaped]:
    detection, conversations = _read(data)
    return detection, apply(conversations, data.recipe, seed, perplexities)


def _tokenized(
    conversations: Iterable[Conversation], tokenizer: ChatTokenizer, max_length: int
) -> Iterator[Example]:
    template: ChatTemplate | None = None
    for conversation in conversations:
        if conversation.text is not None:
            pieces = split_text(conversation.text, tokenizer, max_length)
        else:
            template = template or ChatTemplate(tokenizer)
            pieces = [template.tokenize(conversation, max_length)]
        for tokens in pieces:
            yield Example(tokens, content_key(conversation), conversation.place, said(conversation))


def _parts(
    config: RunConfig, kept: list[Example], tokenizer: ChatTokenizer
) -> tuple[list[Example], list[Example]]:
    """The examples to train on and those to measure on."""
    data, training = config.data, config.training
    if data is not None and data.eval_path is not None:
        _, conversations = read_conversations(data.eval_path)
        measured = _tokenized(conversations, tokenizer, training.max_length)
        return kept, [example for example in measured if example.tokens.trained_count]
    fraction = data.eval_fraction if data is not None else 0.0
    if fraction == 0:
        return kept, []
    # Near-duplicates share the key of the first of them, and so stay on one side.
    groups = near_groups(example.said for example in kept)
    keys = [kept[first].key for first in groups.tolist()]
    parts = split(keys, fraction, training.seed)
    return [kept[i] for i in parts.train], [kept[i] for i in parts.evaluation]


def dataset_of(examples: Sequence[Example]) -> Dataset:
    """Examples as columns, the way the trainer wants them."""
    columns = {
        "input_ids": [np.asarray(e.tokens.input_ids, dtype=np.int32) for e in examples],
        "assistant_masks": [np.asarray(e.tokens.trained_mask, dtype=np.int8) for e in examples],
    }
    return Dataset.from_dict(columns, features=_FEATURES)


def _counts(
    config: RunConfig, train: list[Example], evaluation: list[Example], steps: Sequence[Step]
) -> DataLoaded:
    data = config.data
    if data is None:
        raise ValueError("this configuration has no data section")
    return DataLoaded(
        rows=len(train),
        eval_rows=len(evaluation),
        tokens=sum(len(example.tokens.input_ids) for example in train),
        trained_tokens=sum(example.tokens.trained_count for example in train),
        truncated_rows=sum(example.tokens.truncated for example in train),
        sha256=sha256_of(data.path),
        recipe_sha256=recipe_hash(data.recipe, config.training.seed),
        rows_sha256=rows_hash(example.key for example in (*train, *evaluation)),
        steps={step.name: step.rows for step in steps},
    )


def _places(examples: Sequence[Example]) -> tuple[str, ...]:
    return tuple(example.place for example in examples)


def _warnings(train: list[Example], dropped: int, max_length: int) -> Iterator[WarningRaised]:
    truncated = sum(example.tokens.truncated for example in train)
    if dropped:
        yield WarningRaised(
            f"{dropped} rows were left out: no answer is left in their first {max_length} tokens.",
            "Raise max length, or shorten what stands before the answers.",
        )
    if truncated:
        yield WarningRaised(
            f"{truncated} rows are longer than {max_length} tokens and were cut off.",
            "Raise max length where memory allows it.",
        )


def _nothing_to_train(path: Path, rows: int, max_length: int) -> BackpropError:
    return BackpropError(
        "INPUT_DATA_INVALID",
        f"{path}: none of the {rows} rows has an answer in its first {max_length} tokens.",
        hint="Raise max length, or check that the assistant's answers are not empty.",
    )
