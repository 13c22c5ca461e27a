"""The Python name of every setting of a training, made from the table of flags."""

from __future__ import annotations

from engine.errors import BackpropError
from engine.flags import TRAIN_FLAGS
from engine.settings import closest

# `Trainer` has parameters of its own for these.
_OWN_PARAMETERS = frozenset({"model.name", "data.path", "output_dir"})


def python_names() -> dict[str, str]:
    """Keyword → path in the configuration.

    A setting goes by its flag (`lr`, `batch_size`, `lora_r`) and by its field's own name
    (`learning_rate`, `per_device_batch_size`); fields that only say something together with
    their section keep to the flag (`r`, `format`).
    """
    names: dict[str, str] = {}
    for path, flag in TRAIN_FLAGS.items():
        if path in _OWN_PARAMETERS:
            continue
        section, _, field = path.rpartition(".")
        names[flag.removeprefix("--").replace("-", "_")] = path
        if section in ("training", "limits"):
            names[field] = path
    return names


def settings_by_path(given: dict[str, object]) -> dict[str, object]:
    """Keywords by their path. Raises INPUT_VALIDATION_FAILED for a name that does not exist."""
    names = python_names()
    for name in given:
        if name not in names:
            close = closest(name, names)
            question = f" Did you mean {' or '.join(close)}?" if close else ""
            raise BackpropError(
                "INPUT_VALIDATION_FAILED", f"There is no setting {name!r}.{question}"
            )
    return {names[name]: value for name, value in given.items()}


def python_name(path: str) -> str:
    """How Python calls a setting, for messages."""
    flag = TRAIN_FLAGS.get(path)
    return flag.removeprefix("--").replace("-", "_") if flag else path
