"""Takes secrets out of text before it reaches a screen, a log or a bug report.

Every pattern is linear in the length of the text: what stands before a secret is matched with
a fixed-width look-behind or a literal, never with an open-ended run. What surrounds a secret
stays, so that the sentence can still be read.
"""

from __future__ import annotations

import io
import re
from typing import TextIO

MASK = "***"

# Tokens that can be told by their beginning.
_TOKENS: tuple[tuple[str, str], ...] = (
    (
        r"(?<![A-Za-z0-9])hf_(?!transfer\b)"
        r"(?:[A-Za-z0-9]{20,}|[A-Za-z0-9]{6,}(?![A-Za-z0-9_]))",
        f"hf_{MASK}",
    ),
    (r"(?<![A-Za-z0-9])(sk-)[A-Za-z0-9_-]{8,}", rf"\1{MASK}"),
    (r"(?<![A-Za-z0-9])([rs]k_(?:live|test)_)[A-Za-z0-9]{6,}", rf"\1{MASK}"),
    (r"(?<![A-Za-z0-9])(github_pat_)[A-Za-z0-9_]{6,}", rf"\1{MASK}"),
    (r"(?<![A-Za-z0-9])(gh[pousr]_)[A-Za-z0-9]{6,}", rf"\1{MASK}"),
    (r"(?<![A-Za-z0-9])(glpat-|nvapi-|pypi-|xapp-)[A-Za-z0-9_-]{8,}", rf"\1{MASK}"),
    (r"(?<![A-Za-z0-9])(npm_|gsk_|r8_)[A-Za-z0-9]{16,}", rf"\1{MASK}"),
    (r"(?<![A-Za-z0-9])(xox[a-z]-)[A-Za-z0-9-]{6,}", rf"\1{MASK}"),
    (r"(?<![A-Za-z0-9])(AIza)[A-Za-z0-9_-]{20,}", rf"\1{MASK}"),
    (r"(?<![A-Za-z0-9])(A(?:KIA|SIA|GPA|IDA|ROA|BIA|CCA))[A-Z0-9]{12,}", rf"\1{MASK}"),
    (r"(?<![A-Za-z0-9])eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*", MASK),
)

# A private key in PEM form, also one that was cut off.
_PRIVATE_KEY = r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[\s\S]*?(-----END [A-Z ]{0,40}-----|\Z)"

# Words of the field that end in "token" and are no secret.
_VOCABULARY = "".join(
    f"(?<!{word}_)"
    for word in ("eos", "bos", "pad", "unk", "cls", "sep", "mask", "image", "audio", "special")
)
_SECRET_NAME = (
    rf"(?:{_VOCABULARY}token|passwords?|passwd|passphrase|secrets?|api[_-]?key|"
    r"access[_-]?key(?:[_-]?id)?|secret[_-]?key|private[_-]?key|credentials?)"
)
_SECRET_WORD = r"(?:pass(?:word|wd|phrase)|secret|api[_-]?key)"  # noqa: S105 - a pattern

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (_PRIVATE_KEY, rf"\1{MASK}\2"),
        # Headers: Authorization: <scheme> <anything>
        (
            r"(?i)(authorization[\"']?\s{0,8}[:=]\s{0,8}[\"']?(?:[a-z]{3,12}\s{1,8})?)[^\s\"',]+",
            rf"\1{MASK}",
        ),
        # Bearer and basic without their header. "bearer token" and "basic training" are prose.
        (
            r"(?i)\b(bearer\s{1,8})(?!(?:tokens?|auth\w{0,12}|schemes?|headers?)\b)"
            r"[a-z0-9._~+/=-]{4,}",
            rf"\1{MASK}",
        ),
        (
            r"(?<![A-Za-z0-9])([Bb][Aa][Ss][Ii][Cc]\s{1,8})"
            r"(?=[A-Za-z0-9+/]{0,100}[A-Za-z0-9+/][A-Z0-9+/=])[A-Za-z0-9+/_-]{5,}={0,2}",
            rf"\1{MASK}",
        ),
        # URLs with a user and a password, or with a token in the user's place.
        (r"(?<=://)([^\s/?#:@]*:)[^\s/?#]+@", rf"\1{MASK}@"),
        (r"(?<=://)[^\s/?#:@]+@", f"{MASK}@"),
        *_TOKENS,
        # Names with a value: AWS_X=…, "token": "…", password=…, --token …
        (
            r"(?i)((?<![a-z0-9])aws_[a-z0-9_]{1,60}[\"']?\s{0,8}[=:]\s{0,8})"
            r"(?:\"[^\"\n]*\"?|'[^'\n]*'?|[^\s\"',;]+)",
            rf"\1{MASK}",
        ),
        (
            rf"(?i)({_SECRET_NAME}\"\s{{0,8}}:\s{{0,8}}\")(?:\\.|[^\"\\\n])+",
            rf"\1{MASK}",
        ),
        (rf"(?i)({_SECRET_NAME}'\s{{0,8}}:\s{{0,8}}')(?:\\.|[^'\\\n])+", rf"\1{MASK}"),
        (
            rf"(?i)({_SECRET_NAME}\s{{0,8}}=\s{{0,8}}|(?<=-){_SECRET_NAME}\s{{1,8}}(?!-)|"
            rf"{_SECRET_WORD}:\s{{0,8}})"
            r"(?:\"[^\"\n]*\"?|'[^'\n]*'?|[^\s\"'&,;]+)",
            rf"\1{MASK}",
        ),
    )
)

KNOWN_SECRETS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern) for pattern in (_PRIVATE_KEY, *(pattern for pattern, _ in _TOKENS))
)
"""What is a secret by its shape alone, whatever stands around it."""


def redact(text: str) -> str:
    """`text` with every secret replaced by `***`; its name or its first letters stay.

    Authorization: Bearer abc.def   →  Authorization: Bearer ***
    "token": "abc"                  →  "token": "***"
    https://me:pass@example.org/x   →  https://me:***@example.org/x
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


class RedactingStream(io.TextIOBase):
    """A text stream that redacts what goes through it.

    Text is held back until its line ends or `flush` is called, because a secret may arrive
    in pieces.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._held = ""

    def write(self, text: str) -> int:
        whole, newline, rest = (self._held + text).rpartition("\n")
        self._held = rest
        if newline:
            self._stream.write(redact(whole) + newline)
        return len(text)

    def flush(self) -> None:
        if self._held:
            self._stream.write(redact(self._held))
            self._held = ""
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override] # io declares a plain attribute
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._stream.errors
