"""What a text is made of: shares of letters, capitals, digits, blanks, signs and the rest."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

_LOWER, _UPPER, _DIGIT, _BLANK, _SIGN, _WIDE = range(6)


@dataclass(frozen=True)
class Characters:
    """Shares of a text's characters. `wide` are all outside ASCII; they add up to 1."""

    lower: float
    upper: float
    digits: float
    blanks: float
    signs: float
    wide: float

    @property
    def shares(self) -> tuple[float, ...]:
        return astuple(self)


def characters(text: str) -> Characters:
    """Measure a text; of an empty one all shares are 0."""
    if not text:
        return Characters(0, 0, 0, 0, 0, 0)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    counts = np.bincount(_CLASSES[np.minimum(codes, 128)], minlength=6)
    return Characters(*(counts / len(text)).tolist())


def _class_of(character: str) -> int:
    if character.islower():
        return _LOWER
    if character.isupper():
        return _UPPER
    if character.isdigit():
        return _DIGIT
    return _BLANK if character.isspace() else _SIGN


_CLASSES = np.array([*(_class_of(chr(code)) for code in range(128)), _WIDE])
