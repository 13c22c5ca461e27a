"""A text file as pieces of text, with errors that name the line and the byte."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from engine.errors import BackpropError

_PIECE_BYTES = 1 << 18
_SAVE_AS_UTF8 = "Save the file as UTF-8 text."


def decoded_pieces(path: Path) -> Iterator[str]:
    """The text of a UTF-8 file (with or without a byte-order mark) or UTF-16 file (with one).

    Raises INPUT_DATA_INVALID where the file cannot be read or decoded, or holds a NUL byte.
    """
    try:
        with path.open("rb") as file:
            encoding, offset = _encoding(file.read(3))
            file.seek(offset)
            decoder = codecs.getincrementaldecoder(encoding)("strict")
            line = 1
            while block := file.read(_PIECE_BYTES):
                text = _decode(path, decoder, block, offset, line)
                yield text
                offset += len(block)
                line += text.count("\n")
            yield _decode(path, decoder, b"", offset, line)
    except OSError as error:
        raise BackpropError(
            "INPUT_DATA_INVALID",
            f"{path} cannot be read.",
            hint="Check that the file may be read by you.",
            cause=str(error),
        ) from error


def _encoding(head: bytes) -> tuple[str, int]:
    """The encoding, and the number of bytes to skip before the text."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8", len(codecs.BOM_UTF8)
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le", len(codecs.BOM_UTF16_LE)
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be", len(codecs.BOM_UTF16_BE)
    return "utf-8", 0


def _decode(
    path: Path, decoder: codecs.IncrementalDecoder, block: bytes, offset: int, line: int
) -> str:
    """Decode the block that begins at byte `offset`; an empty block is the end."""
    pending = len(decoder.getstate()[0])
    try:
        text = decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        line += error.object.count(b"\n", 0, error.start)
        raise BackpropError(
            "INPUT_DATA_INVALID",
            f"{path}, line {line}: byte {offset - pending + error.start} "
            f"is not {error.encoding.upper()}.",
            hint=_SAVE_AS_UTF8,
            cause=error.reason,
        ) from error
    if "\0" in text:
        line += text.count("\n", 0, text.index("\0"))
        raise BackpropError(
            "INPUT_DATA_INVALID",
            f"{path}, line {line}: there is a NUL byte, so this is not text in UTF-8.",
            hint=_SAVE_AS_UTF8,
        )
    return text
