"""Regular expressions that a person types, run by RE2: time is linear in the text, always."""

from __future__ import annotations

from typing import Protocol, cast

import re2

from engine.errors import BackpropError


class Pattern(Protocol):
    """What we use of a compiled expression."""

    def search(self, text: str) -> object | None: ...


def compiled(expression: str) -> Pattern:
    """Compile an expression. Raises INPUT_VALIDATION_FAILED with what is wrong in it."""
    options = re2.Options()
    options.log_errors = False
    try:
        return cast(Pattern, re2.compile(expression, options))
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"The pattern {expression!r} cannot be used: {words}.",
            hint="The syntax is that of RE2: no look-around and no back-references.",
        ) from error
