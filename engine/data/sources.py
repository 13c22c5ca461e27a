"""Which files a path stands for: one file, or those of a folder, and of what kind each is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.data.rows import unreadable

Kind = Literal["jsonl", "json", "csv", "tsv", "parquet", "arrow", "txt", "md"]
Packing = Literal["", "gz", "zst"]

KINDS: dict[str, Kind] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".txt": "txt",
    ".md": "md",
    ".markdown": "md",
}
PACKINGS: dict[str, Packing] = {".gz": "gz", ".zst": "zst"}
SUFFIXES = (*KINDS, *PACKINGS)
"""Suffixes of the files that can be read; a packed one needs one of a text kind before it."""
HUB_PREFIX = "hub:"

_PROSE = ("txt", "md")
_BINARY = ("parquet", "arrow")
_EXPECTED = (
    "JSONL, JSON, CSV, TSV, Parquet, Arrow, text or Markdown; text kinds also as .gz or .zst"
)


@dataclass(frozen=True)
class Source:
    """One file, and the name it is called by in messages."""

    path: Path
    name: str
    kind: Kind
    packing: Packing = ""


@dataclass(frozen=True)
class Sources:
    """The files that are read, in order, and what in the folder is not."""

    files: tuple[Source, ...]
    skipped: tuple[str, ...] = ()


def is_hub(path: Path) -> bool:
    """Does this name a data set of a hub: `hub:org/name`?"""
    return path.as_posix().startswith(HUB_PREFIX)


def sources_of(path: Path) -> Sources:
    """The file itself, or every readable file of a folder, sorted by name.

    Beside files of rows, the text files of a folder are notes about it (README.md, LICENSE.txt)
    and are left out. Raises INPUT_DATA_INVALID.
    """
    if path.is_dir():
        return _folder(path)
    if not path.exists() and not path.is_symlink():
        raise unreadable(f"{path} does not exist.", "Check the path.")
    source = _source(path, path.name)
    if source is None:
        raise unreadable(f"{path} is of no kind that can be read.", f"Expected {_EXPECTED}.")
    return Sources((source,))


def _folder(folder: Path) -> Sources:
    found: list[Source] = []
    skipped: list[str] = []
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        source = _source(path, name)
        if source is None or _leads_out(path, folder):
            skipped.append(name)
        else:
            found.append(source)
    rows = [source for source in found if source.kind not in _PROSE]
    if rows:
        skipped += [source.name for source in found if source.kind in _PROSE]
        found = rows
    if not found:
        raise unreadable(f"{folder} is a folder without files to read.", f"Expected {_EXPECTED}.")
    return Sources(tuple(found), tuple(sorted(skipped)))


def _walk(folder: Path) -> Iterator[Path]:
    """All files, sorted; hidden ones and those in linked folders are passed over."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def _leads_out(path: Path, folder: Path) -> bool:
    """A link to a file elsewhere is not part of the folder."""
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def _source(path: Path, name: str) -> Source | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packing: Packing = PACKINGS.get(suffixes[-1], "") if suffixes else ""
    inner = suffixes[:-1] if packing else suffixes
    kind = KINDS.get(inner[-1]) if inner else None
    if kind is None or (packing and kind in _BINARY):
        return None
    return Source(path, name, kind, packing)
