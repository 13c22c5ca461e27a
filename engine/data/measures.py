"""What is noted of every row while a file is read once."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.data.characters import Characters, characters
from engine.data.content import content_key, everything, said
from engine.data.formats import Conversation
from engine.data.groups import exact_groups
from engine.data.languages import language_of
from engine.data.secrets import KINDS, find_leaks
from engine.data.template import ChatTokenizer
from engine.data.token_counts import TokenCounter

SHOWN = 10
LANGUAGE_ROWS = 20_000
"""The languages of so many rows are told, the first ones of the file."""


@dataclass(frozen=True)
class Found:
    """Rows with one kind of finding; `examples` are places, or places and what was seen."""

    kind: str
    rows: int
    examples: tuple[str, ...]


@dataclass
class _Finding:
    rows: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str) -> None:
        self.rows += 1
        if len(self.examples) < SHOWN:
            self.examples.append(example)

    def found(self, kind: str) -> Found:
        return Found(kind, self.rows, tuple(self.examples))


class Measures:
    """Lengths, languages, keys, problems and leaks of the rows that pass by."""

    def __init__(self, tokenizer: ChatTokenizer | None) -> None:
        self._counter = TokenCounter(tokenizer) if tokenizer else None
        self.places: list[str] = []
        self.turns: array[int] = array("q")
        self.lengths: array[int] = array("q")
        self.tokens: array[int] = array("q")
        self.made_of: list[Characters] = []
        self._keys: array[int] = array("Q")
        self._languages: Counter[str] = Counter()
        self._problems: dict[str, _Finding] = {}
        self._leaks: dict[str, _Finding] = {kind: _Finding() for kind in KINDS}

    def watch(self, conversations: Iterable[Conversation]) -> Iterator[str]:
        """Note each conversation and hand on what is said in it."""
        for conversation in conversations:
            yield self._note(conversation)

    @property
    def language_rows(self) -> int:
        return min(len(self.places), LANGUAGE_ROWS)

    def languages(self) -> dict[str, int]:
        """Rows by language, the most frequent first."""
        return dict(self._languages.most_common())

    def exact_groups(self) -> npt.NDArray[np.int64]:
        return exact_groups(np.asarray(self._keys, np.uint64))

    def problems(self) -> tuple[Found, ...]:
        return tuple(finding.found(kind) for kind, finding in sorted(self._problems.items()))

    def leaks(self) -> tuple[Found, ...]:
        return tuple(found.found(kind) for kind, found in self._leaks.items() if found.rows)

    def _note(self, conversation: Conversation) -> str:
        text, whole = said(conversation), everything(conversation)
        if len(self.places) < LANGUAGE_ROWS:
            self._languages[language_of(text)] += 1
        self.places.append(conversation.place)
        self.turns.append(max(1, len(conversation.messages)))
        self.lengths.append(len(whole))
        self.made_of.append(characters(text))
        self._keys.append(int(content_key(conversation)[:16], 16))
        for problem in problems_of(conversation):
            self._problem(problem, conversation)
        self._note_leaks(whole, conversation.place)
        if self._counter is not None:
            self._note_tokens(conversation, self._counter)
        return text

    def _note_leaks(self, text: str, place: str) -> None:
        for kind, shown in {leak.kind: leak.shown for leak in find_leaks(text)}.items():
            self._leaks[kind].add(f"{place}: {shown}")

    def _note_tokens(self, conversation: Conversation, counter: TokenCounter) -> None:
        count = counter.count(conversation)
        if count is None:
            self._problem("refused by the model's chat template", conversation)
        self.tokens.append(count or 0)

    def _problem(self, kind: str, conversation: Conversation) -> None:
        self._problems.setdefault(kind, _Finding()).add(conversation.place)


def problems_of(conversation: Conversation) -> Iterator[str]:
    """What makes a row useless for learning to answer."""
    if conversation.text is not None:
        if not conversation.text.strip():
            yield "empty text"
        return
    if not any(message.role in ("user", "tool") for message in conversation.messages):
        yield "nobody asks"
    if any(m.role == "user" and not m.content.strip() for m in conversation.messages):
        yield "empty question"
    if any(m.role == "assistant" and not m.says_something for m in conversation.messages):
        yield "empty answer"
