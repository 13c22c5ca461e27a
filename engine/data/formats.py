"""The layouts that examples come in, and the one shape that we make of them.

sharegpt           {"conversations": [{"from": "human", "value": "Hi"}, …]}
messages           {"messages": [{"role": "user", "content": "Hi"}, …]}
alpaca             {"instruction": "Add", "input": "1 2", "output": "3"}
prompt_completion  {"prompt": "Hi", "completion": "Hello"}   (texts, or lists of messages)
text               {"text": "Anything."}                     (every token is trained)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.data.read import Row
from engine.errors import BackpropError

Format = Literal["sharegpt", "messages", "alpaca", "prompt_completion", "text"]
Role = Literal["system", "user", "assistant", "tool"]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "tool": "tool",
    "observation": "tool",
    "function": "tool",
}
_SURROGATE = re.compile("[\ud800-\udfff]")
_LAYOUTS = (
    "conversations (from, value), messages (role, content), instruction and output, "
    "prompt and completion, or text"
)


@dataclass(frozen=True)
class Message:
    """One turn. Only turns of the assistant can be trained on."""

    role: Role
    content: str
    trained: bool = False


@dataclass(frozen=True)
class Conversation:
    """One example: turns for the chat template, or plain `text` that is trained whole."""

    messages: tuple[Message, ...] = ()
    text: str | None = None
    place: str = ""


@dataclass(frozen=True)
class Detection:
    """The layout that was found, and what it was told from."""

    format: Format
    reason: str


def detect(rows: Sequence[Row]) -> Detection:
    """Tell the layout from the first rows; all of them must have the same.

    Raises INPUT_DATA_INVALID, naming the keys that were found.
    """
    if not rows:
        raise BackpropError("INPUT_DATA_INVALID", "There are no rows to look at.")
    first = _detect_row(rows[0])
    for row in rows[1:]:
        other = _detect_row(row)
        if other.format != first.format:
            raise _invalid(
                row,
                f"this row looks like {other.format}, but {rows[0].place} like {first.format}",
                "Put one layout into one file, or set data.format.",
            )
    return first


def to_conversation(row: Row, layout: Format) -> Conversation:
    """Read one row in the given layout. Raises INPUT_DATA_INVALID with its line."""
    if layout == "text":
        return Conversation(text=_text(row, row.data, "text"), place=row.place)
    if layout == "alpaca":
        messages = _alpaca(row)
    elif layout == "prompt_completion":
        messages = _prompt_completion(row)
    else:
        messages = _turns(row, _list(row, row.data, _turns_key(row.data, layout)))
    if not any(message.role == "assistant" for message in messages):
        raise _invalid(row, "the assistant says nothing in this row", "Each row needs an answer.")
    return Conversation(tuple(_trainable(messages)), place=row.place)


def _detect_row(row: Row) -> Detection:
    data = row.data
    for key in ("conversations", "messages"):
        turns = data.get(key)
        if isinstance(turns, list):
            first = turns[0] if turns and isinstance(turns[0], dict) else {}
            if "role" in first:
                return Detection("messages", f"{key} holds turns with role and content")
            if "from" in first or key == "conversations":
                return Detection("sharegpt", f"{key} holds turns with from and value")
    if "instruction" in data and ("output" in data or "response" in data):
        return Detection("alpaca", "there are an instruction and an output")
    if "prompt" in data and "completion" in data:
        return Detection("prompt_completion", "there are a prompt and a completion")
    if isinstance(data.get("text"), str):
        return Detection("text", "there is a text, and nothing that tells who speaks")
    raise _invalid(row, f"found the keys {', '.join(data) or '(none)'}", f"Expected {_LAYOUTS}.")


def _turns_key(data: dict[str, object], layout: Format) -> str:
    usual, other = ("messages", "conversations")
    if layout == "sharegpt":
        usual, other = other, usual
    return other if usual not in data and other in data else usual


def _alpaca(row: Row) -> list[Message]:
    instruction = _text(row, row.data, "instruction")
    given = _optional_text(row, "input")
    answer = _text(row, row.data, "output" if "output" in row.data else "response")
    system = _optional_text(row, "system")
    question = f"{instruction}\n\n{given}" if given.strip() else instruction
    before = [Message("system", system)] if system.strip() else []
    return [*before, Message("user", question), Message("assistant", answer, trained=True)]


def _prompt_completion(row: Row) -> list[Message]:
    prompt, completion = row.data.get("prompt"), row.data.get("completion")
    if isinstance(prompt, list) and isinstance(completion, list):
        before = [replace(message, trained=False) for message in _turns(row, prompt)]
        return [*before, *_turns(row, completion)]
    return [
        Message("user", _text(row, row.data, "prompt")),
        Message("assistant", _text(row, row.data, "completion"), trained=True),
    ]


def _turns(row: Row, turns: list[object]) -> list[Message]:
    if not turns:
        raise _invalid(row, "there are no turns", "Each row needs a question and an answer.")
    return [_turn(row, number, turn) for number, turn in enumerate(turns, start=1)]


def _turn(row: Row, number: int, turn: object) -> Message:
    if not isinstance(turn, dict):
        raise _invalid(row, f"turn {number} is not an object", 'Such as {"role": …, "content": …}.')
    speaker = turn.get("role", turn.get("from"))
    role = _ROLES.get(speaker.strip().lower()) if isinstance(speaker, str) else None
    if role is None:
        raise _invalid(
            row, f"turn {number} has the unknown role {speaker!r}", f"Known: {', '.join(_ROLES)}."
        )
    if turn.get("tool_calls"):
        raise _invalid(row, f"turn {number} calls tools", "Tool calls cannot be trained on yet.")
    content = _content(row, turn, "content" if "content" in turn else "value")
    return Message(role, content, trained=role == "assistant" and turn.get("weight") != 0)


def _content(row: Row, turn: dict[str, object], key: str) -> str:
    """A text, or the texts of [{"type": "text", "text": "…"}] joined."""
    content = turn.get(key)
    if not isinstance(content, list):
        return _text(row, turn, key)
    parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
    if len(parts) != len(content):
        raise _invalid(row, "a turn holds more than text", "Images and sound cannot be used yet.")
    return "".join(_text(row, part, "text") for part in parts)


def _trainable(messages: list[Message]) -> list[Message]:
    """A greeting answers nothing and an empty answer says nothing: neither is trained."""
    asked = False
    result = []
    for message in messages:
        trained = message.trained and asked and bool(message.content.strip())
        result.append(replace(message, trained=trained))
        asked = asked or message.role in ("user", "tool")
    return result


def _text(row: Row, data: dict[str, object], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        found = "is missing" if key not in data else "is not a text"
        raise _invalid(row, f"{key} {found}", f"Expected a text in {key}.")
    if _SURROGATE.search(value):
        raise _invalid(row, f"{key} holds half of a character (a lone surrogate)", "Remove it.")
    return value


def _optional_text(row: Row, key: str) -> str:
    return "" if row.data.get(key) is None else _text(row, row.data, key)


def _list(row: Row, data: dict[str, object], key: str) -> list[object]:
    value = data.get(key)
    if not isinstance(value, list):
        found = "is missing" if key not in data else "is not a list"
        raise _invalid(row, f"{key} {found}", f"Expected a list of turns in {key}.")
    return value


def _invalid(row: Row, message: str, hint: str) -> BackpropError:
    return BackpropError("INPUT_DATA_INVALID", f"{row.place}: {message}.", hint=hint)
