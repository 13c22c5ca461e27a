"""The `backprop` command."""

from engine.cli.entry import app, main

__all__ = ["app", "main"]
