"""From what a person gave and the settings to the frozen configuration of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from engine.config import RunConfig
from engine.errors import BackpropError
from engine.settings import Settings

SETTING_SECTIONS = ("model", "lora", "training", "limits")


def build_train_config(
    given: Mapping[str, object],
    settings: Settings,
    name_of: Callable[[str], str] = str,
) -> RunConfig:
    """Lay the given values (dotted path → value; None means not given) over the settings.

    `name_of` turns a path into the name the person used, for the message. Raises
    INPUT_VALIDATION_FAILED.
    """
    # Any: unchecked values on their way into pydantic, which checks all of them.
    tree: dict[str, Any] = {
        section: getattr(settings, section).model_dump() for section in SETTING_SECTIONS
    }
    for path, value in given.items():
        if value is not None:
            *sections, name = path.split(".")
            holder = tree
            for section in sections:
                holder = holder.setdefault(section, {})
            holder[name] = value
    try:
        return RunConfig.model_validate({"kind": "train", **tree})
    except ValidationError as error:
        raise _refused(error, name_of) from error


def _refused(error: ValidationError, name_of: Callable[[str], str]) -> BackpropError:
    first = error.errors()[0]
    depth = 3 if first["loc"][:2] == ("data", "recipe") else 2
    path = ".".join(str(part) for part in first["loc"][:depth])
    reason = first["msg"].removeprefix("Value error, ")
    named = name_of(path) if path else ""
    message = f"{named}: {reason[0].lower()}{reason[1:]}" if named else reason
    return BackpropError("INPUT_VALIDATION_FAILED", f"{message}.")
