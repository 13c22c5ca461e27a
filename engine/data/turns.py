"""Turns of a conversation in either dialect: role and content, or from and value."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from engine.data.conversation import Message, Role, Tool, ToolCall
from engine.data.fields import invalid, optional_text, text_in
from engine.data.rows import Row

ROLES: dict[str, Role] = {
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
    "ipython": "tool",
}
# ShareGPT's own turn for what the assistant calls.
_CALLERS = ("function_call", "tool_call")
_TAGGED_CALL = re.compile(r"^\s*<tool_call>\s*(.*?)\s*</tool_call>\s*$", re.DOTALL)
_THINKING_KEYS = ("reasoning_content", "thinking", "reasoning")


def turns_in(row: Row, turns: Sequence[object]) -> list[Message]:
    """The turns as messages; every answer is marked to be trained, except by "weight": 0."""
    if not turns:
        raise invalid(row, "there are no turns", "Each row needs a question and an answer.")
    messages: list[Message] = []
    for number, turn in enumerate(turns, start=1):
        message = _turn(row, number, turn)
        before = messages[-1] if messages else None
        if before and before.role == "assistant" and _only_calls(message):
            # ShareGPT writes what is said and each call as a turn of its own.
            calls = before.tool_calls + message.tool_calls
            messages[-1] = replace(before, tool_calls=calls)
        else:
            messages.append(message)
    return messages


def trainable(messages: Sequence[Message]) -> tuple[Message, ...]:
    """A greeting answers nothing and an empty answer says nothing: neither is trained."""
    asked = False
    result = []
    for message in messages:
        trained = message.trained and asked and message.says_something
        result.append(message if trained == message.trained else replace(message, trained=trained))
        asked = asked or message.role in ("user", "tool")
    return tuple(result)


def context(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The same turns, none of them trained."""
    return tuple(replace(message, trained=False) for message in messages)


def tools_in(row: Row) -> tuple[Tool, ...]:
    """The tools of a row: a list, or the JSON text of one."""
    found = row.data.get("tools") or row.data.get("functions")
    if isinstance(found, str):
        found = _json(row, "tools", found) if found.strip() else None
    if found is None or found == []:
        return ()
    if not isinstance(found, list):
        raise invalid(row, "tools is not a list", "Expected a list of tool definitions.")
    return tuple(_tool(row, tool) for tool in found)


def _only_calls(message: Message) -> bool:
    return bool(message.tool_calls) and not message.content


def _tool(row: Row, tool: object) -> Tool:
    inner = tool.get("function", tool) if isinstance(tool, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(name, str):
        raise invalid(
            row, "a tool has no name", 'Such as {"type": "function", "function": {"name": …}}.'
        )
    whole = tool if tool is not inner else {"type": "function", "function": inner}
    return Tool(name, json.dumps(whole, ensure_ascii=False))


def _turn(row: Row, number: int, turn: object) -> Message:
    if not isinstance(turn, dict):
        raise invalid(row, f"turn {number} is not an object", 'Such as {"role": …, "content": …}.')
    speaker = turn.get("role", turn.get("from"))
    name = speaker.strip().lower() if isinstance(speaker, str) else ""
    if name in _CALLERS:
        return _calling_turn(row, number, turn)
    role = ROLES.get(name)
    if role is None:
        known = f"Known: {', '.join([*ROLES, *_CALLERS])}."
        raise invalid(row, f"turn {number} has the unknown role {speaker!r:.60}", known)
    calls = _tool_calls(row, number, turn)
    if calls and role != "assistant":
        raise invalid(
            row, f"turn {number} calls tools, but is not the assistant's", "Mend its role."
        )
    content = "" if calls and _content_key(turn) is None else _content(row, turn)
    return Message(
        role,
        content,
        trained=role == "assistant" and turn.get("weight") != 0,
        thinking=_thinking(row, turn) if role == "assistant" else "",
        tool_calls=calls,
        call_id=optional_text(row, turn, "tool_call_id"),
        name=optional_text(row, turn, "name") if role == "tool" else "",
    )


def _content_key(turn: dict[str, object]) -> str | None:
    """The key of what is said; None where it is null or absent."""
    key = "content" if "content" in turn else "value"
    return None if turn.get(key) is None else key


def _content(row: Row, turn: dict[str, object]) -> str:
    """A text, or the texts of [{"type": "text", "text": "…"}] joined."""
    key = "content" if "content" in turn else "value"
    content = turn.get(key)
    if not isinstance(content, list):
        return text_in(row, turn, key)
    parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
    if len(parts) != len(content):
        raise invalid(row, "a turn holds more than text", "Images and sound cannot be used yet.")
    return "".join(text_in(row, part, "text") for part in parts)


def _thinking(row: Row, turn: dict[str, object]) -> str:
    return next((text for key in _THINKING_KEYS if (text := optional_text(row, turn, key))), "")


def _tool_calls(row: Row, number: int, turn: dict[str, object]) -> tuple[ToolCall, ...]:
    calls = turn.get("tool_calls")
    if not calls and isinstance(turn.get("function_call"), dict):
        calls = [turn["function_call"]]
    if not calls:
        return ()
    if not isinstance(calls, list):
        raise invalid(row, f"turn {number}: tool_calls is not a list", "Expected a list of calls.")
    return tuple(_call(row, number, call) for call in calls)


def _calling_turn(row: Row, number: int, turn: dict[str, object]) -> Message:
    """ShareGPT: {"from": "function_call", "value": "{\\"name\\": …, \\"arguments\\": …}"}."""
    value = _content(row, turn)
    tagged = _TAGGED_CALL.match(value)
    found = _json(row, f"turn {number}", tagged[1] if tagged else value)
    calls = found if isinstance(found, list) else [found]
    if not calls:
        raise invalid(row, f"turn {number} calls nothing", "Remove the turn.")
    made = tuple(_call(row, number, call) for call in calls)
    return Message("assistant", "", trained=turn.get("weight") != 0, tool_calls=made)


def _call(row: Row, number: int, call: object) -> ToolCall:
    inner = call.get("function", call) if isinstance(call, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(call, dict) or not isinstance(inner, dict) or not isinstance(name, str):
        raise invalid(
            row,
            f"turn {number} calls a tool without a name",
            'Such as {"function": {"name": "add", "arguments": {"a": 1}}}.',
        )
    arguments = inner.get("arguments", inner.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = _json(row, f"turn {number}: arguments", arguments) if arguments.strip() else {}
    if not isinstance(arguments, dict):
        raise invalid(
            row, f"turn {number}: arguments is not an object", 'Such as {"a": 1}, or its JSON text.'
        )
    return ToolCall(name, json.dumps(arguments, ensure_ascii=False), optional_text(row, call, "id"))


def _json(row: Row, what: str, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(row, f"{what} is not valid JSON", f"Mend it: {error}.") from error
