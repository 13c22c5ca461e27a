"""Files and folders that appear on disk whole or not at all, also after a power cut.

A reader sees what stood there before or what stands there now, never half of either.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"


def write_atomically(path: Path, text: str) -> None:
    """Replace `path` by a file with this text, through a temporary file beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder beside `target` to write into; it becomes `target` at the end.

    A folder that stood there is replaced. When the block raises, what it wrote is removed and
    `target` is as it was.
    """
    staging = target.with_name(target.name + PARTIAL)
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        sync_folder(staging)
        _put_in_place(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder; whoever looks meanwhile finds it gone, never half of it."""
    doomed = folder.with_name(folder.name + ".old" + PARTIAL)
    shutil.rmtree(doomed, ignore_errors=True)
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def remove_leftovers(parent: Path) -> None:
    """Remove what an interrupted writer left in `parent`."""
    for folder in parent.glob("*" + PARTIAL):
        shutil.rmtree(folder, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Force every file in `folder`, and the folder's own list of names, onto the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            sync_file(path)
    _sync_names(folder)


def sync_file(path: Path) -> None:
    # Windows flushes only handles that may write.
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _put_in_place(staging: Path, target: Path) -> None:
    # A folder cannot be renamed over one that holds files, so the old one steps aside first.
    old = target.with_name(target.name + ".old" + PARTIAL)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    staging.rename(target)
    _sync_names(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync_names(folder: Path) -> None:
    if sys.platform == "win32":
        return  # NTFS journals names itself, and a folder cannot be opened there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
