"""Files that come with the program."""

from __future__ import annotations

from pathlib import Path


def quickstart_examples() -> Path:
    """The examples of the quick start: in a checkout, or inside the installed package."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "examples" / "quickstart.jsonl"
    return checkout if checkout.exists() else package / "presets" / "quickstart.jsonl"
