"""Keys and personal data in a text that look leaked.

Shapes alone would raise many false alarms, so numbers are checked: cards by their checksum
(Luhn, ISO/IEC 7812-1), account numbers by theirs (ISO 13616, mod 97). Addresses and numbers
that are reserved for examples (RFC 2606, 555-01xx) are none. Every pattern is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engine.security.redact import KNOWN_SECRETS

Kind = Literal["key", "e-mail", "card", "account", "phone"]
KINDS: tuple[Kind, ...] = ("key", "e-mail", "card", "account", "phone")

_EMAIL = re.compile(
    r"(?<![\w.+-])([A-Za-z0-9][\w.+-]{0,63})@((?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24})(?![\w-])"
)
_EXAMPLE_DOMAIN = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|example\.(?:com|net|org|edu))$", re.IGNORECASE
)
_CARD = re.compile(r"(?<![\w.-])[3-6]\d{3}(?:[ -]?\d{2,6}){2,4}(?![\w-]|\.\d)")
_ACCOUNT = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
)
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+[1-9]\d{0,2}(?:[ .-]?\(?\d{1,4}\)?){2,5}|\(\d{3}\) ?\d{3}-\d{4})(?![\w-])"
)
_EXAMPLE_PHONE = re.compile(r"555\D?01\d\d$")
_PHONE_DIGITS = range(10, 16)
_CARD_DIGITS = range(13, 20)
_DIGIT = re.compile(r"\d")
_SEPARATORS = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True)
class Leak:
    """Something found at `start` to `end` of a text. `shown` never holds the whole of it."""

    kind: Kind
    start: int
    end: int
    shown: str


def find_leaks(text: str) -> tuple[Leak, ...]:
    """All leaks of a text in order; where two overlap, the one that begins first."""
    found = sorted(_all(text), key=lambda leak: (leak.start, -leak.end))
    kept: list[Leak] = []
    for leak in found:
        if not kept or leak.start >= kept[-1].end:
            kept.append(leak)
    return tuple(kept)


def passes_luhn(digits: str) -> bool:
    """Is the last digit the checksum of the others?

    >>> passes_luhn("79927398713"), passes_luhn("79927398710")
    (True, False)
    """
    total = 0
    for place, character in enumerate(reversed(digits)):
        digit = int(character) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def passes_mod97(account: str) -> bool:
    """Do country, checksum and number of an IBAN agree?"""
    turned = account[4:] + account[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def masked(text: str) -> str:
    """A hint at most: the first three characters of a long secret, none of a short one.

    >>> masked("sk-abcdefghij"), masked("hunter2")
    ('sk-***', '***')
    """
    return f"{text[:3]}***" if len(text) >= 12 else "***"


def _all(text: str) -> Iterator[Leak]:
    yield from _keys(text)
    if "@" in text:
        yield from _emails(text)
    yield from _cards(text)
    yield from _accounts(text)
    yield from _phones(text)


def _keys(text: str) -> Iterator[Leak]:
    for pattern in KNOWN_SECRETS:
        for match in pattern.finditer(text):
            # "sk-learn-tutorial" begins like a key; a drawn key has digits.
            if _DIGIT.search(match[0]) or "PRIVATE KEY" in match[0]:
                yield Leak("key", match.start(), match.end(), masked(match[0]))


def _emails(text: str) -> Iterator[Leak]:
    for match in _EMAIL.finditer(text):
        if not _EXAMPLE_DOMAIN.search(match[2]):
            ending = match[2].rpartition(".")[2]
            yield Leak("e-mail", match.start(), match.end(), f"{match[1][0]}***@***.{ending}")


def _cards(text: str) -> Iterator[Leak]:
    for match in _CARD.finditer(text):
        digits = _SEPARATORS.sub("", match[0])
        if len(digits) in _CARD_DIGITS and len(set(digits)) > 2 and passes_luhn(digits):
            yield Leak("card", match.start(), match.end(), f"***{digits[-4:]}")


def _accounts(text: str) -> Iterator[Leak]:
    for match in _ACCOUNT.finditer(text):
        account = _SEPARATORS.sub("", match[0])
        if 15 <= len(account) <= 34 and passes_mod97(account):
            yield Leak("account", match.start(), match.end(), f"{account[:2]}***{account[-3:]}")


def _phones(text: str) -> Iterator[Leak]:
    for match in _PHONE.finditer(text):
        digits = _SEPARATORS.sub("", match[0])
        fewest = 10 if match[0].startswith("(") else _PHONE_DIGITS.start - 1
        if fewest <= len(digits) < _PHONE_DIGITS.stop and not _EXAMPLE_PHONE.search(match[0]):
            yield Leak("phone", match.start(), match.end(), f"***{digits[-2:]}")
