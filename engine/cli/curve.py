"""A loss curve in characters."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

_DOTS_WIDE, _DOTS_HIGH = 2, 4
# Bit of each dot in a braille character (U+2800), by column and row.
_BRAILLE_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def draw_curve(losses: Sequence[float], *, width: int, height: int, is_unicode: bool) -> list[str]:
    """`height` lines of at most `width` characters, the scale at the left.

    2.41 |⠉⠢⡀
         |   ⠈⠒⠤⣀
    0.52 |        ⠉⠉⠒⠤⠤
    """
    if not losses or height < 2:
        return []
    top, bottom = f"{max(losses):.3g}", f"{min(losses):.3g}"
    margin = max(len(top), len(bottom))
    columns = max(width - margin - 2, 1)
    body = (
        _draw_braille(losses, columns, height)
        if is_unicode
        else _draw_ascii(losses, columns, height)
    )
    labels = [top, *[""] * (height - 2), bottom]
    return [f"{label:>{margin}} |{line}" for label, line in zip(labels, body, strict=True)]


def _draw_braille(losses: Sequence[float], columns: int, height: int) -> list[str]:
    cells = [[0] * columns for _ in range(height)]
    for x, y in _dots(losses, columns * _DOTS_WIDE, height * _DOTS_HIGH):
        cells[y // _DOTS_HIGH][x // _DOTS_WIDE] |= _BRAILLE_BITS[x % _DOTS_WIDE][y % _DOTS_HIGH]
    # An empty braille cell is wider than a space in some fonts.
    return ["".join(chr(0x2800 + bits) if bits else " " for bits in row).rstrip() for row in cells]


def _draw_ascii(losses: Sequence[float], columns: int, height: int) -> list[str]:
    cells = [[" "] * columns for _ in range(height)]
    for x, y in _dots(losses, columns, height):
        cells[y][x] = "*"
    return ["".join(row).rstrip() for row in cells]


def _dots(losses: Sequence[float], width: int, height: int) -> list[tuple[int, int]]:
    """The dots of the curve, neighbours joined by a vertical line; y grows downwards."""
    means = resample(losses, width)
    low, high = min(means), max(means)
    scale = (height - 1) / (high - low) if high > low else 0.0
    rows = [round((high - mean) * scale) for mean in means]
    dots: list[tuple[int, int]] = []
    previous = rows[0]
    for x, row in enumerate(rows):
        step = 1 if row >= previous else -1
        joined = range(previous + step, row + step, step) if row != previous else (row,)
        dots += [(x, y) for y in joined]
        previous = row
    return dots


def resample(values: Sequence[float], count: int) -> list[float]:
    """`count` values along the same line: means of neighbours, or points between them.

    >>> resample([1.0, 3.0], 3)
    [1.0, 2.0, 3.0]
    >>> resample([1.0, 3.0, 5.0, 7.0], 2)
    [2.0, 6.0]
    """
    if len(values) > count:
        edges = [index * len(values) // count for index in range(count + 1)]
        bins = itertools.pairwise(edges)
        return [sum(values[start:end]) / (end - start) for start, end in bins]
    if len(values) < 2 or count < 2:
        return list(values)
    places = [index * (len(values) - 1) / (count - 1) for index in range(count)]
    return [_between(values, place) for place in places]


def _between(values: Sequence[float], place: float) -> float:
    before = min(int(place), len(values) - 2)
    part = place - before
    return values[before] * (1 - part) + values[before + 1] * part
