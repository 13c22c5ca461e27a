"""Which layout a row has, told from its keys: cheap enough to ask of every row of a file."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import Format
from engine.data.chatml import looks_like_chatml


@dataclass(frozen=True)
class Guess:
    """A layout, what it was told from, and how sure that is (0 to 1)."""

    format: Format
    reason: str
    confidence: float


PREFERENCE = Guess("preference", "there are a chosen and a rejected answer", 0.99)
KTO = Guess("kto", "there are a prompt, a completion and a label", 0.97)
ALPACA = Guess("alpaca", "there are an instruction and an output", 0.95)
PAIR = Guess("prompt_completion", "there are a prompt and a completion", 0.95)
CHATML = Guess("chatml", "the text begins with <|im_start|>", 0.97)
TEXT = Guess("text", "there is a text, and nothing that tells who speaks", 0.7)
SHAREGPT = Guess("sharegpt", "conversations holds turns with from and value", 0.99)
SHAREGPT_ELSEWHERE = Guess("sharegpt", "messages holds turns with from and value", 0.95)
MESSAGES = Guess("messages", "messages holds turns with role and content", 0.99)
MESSAGES_ELSEWHERE = Guess("messages", "conversations holds turns with role and content", 0.95)
EMPTY_SHAREGPT = Guess("sharegpt", "there are conversations, but no turns to look at", 0.5)
EMPTY_MESSAGES = Guess("messages", "there are messages, but no turns to look at", 0.5)


def layout_of(data: dict[str, object]) -> Guess | None:
    """The layout of one row; None where nothing is known about its keys."""
    if "conversations" in data and (guess := _of_turns(data["conversations"], True)):
        return guess
    if "messages" in data and (guess := _of_turns(data["messages"], False)):
        return guess
    if "chosen" in data and "rejected" in data:
        return PREFERENCE
    if "prompt" in data and "completion" in data:
        return KTO if "label" in data else PAIR
    if "instruction" in data and ("output" in data or "response" in data):
        return ALPACA
    text = data.get("text")
    if isinstance(text, str):
        return CHATML if looks_like_chatml(text) else TEXT
    return None


def _of_turns(turns: object, conversations: bool) -> Guess | None:
    if isinstance(turns, str):
        # A table holds them as JSON text.
        if not turns.lstrip().startswith("["):
            return None
        return _dialect('"role"' in turns, '"from"' in turns, conversations)
    if not isinstance(turns, list):
        return None
    first = turns[0] if turns else None
    if not isinstance(first, dict):
        return EMPTY_SHAREGPT if conversations else EMPTY_MESSAGES
    return _dialect("role" in first, "from" in first, conversations)


def _dialect(has_role: bool, has_from: bool, conversations: bool) -> Guess:
    if has_role:
        return MESSAGES_ELSEWHERE if conversations else MESSAGES
    if has_from:
        return SHAREGPT if conversations else SHAREGPT_ELSEWHERE
    return EMPTY_SHAREGPT if conversations else EMPTY_MESSAGES
