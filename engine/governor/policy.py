"""Decisions of the governor: pure functions from what is known to what to do."""

from __future__ import annotations

from collections.abc import Sequence

# Work that trains keeps all cores busy; copying files does not.
HEAVY_KINDS = frozenset({"train"})


def reason_to_wait(kind: str, max_parallel: int, running_kinds: Sequence[str]) -> str | None:
    """Why a queued run must wait, in words; None when it may start."""
    if kind not in HEAVY_KINDS:
        return None
    heavy = sum(1 for running in running_kinds if running in HEAVY_KINDS)
    if heavy < max_parallel:
        return None
    return f"waits for its turn: {heavy} of {max_parallel} allowed at once under way"
