"""What a look at the data found: the values that go from the worker to every door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TokenState = Literal["trained", "masked", "truncated", "padding", "boundary"]


@dataclass(frozen=True)
class XrayToken:
    """One token of a batch: its number in the vocabulary, its text, and what happens to it.

    trained    has a loss: the model learns to write it
    masked     context: read, but not learned
    truncated  beyond the longest allowed length: thrown away
    padding    fills a shorter row of the batch up
    boundary   the first token of a row that was joined to the one before it
    """

    id: int
    text: str
    state: TokenState


@dataclass(frozen=True)
class XrayCounts:
    """Tokens by their state."""

    trained: int = 0
    masked: int = 0
    truncated: int = 0
    padding: int = 0
    boundary: int = 0

    @property
    def total(self) -> int:
        return self.trained + self.masked + self.truncated + self.padding + self.boundary


@dataclass(frozen=True)
class XrayRow:
    """One example as the trainer sees it. `batch` counts from 0; its rows are joined into one.

    `left_out` tells that nothing of it is trained, so that the trainer never gets it.
    """

    place: str
    batch: int
    tokens: tuple[XrayToken, ...]
    counts: XrayCounts
    left_out: bool = False


@dataclass(frozen=True)
class Xray:
    """Examples of a file under the template and tokenizer of a model."""

    format: str
    format_reason: str
    rows: tuple[XrayRow, ...]


@dataclass(frozen=True)
class Finding:
    """Something a person should know before a training starts."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Preflight:
    """What a training would learn from. `problems` keep it from starting, `warnings` do not.

    `is_sample` tells that only the first rows were looked at. `fitting_length` is the max
    length, in tokens, at which nothing would be cut off.
    """

    rows: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    longest: int = 0
    truncated_rows: int = 0
    truncated_places: tuple[str, ...] = ()
    fitting_length: int = 0
    left_out_rows: int = 0
    is_sample: bool = False
    format: str = ""
    problems: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.problems

    @property
    def trained_share(self) -> float:
        return self.trained_tokens / self.tokens if self.tokens else 0.0

    @property
    def words(self) -> str:
        """`1,204 examples, 312,000 tokens, 41 % trained`."""
        first = "the first " if self.is_sample else ""
        trained = f"{self.trained_share * 100:.0f} % trained"
        return f"{first}{self.rows:,} examples, {self.tokens:,} tokens, {trained}"

    @property
    def truncated_share(self) -> float:
        return self.truncated_rows / self.rows if self.rows else 0.0
