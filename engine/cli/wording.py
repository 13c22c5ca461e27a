"""Values as words: durations, sizes, times, losses."""

from __future__ import annotations

import time


def duration(seconds: float | None) -> str:
    """75 → `1m 15s`; unknown → `-`."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"


def size(count_bytes: int) -> str:
    """16_000_000_000 → `16.0 GB`."""
    value = float(count_bytes)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def count(number: int) -> str:
    """134_515_008 → `134.5 M`."""
    if number >= 10**9:
        return f"{number / 10**9:.1f} B"
    if number >= 10**6:
        return f"{number / 10**6:.1f} M"
    return f"{number:,}"


def loss(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def moment(unix_seconds: float | None) -> str:
    """A time on this machine's clock."""
    if unix_seconds is None:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_seconds))
