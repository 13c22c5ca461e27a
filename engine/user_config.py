"""`config.json` in our home folder: the settings a person keeps with `backprop config --set`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.errors import BackpropError
from engine.files import write_atomically
from engine.home import home

_MEND_HINT = "Mend the file, or start over with: backprop config --reset"


def config_path() -> Path:
    """Where the file lies, whether or not it is there."""
    return home() / "config.json"


# Any: the values are JSON that nobody has checked yet; engine.settings validates them.
def read_user_config() -> dict[str, Any]:
    """The file's object; empty where there is no file. Raises CONFIG_INVALID."""
    path = config_path()
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BackpropError(
            "CONFIG_INVALID", f"{path} is not JSON: {error}", hint=_MEND_HINT
        ) from error
    if not isinstance(values, dict):
        raise BackpropError(
            "CONFIG_INVALID",
            f'{path} must hold one JSON object such as {{"lora": {{"r": 16}}}}.',
            hint=_MEND_HINT,
        )
    return values


def write_user_config(values: dict[str, Any]) -> None:
    write_atomically(config_path(), json.dumps(values, indent=2) + "\n")


def remove_user_config() -> None:
    config_path().unlink(missing_ok=True)
