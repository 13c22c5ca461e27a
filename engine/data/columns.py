"""Columns of an unknown layout, renamed to what they are.

--columns prompt=question,answer=reply
{"question": "Hi", "reply": "Hello", "id": 7}  →  {"prompt": "Hi", "completion": "Hello"}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.config import COLUMN_ROLES
from engine.data.fields import invalid
from engine.data.rows import Row
from engine.errors import BackpropError

_KEYS = {"answer": "completion"}
_INSTRUCTION_KEYS = {"prompt": "instruction", "answer": "output"}
# What people call the columns of questions and answers, for a hint.
_LIKELY = {
    "prompt": ("question", "query", "input", "instruction", "user", "problem", "context", "source"),
    "answer": ("answer", "reply", "response", "output", "solution", "completion", "target"),
}

_LAYOUTS_IN_WORDS = (
    "conversations (from, value), messages (role, content), instruction and output, prompt and "
    "completion, chosen and rejected, prompt, completion and label, or text"
)


@dataclass(frozen=True)
class Columns:
    """Pairs of what a column is and its name in the file."""

    chosen: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.chosen)

    def __getitem__(self, role: str) -> str:
        return dict(self.chosen)[role]

    def __contains__(self, role: object) -> bool:
        return role in dict(self.chosen)


def columns_of(choices: Iterable[str]) -> Columns:
    """`("prompt=question", "answer=reply")` → Columns. Raises INPUT_VALIDATION_FAILED."""
    chosen: dict[str, str] = {}
    for choice in choices:
        role, _, column = choice.partition("=")
        role, column = role.strip(), column.strip()
        if role not in COLUMN_ROLES or not column or role in chosen:
            raise BackpropError(
                "INPUT_VALIDATION_FAILED",
                f"{choice!r} does not say what one column is.",
                hint=f"Such as prompt=question. Known: {', '.join(COLUMN_ROLES)}.",
            )
        chosen[role] = column
    return Columns(tuple(chosen.items()))


def mapped(row: Row, columns: Columns | None) -> Row:
    """The row with the columns it was told to have; the others are left out."""
    if not columns:
        return row
    keys = {**_KEYS, **(_INSTRUCTION_KEYS if "input" in columns else {})}
    missing = [column for _, column in columns.chosen if column not in row.data]
    if missing:
        found = ", ".join(list(row.data)[:20]) or "(none)"
        raise invalid(row, f"there is no column {missing[0]!r}", f"Found the columns {found}.")
    data = {keys.get(role, role): row.data[column] for role, column in columns.chosen}
    return Row(row.line, data, row.file, row.unit)


def suggestion(names: Iterable[str]) -> str:
    """`--columns prompt=question,answer=reply` where the names look like it, else an example."""
    known = list(names)
    guessed: dict[str, str] = {}
    for role, words in _LIKELY.items():
        found = (name for word in words for name in known if word in name.lower())
        name = next((name for name in found if name not in guessed.values()), None)
        if name:
            guessed[role] = name
    if len(guessed) < len(_LIKELY):
        guessed = {"prompt": "QUESTION", "answer": "REPLY"}
    return "--columns " + ",".join(f"{role}={name}" for role, name in guessed.items())


def unknown(names: list[str]) -> tuple[str, str]:
    """What to say of a row whose keys tell nothing, and what to do about it."""
    found = ", ".join(names[:20]) or "(none)"
    return (
        f"found the keys {found}",
        f"Expected {_LAYOUTS_IN_WORDS}. Or tell what the columns are: {suggestion(names)}",
    )
