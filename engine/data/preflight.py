"""What a training would learn from, found before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from engine.config import RunConfig
from engine.data.inspected import Finding, Preflight
from engine.data.prepare import Example, read_examples
from engine.data.template import ChatTokenizer
from engine.settings import ChecksConfig

PLACES_NAMED = 10


def preflight(config: RunConfig, tokenizer: ChatTokenizer, checks: ChecksConfig) -> Preflight:
    """Tokenise all rows where they are few, else the first ones, as the trainer will.

    Raises as `prepare` does.
    """
    detection, found = read_examples(config, tokenizer)
    examples = list(islice(found, checks.sample_rows))
    is_sample = len(examples) == checks.sample_rows and next(found, None) is not None
    kept = [example for example in examples if example.tokens.trained_count]
    cut = [example for example in examples if example.tokens.truncated]
    looked_at = Preflight(
        rows=len(kept),
        tokens=sum(len(example.tokens.input_ids) for example in kept),
        trained_tokens=sum(example.tokens.trained_count for example in kept),
        longest=max((_whole_length(example) for example in examples), default=0),
        truncated_rows=len(cut),
        truncated_places=tuple(example.place for example in cut[:PLACES_NAMED]),
        fitting_length=max((_whole_length(example) for example in cut), default=0),
        left_out_rows=len(examples) - len(kept),
        is_sample=is_sample,
        format=detection.format,
    )
    return _judged(looked_at, len(examples), config.training.max_length, checks)


def _judged(found: Preflight, rows: int, max_length: int, checks: ChecksConfig) -> Preflight:
    if not found.rows:
        return replace(found, problems=(_nothing_trained(rows, max_length),))
    return replace(found, warnings=tuple(_warnings(found, rows, max_length, checks)))


def _warnings(
    found: Preflight, rows: int, max_length: int, checks: ChecksConfig
) -> Iterator[Finding]:
    share = found.truncated_rows / max(1, rows)
    if share > checks.max_truncated_share:
        yield Finding(
            "TRUNCATED",
            f"{found.truncated_rows:,} of {rows:,} rows ({share:.0%}) are longer than "
            f"{max_length:,} tokens and will be cut off: {_places(found)}.",
            f"All of them fit with max length {found.fitting_length:,}, if memory allows.",
        )
    if found.left_out_rows:
        yield Finding(
            "LEFT_OUT",
            f"{found.left_out_rows:,} of {rows:,} rows will be left out: no answer is left in "
            f"their first {max_length:,} tokens.",
            "Raise max length, or shorten what stands before the answers.",
        )


def _places(found: Preflight) -> str:
    more = found.truncated_rows - len(found.truncated_places)
    named = ", ".join(found.truncated_places)
    return f"{named} and {more:,} more" if more else named


def _nothing_trained(rows: int, max_length: int) -> Finding:
    return Finding(
        "INPUT_DATA_INVALID",
        f"No token would be trained: none of the {rows:,} rows has an answer in its first "
        f"{max_length:,} tokens.",
        "Raise max length, or check that the assistant's answers are not empty.",
    )


def _whole_length(example: Example) -> int:
    return len(example.tokens.input_ids) + len(example.tokens.cut_ids)
