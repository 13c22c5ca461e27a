"""Is a folder a whole model that is safe to load? Decided from its file names and JSON files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from engine.errors import BackpropError

PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_INDEX = "model.safetensors.index.json"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")
_FILES_THAT_NAME_CODE = ("config.json", "tokenizer_config.json")


def check_model_folder(folder: Path, trust_code_sha256: str | None = None) -> bool:
    """Return whether the folder's own code may run; raise when the folder cannot be used.

    INPUT_VALIDATION_FAILED names what is missing. INPUT_MODEL_UNSAFE: only pickle weights, or
    code of its own whose hash is not `trust_code_sha256`.
    """
    if not (folder / "config.json").is_file():
        raise _without_config(folder)
    _check_weights(folder)
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise _incomplete(folder, "a tokenizer (tokenizer.json)")
    return _may_run_code(folder, trust_code_sha256)


def code_sha256(folder: Path) -> str:
    """One hash over the names and contents of all Python files below the folder."""
    digest = hashlib.sha256()
    for path in _code_files(folder):
        name = path.relative_to(folder).as_posix()
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{name}\n{content}\n".encode())
    return digest.hexdigest()


def _without_config(folder: Path) -> BackpropError:
    if (folder / "adapter_config.json").is_file():
        return BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{folder} holds an adapter, not a model: config.json is missing.",
            hint="Give the model that the adapter was trained on.",
        )
    ggufs = sorted(path.name for path in folder.glob("*.gguf"))
    if ggufs:
        return BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{folder} has no config.json, but a GGUF file.",
            hint=f"Give the file itself: {folder / ggufs[0]}",
        )
    return _incomplete(folder, "config.json")


def _check_weights(folder: Path) -> None:
    index = folder / _INDEX
    if index.is_file():
        missing = [name for name in _shards(index) if not (folder / name).is_file()]
        if missing:
            raise _incomplete(folder, f"weights ({', '.join(missing[:3])})")
        return
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLE_SUFFIXES)
    if pickles:
        raise BackpropError(
            "INPUT_MODEL_UNSAFE",
            f"{folder} has only pickle weights ({', '.join(pickles[:3])}), "
            "which can run any code when they are opened.",
            hint="Use a version of the model with safetensors weights.",
        )
    raise _incomplete(folder, "weights (model.safetensors)")


def _shards(index: Path) -> list[str]:
    weight_map = _read_object(index).get("weight_map")
    if not isinstance(weight_map, dict):
        raise _incomplete(index.parent, f"the weight_map in {index.name}")
    names = sorted({str(name) for name in weight_map.values()})
    outside = [name for name in names if Path(name).name != name]
    if outside:
        raise BackpropError(
            "INPUT_MODEL_UNSAFE",
            f"{index} names a file outside of its folder: {outside[0]}",
            hint="Get the model again from a source you trust.",
        )
    return names


def _may_run_code(folder: Path, trust_code_sha256: str | None) -> bool:
    named = [name for name in _FILES_THAT_NAME_CODE if _auto_map(folder / name)]
    if not named:
        return False
    elsewhere = [ref for name in named for ref in _auto_map(folder / name) if "--" in ref]
    if elsewhere:
        raise BackpropError(
            "INPUT_MODEL_UNSAFE",
            f"{folder} asks to run code from another place ({elsewhere[0]}).",
            hint="Such a model cannot be used: its code may change at any time.",
        )
    found = code_sha256(folder)
    if trust_code_sha256 == found:
        return True
    raise _code_not_trusted(folder, named[0], found, trust_code_sha256)


def _code_not_trusted(folder: Path, named: str, found: str, trusted: str | None) -> BackpropError:
    files = ", ".join(path.relative_to(folder).as_posix() for path in _code_files(folder))
    changed = "" if trusted is None else " and it is not the code that was trusted"
    consent = (
        f"Read {files} first. If you trust them, set model.trust_code_sha256 to {found}"
        if files
        else "Its code is not there to be read. Get the whole model into a folder and use that."
    )
    return BackpropError(
        "INPUT_MODEL_UNSAFE",
        f"{folder} wants to run code of its own (auto_map in {named}){changed}.",
        hint=consent,
    )


def _auto_map(path: Path) -> list[str]:
    """The classes that a JSON file's `auto_map` names, flattened.

    {"AutoModel": "modeling.A", "AutoTokenizer": ["tok.B", null]} → ["modeling.A", "tok.B"]
    """
    if not path.is_file():
        return []
    auto_map = _read_object(path).get("auto_map")
    values = list(auto_map.values()) if isinstance(auto_map, dict) else [auto_map]
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return [item for item in flat if isinstance(item, str)]


def _read_object(path: Path) -> dict[str, object]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{path} cannot be read as JSON.",
            hint="Copy or download the model again.",
            cause=str(error),
        ) from error
    if not isinstance(read, dict):
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{path} does not hold a JSON object.",
            hint="Copy or download the model again.",
        )
    return read


def _code_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def _incomplete(folder: Path, missing: str) -> BackpropError:
    return BackpropError(
        "INPUT_VALIDATION_FAILED",
        f"{folder} is not a whole model: {missing} is missing.",
        hint="A model folder holds config.json, safetensors weights and a tokenizer.",
    )
