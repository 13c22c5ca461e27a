"""How much a file may hold, from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from engine.settings import ReadingConfig, load_settings

MAX_DEPTH = 100
"""Deepest nesting of a row: no layout needs ten, and deeper ones exhaust the stack."""
MAX_COLUMNS = 10_000


@dataclass(frozen=True)
class Limits:
    """Bounds of what is read; beyond them a row is set aside or the file refused."""

    row_bytes: int
    unpacked_bytes: int
    ratio: int


def limits_of(reading: ReadingConfig) -> Limits:
    return Limits(
        row_bytes=reading.max_row_mb * 1_000_000,
        unpacked_bytes=int(reading.max_decompressed_gb * 1_000_000_000),
        ratio=reading.max_compression_ratio,
    )


def current_limits() -> Limits:
    """The limits as the settings have them now. Raises CONFIG_INVALID."""
    return limits_of(load_settings().reading)
