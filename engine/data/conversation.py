"""What examples become: conversations, answers that are compared, answers that are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class ToolCall:
    """What the assistant calls; `arguments` is the JSON text of an object."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True)
class Tool:
    """A tool that may be called; `definition` is its JSON schema as text."""

    name: str
    definition: str


@dataclass(frozen=True)
class Message:
    """One turn. Only turns of the assistant can be trained on.

    `thinking` is what was reasoned before the answer where the row keeps it apart; a thought
    within <think> marks stays in `content`. `call_id` and `name` tell which call a result is of.
    """

    role: Role
    content: str
    trained: bool = False
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    name: str = ""

    @property
    def says_something(self) -> bool:
        return bool(self.content.strip() or self.tool_calls)


@dataclass(frozen=True)
class Conversation:
    """One example: turns for the chat template, or plain `text` that is trained whole."""

    messages: tuple[Message, ...] = ()
    text: str | None = None
    place: str = ""
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True)
class Preference:
    """Two answers to the same prompt, of which one is better. The prompt may be empty."""

    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    place: str = ""


@dataclass(frozen=True)
class Judged:
    """An answer and whether people liked it (KTO)."""

    prompt: tuple[Message, ...]
    answer: tuple[Message, ...]
    label: bool
    place: str = ""


Example = Conversation | Preference | Judged
