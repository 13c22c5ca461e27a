"""How much a file may hold."""

from __future__ import annotations

from dataclasses import dataclass

MAX_DEPTH = 100
"""Deepest nesting of a row: no layout needs ten, and deeper ones exhaust the stack."""
MAX_COLUMNS = 10_000


@dataclass(frozen=True)
class Limits:
    """Bounds of what is read; beyond them a row is set aside or the file refused."""

    row_bytes: int
    unpacked_bytes: int
    ratio: int
