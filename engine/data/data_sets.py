"""Named data sets: a file with its layout, columns and recipe, kept under our home."""

from __future__ import annotations

import re
import time
from pathlib import Path

from pydantic import ValidationError

from engine.config import DataConfig, Section
from engine.errors import BackpropError
from engine.files import write_atomically
from engine.home import home

_NAME = re.compile(r"[^\W_][\w.\-]{0,59}")


class DataSet(Section):
    """What a training needs to know of its data, under a name for people."""

    name: str
    data: DataConfig
    saved_at: float


def save_data_set(name: str, data: DataConfig) -> DataSet:
    """Keep a data set; one with this name is replaced. Raises INPUT_VALIDATION_FAILED."""
    absolute = data.model_copy(update={"path": data.path.expanduser().absolute()})
    saved = DataSet(name=name, data=absolute, saved_at=time.time())
    write_atomically(_path_of(name), saved.model_dump_json(indent=2))
    return saved


def list_data_sets() -> list[DataSet]:
    """All of them, the newest first; files that cannot be read are passed over."""
    found = [_read(path) for path in _folder().glob("*.json")]
    return sorted(filter(None, found), key=lambda saved: -saved.saved_at)


def delete_data_set(name: str) -> None:
    """Forget a data set; its file stays where it is. Raises INPUT_VALIDATION_FAILED."""
    path = _path_of(name)
    if not path.exists():
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"There is no data set {name!r}.",
            hint="backprop data list names them.",
        )
    path.unlink()


def _read(path: Path) -> DataSet | None:
    try:
        return DataSet.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def _path_of(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{name!r} cannot be the name of a data set.",
            hint="Use up to 60 letters, digits, dots, dashes and underscores.",
        )
    return _folder() / f"{name}.json"


def _folder() -> Path:
    return home() / "data-sets"
