"""From the run's configuration to the examples that are trained on and measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
from datasets import Dataset, Features, List, Value

from engine.config import DataFormat, RunConfig
from engine.data.formats import Conversation, Detection, Format, detect, to_conversation
from engine.data.read import read_rows
from engine.data.split import split
from engine.data.template import ChatTemplate, ChatTokenizer, Tokens, split_text
from engine.errors import BackpropError
from engine.files import sha256_of
from engine.runs.events import DataLoaded, WarningRaised

ROWS_TO_DETECT_FROM = 20
_FEATURES = Features({"input_ids": List(Value("int32")), "assistant_masks": List(Value("int8"))})


@dataclass(frozen=True)
class Example:
    """A tokenised row, the hash of what it says, and where it stands in the file."""

    tokens: Tokens
    key: str
    place: str = ""


@dataclass(frozen=True)
class PreparedData:
    """Examples as datasets with the columns `input_ids` and `assistant_masks`.

    `evaluation` is None where nothing is kept back. `dropped_rows` had nothing left to train on.
    """

    train: Dataset
    evaluation: Dataset | None
    loaded: DataLoaded
    format: Format
    format_reason: str
    dropped_rows: int
    warnings: tuple[WarningRaised, ...]


def prepare(config: RunConfig, tokenizer: ChatTokenizer) -> PreparedData:
    """Read, tokenise and split the data of a training.

    Raises INPUT_DATA_INVALID (with file and line) and INPUT_TEMPLATE_UNUSABLE.
    """
    if config.data is None:
        raise ValueError("this configuration has no data section")
    max_length = config.training.max_length
    detection, found = read_examples(config, tokenizer)
    examples = list(found)
    kept = [example for example in examples if example.tokens.trained_count]
    if not kept:
        raise _nothing_to_train(config.data.path, len(examples), max_length)
    train, evaluation = _parts(config, kept, tokenizer)
    dropped = len(examples) - len(kept)
    return PreparedData(
        train=_dataset(train),
        evaluation=_dataset(evaluation) if evaluation else None,
        loaded=_counts(config.data.path, train, evaluation),
        format=detection.format,
        format_reason=detection.reason,
        dropped_rows=dropped,
        warnings=tuple(_warnings(train, dropped, max_length)),
    )


def read_examples(
    config: RunConfig, tokenizer: ChatTokenizer
) -> tuple[Detection, Iterator[Example]]:
    """The layout of a training's file, and its examples one after the other, before the split.

    Raises as `prepare` does.
    """
    if config.data is None:
        raise ValueError("this configuration has no data section")
    detection, conversations = read_conversations(
        config.data.path, config.data.format, config.data.max_rows
    )
    return detection, _tokenized(conversations, tokenizer, config.training.max_length)


def read_conversations(
    path: Path, layout: DataFormat = "auto", max_rows: int | None = None
) -> tuple[Detection, Iterator[Conversation]]:
    """The layout of a file, and its conversations one after the other."""
    rows = islice(read_rows(path), max_rows)
    first = list(islice(rows, ROWS_TO_DETECT_FROM))
    chosen = detect(first) if layout == "auto" else Detection(layout, "it was set so")
    return chosen, (to_conversation(row, chosen.format) for row in chain(first, rows))


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
            yield Example(tokens, _key(conversation), conversation.place)


def _key(conversation: Conversation) -> str:
    """Equal for rows that say the same, wherever they stand."""
    turns = [(message.role, message.content) for message in conversation.messages]
    return hashlib.sha256(repr((turns, conversation.text)).encode("utf-8")).hexdigest()


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
    parts = split([example.key for example in kept], fraction, training.seed)
    return [kept[i] for i in parts.train], [kept[i] for i in parts.evaluation]


def _dataset(examples: Sequence[Example]) -> Dataset:
    columns = {
        "input_ids": [np.asarray(e.tokens.input_ids, dtype=np.int32) for e in examples],
        "assistant_masks": [np.asarray(e.tokens.trained_mask, dtype=np.int8) for e in examples],
    }
    return Dataset.from_dict(columns, features=_FEATURES)


def _counts(path: Path, train: list[Example], evaluation: list[Example]) -> DataLoaded:
    return DataLoaded(
        rows=len(train),
        eval_rows=len(evaluation),
        tokens=sum(len(example.tokens.input_ids) for example in train),
        trained_tokens=sum(example.tokens.trained_count for example in train),
        truncated_rows=sum(example.tokens.truncated for example in train),
        sha256=sha256_of(path),
    )


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
