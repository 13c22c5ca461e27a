"""The folder where everything of ours lives."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "BACKPROPAGATE_HOME"


def home() -> Path:
    """The folder named by BACKPROPAGATE_HOME, or `~/.backpropagate`. It need not exist yet."""
    named = os.environ.get(HOME_VARIABLE, "").strip()
    return Path(named).expanduser().absolute() if named else Path.home() / ".backpropagate"
