"""What the command line says about the examples before a training starts."""

from __future__ import annotations

from engine import api
from engine.cli.console import note
from engine.config import RunConfig
from engine.errors import BackpropError


def check_data(config: RunConfig) -> None:
    """Tell what would be learned from, and what is doubtful. Raises what keeps it from starting."""
    found = api.preflight(config)
    for problem in found.problems:
        raise BackpropError(problem.code, problem.message, hint=problem.hint)
    note(f"Ready: {found.words}, longest {found.longest:,}")
    for warning in found.warnings:
        note(f"warning: {warning.message} {warning.hint}".rstrip())
