"""The bytes of a file in blocks: unpacked, within limits, and unchanged while they are read."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from engine.data.limits import Limits
from engine.data.rows import unreadable
from engine.data.sources import Source
from engine.errors import BackpropError

# Small enough to stay in the processor's cache while its lines are parsed.
BLOCK_BYTES = 1 << 17
# 2 KB of a zstd bomb unpack to at most 64 MB at once.
_PACKED_BYTES = 1 << 11
_WINDOW_BYTES = 1 << 27
# Small files may be packed very well; a bomb is told once it grows past this.
_RATIO_MATTERS_FROM_BYTES = 1 << 26

Stamp = tuple[int, int, int]


def blocks_of(source: Source, limits: Limits) -> Iterator[bytes]:
    """The unpacked content. Raises INPUT_DATA_INVALID where it cannot be had whole."""
    path = source.path
    try:
        with path.open("rb") as file:
            before = stamp_of(file.fileno())
            if source.packing:
                yield from _within(limits, path, before[0], _unpacked(file, source))
            else:
                while block := file.read(BLOCK_BYTES):
                    yield block
            check_unchanged(path, before)
    except OSError as error:
        raise cannot_be_read(path, error) from error


def stamp_of(file: int | Path) -> Stamp:
    """What changes when a file is written to: size, time, and which file it is."""
    # os.stat takes a descriptor as well: the file that is read, whatever its name is now.
    status = os.stat(file)  # noqa: PTH116
    return status.st_size, status.st_mtime_ns, status.st_ino


def check_unchanged(path: Path, before: Stamp) -> None:
    """Raises INPUT_DATA_INVALID when the file is not what it was."""
    if stamp_of(path) != before:
        raise unreadable(
            f"{path} changed while it was read.", "Wait until it is written, then try again."
        )


def cannot_be_read(path: Path, error: OSError) -> BackpropError:
    return unreadable(
        f"{path} cannot be read.", "Check that the file may be read by you.", str(error)
    )


def _unpacked(file: BinaryIO, source: Source) -> Iterator[bytes]:
    try:
        yield from _gunzipped(file) if source.packing == "gz" else _unzstd(file)
    except (gzip.BadGzipFile, zlib.error, EOFError, zstandard.ZstdError) as error:
        raise unreadable(
            f"{source.path} is damaged or not a .{source.packing} file.",
            "Copy or download it again.",
            str(error),
        ) from error


def _gunzipped(file: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
        while block := unpacked.read(BLOCK_BYTES):
            yield block


def _unzstd(file: BinaryIO) -> Iterator[bytes]:
    """Frame by frame: the stream reader of zstandard takes a file that is cut off for whole."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
    frame = decompressor.decompressobj()
    begun = False
    while packed := file.read(_PACKED_BYTES):
        while packed:
            if frame.eof:
                frame = decompressor.decompressobj()
            begun = True
            unpacked = frame.decompress(packed)
            packed = frame.unused_data if frame.eof else b""
            for start in range(0, len(unpacked), BLOCK_BYTES):
                yield unpacked[start : start + BLOCK_BYTES]
    if begun and not frame.eof:
        raise EOFError("the file ends within a frame")


def _within(
    limits: Limits, path: Path, packed_bytes: int, blocks: Iterator[bytes]
) -> Iterator[bytes]:
    total = 0
    for block in blocks:
        total += len(block)
        if total > limits.unpacked_bytes:
            raise unreadable(
                f"{path} unpacks to more than {limits.unpacked_bytes / 1e9:g} GB.",
                "Raise reading.max_decompressed_gb where this is meant.",
            )
        if total > _RATIO_MATTERS_FROM_BYTES and total > limits.ratio * packed_bytes:
            raise unreadable(
                f"{path} unpacks to more than {limits.ratio} times its size, as no text does.",
                "Raise reading.max_compression_ratio where this is meant.",
            )
        yield block
