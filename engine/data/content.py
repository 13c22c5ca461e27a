"""What a conversation says, as text to measure and compare."""

from __future__ import annotations

import hashlib

from engine.data.formats import Conversation, Message


def said(conversation: Conversation) -> str:
    """Its turns one after the other, without the system prompt, which many rows share."""
    if conversation.text is not None:
        return conversation.text
    return "\n".join(message.content for message in spoken(conversation))


def spoken(conversation: Conversation) -> list[Message]:
    """All turns but the system's."""
    return [message for message in conversation.messages if message.role != "system"]


def everything(conversation: Conversation) -> str:
    """All of its text, the system prompt too."""
    if conversation.text is not None:
        return conversation.text
    return "\n".join(message.content for message in conversation.messages)


def content_key(conversation: Conversation) -> str:
    """Equal for rows that say the same, wherever they stand."""
    turns = [(message.role, message.content) for message in conversation.messages]
    return hashlib.sha256(repr((turns, conversation.text)).encode("utf-8")).hexdigest()
