"""Text and Markdown files as rows: pieces of a few thousand characters, cut between paragraphs.

    # One                      {"text": "# One\\n\\nFirst paragraph.\\n\\n…"}
    First paragraph.     →     {"text": "# Two\\n\\n…"}
    # Two

Put together, the pieces are the file. A file of ChatML is cut between conversations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

PIECE_CHARACTERS = 8_000
CHATML_START = "<|im_start|>"

# Better places to cut come first.
_BORDERS = (re.compile(r"\n(?=#{1,6} )"), re.compile(r"\n[ \t\r]*\n+"), re.compile(r"\n"))
_CHATML_BORDER = re.compile(
    r"<\|im_end\|>\s*(?=<\|im_start\|>system\b)"
    r"|<\|im_end\|>[ \t\r]*\n[ \t\r]*\n\s*(?=<\|im_start\|>)"
)


def prose_rows(texts: Iterable[str], limit: int) -> Iterator[tuple[int, dict[str, object]]]:
    """Pieces of the text with the line each begins on; blank ones go to the piece before."""
    waiting = ""
    line = 1
    for text in texts:
        waiting += text
        while len(waiting) > 2 * PIECE_CHARACTERS:
            end = _cut(waiting, limit)
            if not end:
                break
            yield line, {"text": waiting[:end]}
            line += waiting.count("\n", 0, end)
            waiting = waiting[end:]
    while waiting.strip():
        end = _cut(waiting, limit) if len(waiting) > PIECE_CHARACTERS or _is_chatml(waiting) else 0
        end = end or len(waiting)
        yield line, {"text": waiting[:end]}
        line += waiting.count("\n", 0, end)
        waiting = waiting[end:]


def _is_chatml(text: str) -> bool:
    return text.lstrip().startswith(CHATML_START)


def _cut(text: str, limit: int) -> int:
    """Where the first piece ends; 0 where no border is known yet."""
    if _is_chatml(text):
        border = _CHATML_BORDER.search(text)
        if border:
            return border.end()
        return limit if len(text) > limit else 0
    for border_pattern in _BORDERS:
        ends = [
            border.end()
            for border in border_pattern.finditer(text, PIECE_CHARACTERS // 2, PIECE_CHARACTERS)
        ]
        if ends:
            return ends[-1]
    return PIECE_CHARACTERS
