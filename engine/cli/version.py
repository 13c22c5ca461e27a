"""`backprop --version`, apart because looking at metadata costs every command 40 ms."""

from __future__ import annotations

from importlib import metadata

from engine.info import DISTRIBUTION


def print_version() -> None:
    """The installed distribution's version."""
    print(metadata.version(DISTRIBUTION))
