"""What a conversation says, as text to measure and compare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from engine.data.conversation import Conversation, Message


def said(conversation: Conversation) -> str:
    """Its turns one after the other, without the system prompt, which many rows share."""
    if conversation.text is not None:
        return conversation.text
    return "\n".join(_texts(spoken(conversation)))


def spoken(conversation: Conversation) -> list[Message]:
    """All turns but the system's."""
    return [message for message in conversation.messages if message.role != "system"]


def everything(conversation: Conversation) -> str:
    """All of its text, the system prompt too."""
    if conversation.text is not None:
        return conversation.text
    return "\n".join(_texts(conversation.messages))


def content_key(conversation: Conversation) -> str:
    """Equal for rows that say the same, wherever they stand."""
    held = (conversation.messages, conversation.tools, conversation.text)
    return hashlib.sha256(repr(held).encode("utf-8", "surrogatepass")).hexdigest()


def _texts(messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        if message.thinking:
            yield message.thinking
        yield message.content
        for call in message.tool_calls:
            yield f"{call.name} {call.arguments}"
