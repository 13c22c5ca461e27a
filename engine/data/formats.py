"""The layouts that examples come in, and the typed forms that we make of them.

sharegpt           {"conversations": [{"from": "human", "value": "Hi"}, …]}
messages           {"messages": [{"role": "user", "content": "Hi"}, …], "tools": […]}
alpaca             {"instruction": "Add", "input": "1 2", "output": "3"}
chatml             {"text": "<|im_start|>user\\nHi<|im_end|>\\n…"}
prompt_completion  {"prompt": "Hi", "completion": "Hello"}   (texts, or lists of messages)
text               {"text": "Anything."}                     (every token is trained)
preference         {"prompt": "Hi", "chosen": "Hello", "rejected": "Go away"}
kto                {"prompt": "Hi", "completion": "Hello", "label": true}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from engine.config import Format
from engine.data.chatml import chatml_turns
from engine.data.columns import Columns, columns_of, mapped, unknown
from engine.data.conversation import (
    Conversation,
    Example,
    Judged,
    Message,
    Preference,
    Role,
    Tool,
    ToolCall,
)
from engine.data.fields import invalid, label_in, list_in, optional_text, text_in
from engine.data.layouts import Guess, layout_of
from engine.data.rows import Row, unreadable
from engine.data.turns import context, tools_in, trainable, turns_in

__all__ = [
    "Columns",
    "Conversation",
    "Detection",
    "Example",
    "Format",
    "Judged",
    "Message",
    "Preference",
    "Role",
    "Tool",
    "ToolCall",
    "columns_of",
    "detect",
    "to_conversation",
    "to_example",
]

_NEEDS_ANSWER = "Each row needs an answer."


@dataclass(frozen=True)
class Detection:
    """The layout that was found, what it was told from, and how sure that is (0 to 1)."""

    format: Format
    reason: str
    confidence: float = 1.0


def detect(rows: Sequence[Row], columns: Columns | None = None) -> Detection:
    """Tell the layout from the first rows; all of them must have the same.

    Raises INPUT_DATA_INVALID, naming the keys that were found, or the rows that differ.
    """
    if not rows:
        raise unreadable("There are no rows to look at.", "Put one example on each line.")
    guesses = [_guess(row, columns) for row in rows]
    first = guesses[0]
    differing = [
        (row, guess)
        for row, guess in zip(rows, guesses, strict=True)
        if guess.format != first.format
    ]
    if differing:
        raise _mixed(rows, guesses, differing)
    surest = min(guesses, key=lambda guess: guess.confidence)
    return Detection(first.format, first.reason, surest.confidence)


def to_example(row: Row, layout: Format, columns: Columns | None = None) -> Example:
    """Read one row in the given layout. Raises INPUT_DATA_INVALID with its place."""
    row = mapped(row, columns)
    if layout == "preference":
        return _preference(row)
    if layout == "kto":
        return _judged(row)
    return _conversation(row, layout)


def to_conversation(row: Row, layout: Format, columns: Columns | None = None) -> Conversation:
    """As `to_example`, for the layouts that are conversations or text.

    Raises INPUT_DATA_INVALID for preference and kto: nothing trains on those yet.
    """
    example = to_example(row, layout, columns)
    if not isinstance(example, Conversation):
        raise unreadable(
            f"{row.place}: rows of the layout {layout} compare or judge answers; sft, which "
            "learns answers, cannot train on them.",
            "Give rows with one answer each (messages, or prompt and completion).",
        )
    return example


def _guess(row: Row, columns: Columns | None) -> Guess:
    guess = layout_of(mapped(row, columns).data)
    if guess is None:
        raise invalid(row, *unknown(list(row.data)))
    return guess


def _mixed(
    rows: Sequence[Row], guesses: Sequence[Guess], differing: Sequence[tuple[Row, Guess]]
) -> Exception:
    row, guess = differing[0]
    counts = Counter(guess.format for guess in guesses)
    mix = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    places = ", ".join(str(row.line) for row, _ in differing[:10])
    return invalid(
        row,
        f"this row looks like {guess.format}, but {rows[0].place} like {guesses[0].format} "
        f"(of the first {len(rows)} rows: {mix}; others at {row.unit} {places})",
        "Put one layout into one file, or set data.format.",
    )


def _conversation(row: Row, layout: Format) -> Conversation:
    if layout == "text":
        return Conversation(text=text_in(row, row.data, "text"), place=row.place)
    if layout == "alpaca":
        messages = _alpaca(row)
    elif layout == "chatml":
        messages = chatml_turns(row, text_in(row, row.data, "text"))
    elif layout == "prompt_completion":
        messages = _prompt_completion(row)
    else:
        messages = _listed_turns(row, layout)
    if not any(message.role == "assistant" for message in messages):
        raise invalid(row, "the assistant says nothing in this row", _NEEDS_ANSWER)
    return Conversation(trainable(messages), place=row.place, tools=tools_in(row))


def _listed_turns(row: Row, layout: Format) -> list[Message]:
    messages = turns_in(row, list_in(row, row.data, _turns_key(row.data, layout)))
    system = row.data.get("system")
    if isinstance(system, str) and system.strip() and messages[0].role != "system":
        return [Message("system", text_in(row, row.data, "system")), *messages]
    return messages


def _turns_key(data: dict[str, object], layout: Format) -> str:
    usual, other = ("messages", "conversations")
    if layout == "sharegpt":
        usual, other = other, usual
    return other if usual not in data and other in data else usual


def _alpaca(row: Row) -> list[Message]:
    instruction = text_in(row, row.data, "instruction")
    given = optional_text(row, row.data, "input")
    answer = text_in(row, row.data, "output" if "output" in row.data else "response")
    question = f"{instruction}\n\n{given}" if given.strip() else instruction
    return [*_system(row), Message("user", question), _answer(row, answer)]


def _system(row: Row) -> list[Message]:
    system = optional_text(row, row.data, "system")
    return [Message("system", system)] if system.strip() else []


def _answer(row: Row, text: str) -> Message:
    return Message(
        "assistant", text, trained=True, thinking=optional_text(row, row.data, "thinking")
    )


def _prompt_completion(row: Row) -> list[Message]:
    prompt, completion = _prompt(row), row.data.get("completion")
    if _is_turns(completion):
        return [*prompt, *turns_in(row, list_in(row, row.data, "completion"))]
    return [*prompt, _answer(row, text_in(row, row.data, "completion"))]


def _prompt(row: Row) -> tuple[Message, ...]:
    """What comes before the answer: a text, or turns."""
    if _is_turns(row.data.get("prompt")):
        turns = list_in(row, row.data, "prompt")
        return (*_system(row), *context(turns_in(row, turns)))
    return (*_system(row), Message("user", text_in(row, row.data, "prompt")))


def _is_turns(value: object) -> bool:
    return isinstance(value, list) or (
        isinstance(value, str) and value.lstrip().startswith('[{"') and value.rstrip()[-1:] == "]"
    )


def _judged(row: Row) -> Judged:
    prompt = _prompt(row)
    answer = _reply(row, "completion")
    return Judged(prompt, answer, label_in(row, row.data, "label"), row.place)


def _preference(row: Row) -> Preference:
    """With a prompt, or with whole conversations that begin alike (TRL's implicit prompt)."""
    chosen, rejected = _reply(row, "chosen"), _reply(row, "rejected")
    given = row.data.get("prompt", row.data.get("question"))
    prompt: tuple[Message, ...] = ()
    if given is not None:
        key = "prompt" if "prompt" in row.data else "question"
        prompt = _prompt(Row(row.line, {**row.data, "prompt": row.data[key]}, row.file, row.unit))
    common = len(
        list(takewhile(lambda pair: pair[0] == pair[1], zip(chosen, rejected, strict=False)))
    )
    shared = context(chosen[:common])
    if shared and not _repeats(shared, prompt):
        prompt = (*prompt, *shared)
    chosen, rejected = chosen[common:], rejected[common:]
    if not chosen or not rejected or chosen == rejected:
        raise invalid(row, "chosen and rejected are the same", "Give two different answers.")
    return Preference(prompt, chosen, rejected, row.place)


def _repeats(shared: tuple[Message, ...], prompt: tuple[Message, ...]) -> bool:
    """Many sets give the prompt by itself and again in both answers."""
    said = [message.content for message in prompt if message.role != "system"]
    return said == [message.content for message in shared if message.role != "system"]


def _reply(row: Row, key: str) -> tuple[Message, ...]:
    """An answer: a text, one message, or turns that end with the assistant's."""
    value = row.data.get(key)
    if isinstance(value, dict):
        messages = turns_in(row, [value])
    elif _is_turns(value):
        messages = turns_in(row, list_in(row, row.data, key))
    else:
        messages = [Message("assistant", text_in(row, row.data, key), trained=True)]
    if messages[-1].role != "assistant" or not messages[-1].says_something:
        raise invalid(row, f"{key} does not end with an answer of the assistant", _NEEDS_ANSWER)
    return tuple(messages)
