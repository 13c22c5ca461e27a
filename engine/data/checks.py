"""What is wrong with a conversation that can be read: turns in an order no chat has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.data.conversation import Conversation, Example, Judged, Message, Preference
from engine.data.rows import Problem

_SPEAKERS = {"user": "the user", "assistant": "the assistant", "tool": "a tool"}


def problem_of(example: Example) -> Problem | None:
    """The first thing that is wrong, or None."""
    return next(_problems(example), None)


def _problems(example: Example) -> Iterator[Problem]:
    if isinstance(example, Preference):
        yield from _order((*example.prompt, *example.chosen))
        yield from _order((*example.prompt, *example.rejected))
    elif isinstance(example, Judged):
        yield from _order((*example.prompt, *example.answer))
    elif example.text is None:
        yield from _order(example.messages)
        yield from _sides(example)
    elif not example.text.strip():
        yield Problem("the text is empty", "Remove the row.")


def _sides(conversation: Conversation) -> Iterator[Problem]:
    messages = conversation.messages
    if not any(message.role == "user" for message in messages):
        yield Problem("the user says nothing in this row", "Each row needs a question.")
    elif not any(message.role == "user" and message.content.strip() for message in messages):
        yield Problem("what the user says is empty", "Write the question, or remove the row.")
    answers = [message for message in messages if message.role == "assistant"]
    if not any(answer.says_something for answer in answers):
        yield Problem("every answer is empty", "Write the answer, or remove the row.")
    elif not any(answer.trained for answer in answers):
        yield Problem("no answer is learned", "Answers follow a question and have no weight 0.")


def _order(messages: Sequence[Message]) -> Iterator[Problem]:
    open_calls: set[str] | None = None
    for number, message in enumerate(messages, start=1):
        before = messages[number - 2] if number > 1 else None
        if message.role == "system" and before is not None:
            yield Problem(
                f"turn {number} is a system turn in the middle", "Put it before all other turns."
            )
        if before is not None and message.role == before.role and message.role in _SPEAKERS:
            yield from _again(number, message)
        if message.role == "tool":
            yield from _result(number, message, open_calls)
        if message.tool_calls:
            open_calls = {call.id for call in message.tool_calls}
        elif message.role == "user":
            open_calls = None


def _again(number: int, message: Message) -> Iterator[Problem]:
    """Tools may answer one after the other; people and assistants take turns."""
    if message.role != "tool":
        yield Problem(
            f"turn {number} is {_SPEAKERS[message.role]}'s again",
            "User and assistant take turns: join the two turns into one.",
        )


def _result(number: int, message: Message, open_calls: set[str] | None) -> Iterator[Problem]:
    if open_calls is None:
        yield Problem(
            f"turn {number} is the result of a tool that was not called",
            "Put the assistant's call (tool_calls) before it.",
        )
    elif message.call_id and any(open_calls) and message.call_id not in open_calls:
        yield Problem(
            f"turn {number} answers the call {message.call_id!r:.40}, which was not made",
            "Give it the id of the call before it.",
        )
