"""Which encoding a text file has, told from its beginning."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from charset_normalizer import from_bytes

from engine.data.rows import unreadable

SAMPLE_BYTES = 1 << 18
_SAVE_AS_UTF8 = "Save the file as UTF-8 text."
# The longer mark first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MULTIBYTE = re.compile(
    rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_LETTERS = re.compile(rb"[A-Za-z]")
_WESTERN = "cp1252"


@dataclass(frozen=True)
class Encoding:
    """A Python codec, the bytes of the mark before the text, and whether it is only a guess."""

    name: str = "utf-8"
    mark_bytes: int = 0
    assumed: bool = False


def encoding_of(head: bytes) -> Encoding:
    """Told from the byte-order mark, from valid UTF-8, else guessed.

    A file that holds characters in UTF-8 beside broken ones is a damaged UTF-8 file: its bad
    rows are told one by one rather than all its text turned into something else.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    sample = head[:SAMPLE_BYTES]
    wide = _without_mark(sample)
    if wide:
        return Encoding(wide, assumed=True)
    if _is_utf8(sample) or b"\0" in sample or _is_mostly_utf8(sample):
        return Encoding()
    return Encoding(_legacy(sample), assumed=True)


def as_utf8(blocks: Iterator[bytes], path: Path) -> tuple[Encoding, Iterator[bytes]]:
    """The encoding, and the same text in UTF-8 without a mark."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= SAMPLE_BYTES:
            break
    encoding = encoding_of(head)
    rest = chain([head[encoding.mark_bytes :]], blocks)
    if encoding.name == "utf-8":
        return encoding, rest
    return encoding, _transcoded(rest, encoding, path)


def _transcoded(blocks: Iterator[bytes], encoding: Encoding, path: Path) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding.name)("strict")
    line, offset = 1, encoding.mark_bytes
    for block in chain(blocks, [b""]):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise unreadable(
                f"{path}, after line {line}: byte {offset - pending + error.start} "
                f"is not {encoding.name.upper()}.",
                _SAVE_AS_UTF8,
                error.reason,
            ) from error
        yield text.encode("utf-8")
        line += text.count("\n")
        offset += len(block)


def _is_utf8(sample: bytes) -> bool:
    """The sample may end within a character."""
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_utf8(sample: bytes) -> bool:
    """Bytes of other encodings look like a character in UTF-8 now and then, by chance."""
    beyond = sum(map(len, _BEYOND_ASCII.findall(sample)))
    return 2 * sum(map(len, _MULTIBYTE.findall(sample))) >= beyond


def _without_mark(sample: bytes) -> str:
    """UTF-16 without a mark: in most languages every other byte is NUL."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) / 2
    if half >= 2 and odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    if half >= 2 and even > 0.4 * half and odd < 0.05 * half:
        return "utf-16-be"
    return ""


def _legacy(sample: bytes) -> str:
    """Letters with accents are few and stand among ASCII; those of other scripts in words."""
    runs = _BEYOND_ASCII.findall(sample)
    few = sum(map(len, runs)) < 0.5 * len(_LETTERS.findall(sample))
    if few and max(map(len, runs)) <= 3 and _decodes(sample, _WESTERN):
        return _WESTERN
    best = from_bytes(sample).best()
    return best.encoding if best else _WESTERN


def _decodes(sample: bytes, name: str) -> bool:
    try:
        sample.decode(name)
    except UnicodeDecodeError:
        return False
    return True
