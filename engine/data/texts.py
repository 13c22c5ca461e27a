"""UTF-8 bytes as text, for the kinds of file that need it whole and clean."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.data.rows import unreadable

_SAVE_AS_UTF8 = "Save the file as UTF-8 text."


def texts_of(blocks: Iterable[bytes], path: Path) -> Iterator[str]:
    """Pieces of text; raises INPUT_DATA_INVALID with the line of the first byte that is none."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    line = offset = 1
    for block in blocks:
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            line += error.object.count(b"\n", 0, error.start)
            raise unreadable(
                f"{path}, line {line}: byte {offset - pending + error.start} is not UTF-8.",
                _SAVE_AS_UTF8,
                error.reason,
            ) from error
        if "\0" in text:
            line += text.count("\n", 0, text.index("\0"))
            raise unreadable(
                f"{path}, line {line}: there is a NUL byte, so this is not text.", _SAVE_AS_UTF8
            )
        yield text
        line += text.count("\n")
        offset += len(block)
    if decoder.getstate()[0]:
        raise unreadable(
            f"{path}, line {line}: byte {offset} is not UTF-8: the file breaks off.", _SAVE_AS_UTF8
        )
