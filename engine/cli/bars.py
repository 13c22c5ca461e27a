"""Small pictures in the terminal: one bar a line."""

from __future__ import annotations

_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = "█"
_ASCII = "#"


def bar(share: float, width: int, *, is_unicode: bool) -> str:
    """A bar that fills `share` (0 to 1) of the width; the smallest share still shows.

    >>> bar(0.5, 8, is_unicode=False), bar(0.3, 5, is_unicode=True)
    ('####', '█▌')
    """
    if share <= 0:
        return ""
    if not is_unicode:
        return _ASCII * max(1, round(share * width))
    eighths = max(1, round(share * width * 8))
    full, rest = divmod(eighths, 8)
    return (_FULL * full + _EIGHTHS[rest]).rstrip()
