"""Fields of a row by type, with errors that name the row's place."""

from __future__ import annotations

import json
import re

from engine.data.rows import Row
from engine.errors import BackpropError

_SURROGATE = re.compile("[\ud800-\udfff]")
_YES = {"true", "1", "yes", "good", "desirable", "chosen"}
_NO = {"false", "0", "no", "bad", "undesirable", "rejected"}


def invalid(row: Row, message: str, hint: str) -> BackpropError:
    return BackpropError("INPUT_DATA_INVALID", f"{row.place}: {message}.", hint=hint)


def text_in(row: Row, data: dict[str, object], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        found = "is missing" if key not in data else "is not a text"
        raise invalid(row, f"{key} {found}", f"Expected a text in {key}.")
    if _SURROGATE.search(value):
        raise invalid(row, f"{key} holds half of a character (a lone surrogate)", "Remove it.")
    return value


def optional_text(row: Row, data: dict[str, object], key: str) -> str:
    return "" if data.get(key) is None else text_in(row, data, key)


def list_in(row: Row, data: dict[str, object], key: str) -> list[object]:
    """A list; in tables it is the JSON text of one."""
    value = data.get(key)
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _parsed(row, key, value)
    if not isinstance(value, list):
        found = "is missing" if key not in data else "is not a list"
        raise invalid(row, f"{key} {found}", f"Expected a list of turns in {key}.")
    return value


def label_in(row: Row, data: dict[str, object], key: str) -> bool:
    """true or false; 1 or 0; in tables also words."""
    value = data.get(key)
    word = str(value).strip().lower()
    if isinstance(value, bool | int | str) and word in _YES | _NO:
        return word in _YES
    found = "is missing" if key not in data else f"is neither true nor false, but {value!r:.40}"
    raise invalid(row, f"{key} {found}", f"Expected true or false in {key}.")


def _parsed(row: Row, key: str, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(row, f"{key} is not a list in JSON: {error}", "Write it again.") from error
