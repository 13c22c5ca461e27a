"""Checkpoints of a run: complete folders with a manifest of hashes.

<run_dir>/checkpoints/step-000020/
    adapter_model.safetensors, adapter_config.json    the adapter (engine.training.adapter)
    state.safetensors, state.json                     all else a resume needs (state.py)
    trainer_state.json                                the trainer's own counters
    manifest.json                                     hashes of the files above
    protected                                         (optional) never removed by retention
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BackpropError
from engine.files import remove_folder, remove_leftovers, sha256_of, staged_folder

FORMAT = 1
MANIFEST = "manifest.json"
PROTECTED = "protected"
DAMAGED = ".damaged"
_RECORDED_PACKAGES = ("torch", "transformers", "peft", "trl")
_NAME = re.compile(r"step-(\d{6,})")


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint; `sha256` is that of its manifest."""

    path: Path
    step: int
    sha256: str


@dataclass(frozen=True)
class Found:
    """The newest checkpoint that can be trusted, and what is wrong with newer ones."""

    checkpoint: Checkpoint | None
    problems: tuple[str, ...]


def checkpoints_folder(run_dir: Path) -> Path:
    return run_dir / "checkpoints"


def steps_in(run_dir: Path) -> dict[int, Path]:
    """The run's checkpoints by step, oldest first, whether valid or not."""
    matches = (
        (_NAME.fullmatch(path.name), path) for path in checkpoints_folder(run_dir).glob("step-*")
    )
    return dict(sorted((int(match[1]), path) for match, path in matches if match))


def checkpoint_at(run_dir: Path, step: int | None) -> Path | None:
    """The folder of the checkpoint of a step, where it exists."""
    return None if step is None else steps_in(run_dir).get(step)


def save_checkpoint(run_dir: Path, step: int, write: Callable[[Path], None]) -> Checkpoint:
    """Let `write` fill a folder and put it in place as the checkpoint of `step`."""
    target = checkpoints_folder(run_dir) / f"step-{step:06d}"
    with staged_folder(target) as folder:
        write(folder)
        manifest = folder / MANIFEST
        manifest.write_text(_describe(folder, step), encoding="utf-8")
        sha256 = sha256_of(manifest)
    return Checkpoint(target, step, sha256)


def verify(path: Path) -> Checkpoint:
    """Hash every file against the manifest. Raises STATE_CHECKPOINT_INVALID."""
    manifest = path / MANIFEST
    try:
        described = json.loads(manifest.read_text(encoding="utf-8"))
        _check_files(path, described["files"])
        if described["format"] != FORMAT:
            raise _invalid(
                path, f"it has format {described['format']}, this program reads {FORMAT}"
            )
        return Checkpoint(path, int(described["step"]), sha256_of(manifest))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _invalid(path, f"{type(error).__name__}: {error}") from error


def find_resumable(run_dir: Path) -> Found:
    """Find the newest checkpoint that verifies.

    Damaged ones that are newer are renamed to `….damaged`, so that they are neither resumed
    nor counted. Leftovers of an interrupted save are removed.
    """
    remove_leftovers(checkpoints_folder(run_dir))
    problems: list[str] = []
    for path in reversed(steps_in(run_dir).values()):
        try:
            return Found(verify(path), tuple(problems))
        except BackpropError as error:
            problems.append(error.message)
            path.rename(_free_name(path))
    return Found(None, tuple(problems))


def protect(checkpoint: Path) -> None:
    """Exempt a checkpoint from retention."""
    (checkpoint / PROTECTED).touch()


def prune(run_dir: Path, *, keep: int, best_step: int | None) -> None:
    """Remove old checkpoints: the newest `keep`, the best and protected ones stay."""
    found = steps_in(run_dir)
    protected = {step for step, path in found.items() if (path / PROTECTED).exists()}
    for step in outdated(found, keep=keep, spare={*protected, best_step}):
        remove_folder(found[step])


def outdated(steps: Iterable[int], *, keep: int, spare: set[int | None]) -> list[int]:
    """The steps that retention removes."""
    return [step for step in sorted(steps)[:-keep] if step not in spare]


def _describe(folder: Path, step: int) -> str:
    files = {
        path.name: {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
    }
    versions = {name: importlib.metadata.version(name) for name in _RECORDED_PACKAGES}
    content = {"format": FORMAT, "step": step, "versions": versions, "files": files}
    return json.dumps(content, indent=2) + "\n"


def _check_files(path: Path, files: dict[str, dict[str, str]]) -> None:
    for name, expected in files.items():
        if name != Path(name).name:
            raise ValueError(f"{name!r} is not the name of a file")
        if sha256_of(path / name) != expected["sha256"]:
            raise ValueError(f"{name} was changed since it was written")


def _invalid(path: Path, problem: str) -> BackpropError:
    return BackpropError(
        "STATE_CHECKPOINT_INVALID",
        f"The checkpoint {path.name} cannot be used: {problem}.",
        hint="An older checkpoint of the run is used where there is one.",
    )


def _free_name(path: Path) -> Path:
    name = path.with_name(path.name + DAMAGED)
    number = 2
    while name.exists():
        name = path.with_name(f"{path.name}{DAMAGED}-{number}")
        number += 1
    return name
