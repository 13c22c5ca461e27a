"""Which folders the page may read data from."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import BackpropError
from engine.settings import Settings, page_output_dir

HUB = "hub:"


def check_page_path(path: Path, settings: Settings) -> None:
    """Refuse a path outside the allowed folders, with links followed.

    Raises UI_OUTPUT_DIR_FORBIDDEN. What the hub holds is not on this computer.
    """
    if str(path).startswith(HUB):
        return
    real = Path(os.path.realpath(path.expanduser()))
    allowed = _allowed_folders(settings)
    if not any(real.is_relative_to(folder) for folder in allowed):
        raise BackpropError(
            "UI_OUTPUT_DIR_FORBIDDEN",
            f"The page may not read {path}: it lies outside the folders it is allowed.",
            hint="Move the file into your home folder, or allow its folder with the setting "
            "ui.data_dirs.",
        )


def _allowed_folders(settings: Settings) -> tuple[Path, ...]:
    folders = (Path.home(), Path.cwd(), page_output_dir(settings), *settings.ui.data_dirs)
    return tuple(Path(os.path.realpath(folder.expanduser())) for folder in folders)
