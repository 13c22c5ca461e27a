"""Conversations that were already written out in ChatML, taken apart again.

<|im_start|>user\\nHi<|im_end|>\\n<|im_start|>assistant\\nHello<|im_end|>\\n
"""

from __future__ import annotations

import re

from engine.data.conversation import Message
from engine.data.fields import invalid
from engine.data.rows import Row
from engine.data.turns import ROLES

START = "<|im_start|>"
END = "<|im_end|>"
_TURN = re.compile(r"<\|im_start\|>([^\n]*)\n(.*?)(?:<\|im_end\|>|\Z)\s*", re.DOTALL)


def looks_like_chatml(text: str) -> bool:
    return text.lstrip().startswith(START)


def chatml_turns(row: Row, text: str) -> list[Message]:
    """The turns of a text. The model's own template writes them out again, so the model may be
    one that does not speak ChatML."""
    messages: list[Message] = []
    at = len(text) - len(text.lstrip())
    while at < len(text):
        turn = _TURN.match(text, at)
        if turn is None:
            shown = text[at : at + 40]
            raise invalid(
                row, f"{shown!r} stands outside of the turns", f"Put it between {START} and {END}."
            )
        role = ROLES.get(turn[1].strip().lower())
        if role is None or START in turn[2]:
            what = f"the unknown role {turn[1]!r:.40}" if role is None else f"no {END}"
            raise invalid(
                row, f"turn {len(messages) + 1} has {what}", f"Known: {', '.join(ROLES)}."
            )
        messages.append(Message(role, turn[2], trained=role == "assistant"))
        at = turn.end()
    return messages
