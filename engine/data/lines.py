"""Lines out of blocks of bytes, none longer than a limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def lines_of(blocks: Iterable[bytes], limit: int) -> Iterator[tuple[int, bytes | None]]:
    """Every line with its number, without its line feed; None stands for one over `limit` bytes.

    A file's last line counts when it holds anything.
    """
    number = 1
    begun: list[bytes] = []
    length = 0
    for block in blocks:
        first, *others = block.split(b"\n")
        length += len(first)
        # What is over the limit is not kept, only counted.
        begun = [*begun, first] if length <= limit else []
        for following in others:
            yield number, b"".join(begun) if length <= limit else None
            number += 1
            begun, length = [following], len(following)
    if length:
        yield number, b"".join(begun) if length <= limit else None
