"""The terminal: what it can show, and how our own command is typed in it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from rich.console import Console

from engine.flags import command_line

PIPE_WIDTH = 140
"""Width of tables when no terminal tells its own."""


def open_console() -> Console:
    """A console on today's stdout; piped output is plain and wide."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=int(os.environ.get("COLUMNS", PIPE_WIDTH)))


def is_unicode(encoding: str) -> bool:
    """Can a stream of this encoding show braille characters?"""
    return encoding.lower().replace("_", "-").startswith("utf")


def print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def note(text: str) -> None:
    """A line for the person, beside the output."""
    print(text, file=sys.stderr)


def paste(*words: str) -> str:
    """A command of ours as it can be pasted into the terminal this process was started from."""
    program = program_words(sys.argv[0], shutil.which("backprop"), sys.executable)
    return command_line([*program, *words])


def program_words(argv0: str, on_path: str | None, executable: str) -> list[str]:
    """How this program is typed: by name where the shell finds it, else by its path.

    >>> program_words(".venv/bin/backprop", None, "python")
    ['.venv/bin/backprop']
    """
    if Path(argv0).name == "__main__.py":
        return [executable, "-m", "engine.cli"]
    if Path(argv0).stem.lower() != "backprop":
        return ["backprop"]
    if on_path and Path(argv0).is_absolute() and _same_program(argv0, on_path):
        return ["backprop"]
    return [argv0]


def _same_program(one: str, other: str) -> bool:
    """Windows names the script with or without .exe, in either case."""
    return Path(os.path.normcase(one)).with_suffix("") == Path(os.path.normcase(other)).with_suffix(
        ""
    )
