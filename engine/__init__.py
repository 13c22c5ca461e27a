"""Fine-tune a language model in three lines.

>>> from engine import Trainer                              # doctest: +SKIP
>>> trainer = Trainer("starter")                            # doctest: +SKIP
>>> trainer.train("examples/quickstart.jsonl", steps=10)    # doctest: +SKIP

The names below are loaded when they are first used, so that `import engine` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.errors import BackpropError
    from engine.trainer import RunResult, Trainer, TrainingRun

__all__ = ["BackpropError", "RunResult", "Trainer", "TrainingRun"]

_MODULES = {
    "BackpropError": "engine.errors",
    "RunResult": "engine.trainer",
    "Trainer": "engine.trainer",
    "TrainingRun": "engine.trainer",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
