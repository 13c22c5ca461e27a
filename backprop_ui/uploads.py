"""Data files that come through the page: stored under the page's folder, never served back."""

from __future__ import annotations

import errno
import hashlib
import re
import secrets
import time
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from engine import api
from engine.errors import BackpropError

_NAME_LENGTH = 80
_PART_SECONDS = 24 * 3600
_TOKEN = re.compile(r"[0-9a-f]{8}-[\w.\-]{1,80}")


def clean_name(name: str) -> str:
    """A file name that means the same on every system: letters, digits, dot, dash, underscore.

    >>> clean_name("../../My data (final).jsonl")
    'My_data_final_.jsonl'
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    safe = re.sub(r"[^\w.\-]+", "_", last).strip("._- ") or "data"
    stem, dot, ending = safe.rpartition(".")
    if not dot:
        return safe[:_NAME_LENGTH]
    return f"{stem[: _NAME_LENGTH - len(ending[:10]) - 1]}.{ending[:10]}"


@dataclass(frozen=True)
class Upload:
    """A file on its way: how much of it is here, and its token once all of it is."""

    id: str
    received_bytes: int
    token: str = ""


def begin(name: str, size_bytes: int, modified: str) -> Upload:
    """Where to go on with a file: at its beginning, or where it broke off.

    The same file (name, size, time of change) goes on where it was. Raises
    INPUT_VALIDATION_FAILED when it is empty or too large.
    """
    if size_bytes <= 0:
        raise BackpropError("INPUT_VALIDATION_FAILED", f"The file {name!r} is empty.")
    if size_bytes > limit_bytes():
        raise too_large(limit_bytes())
    _forget_old_parts()
    mark = hashlib.sha256(f"{name}|{size_bytes}|{modified}".encode()).hexdigest()[:8]
    upload_id = f"{mark}-{clean_name(name)}"
    part = _part_of(upload_id)
    if part.exists() and part.stat().st_size > size_bytes:
        part.unlink()
    return Upload(upload_id, part.stat().st_size if part.exists() else 0)


async def append(
    upload_id: str, offset: int, size_bytes: int, chunks: AsyncIterator[bytes]
) -> Upload:
    """Write the next part of a file; with its last byte it gets its token.

    What came before a break stays, so the sender asks `begin` where to go on. Raises
    STATE_UPLOAD_ELSEWHERE when `offset` is not where the file ends, INPUT_VALIDATION_FAILED when
    more comes than was announced, RUNTIME_DISK_FULL.
    """
    part = _part_of(upload_id)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        received = await _write(part, offset, min(size_bytes, limit_bytes()), chunks)
        if received < size_bytes:
            return Upload(upload_id, received)
        token = f"{secrets.token_hex(4)}-{upload_id.partition('-')[2]}"
        part.replace(uploads_dir() / token)
    except OSError as error:
        raise _cannot_store(error) from error
    return Upload(upload_id, received, token)


def limit_bytes() -> int:
    """The largest file that may come."""
    return int(api.settings().ui.max_upload_gb * 1024**3)


def path_of(token: str) -> Path:
    """The stored file of a token. Raises INPUT_VALIDATION_FAILED when there is none."""
    path = uploads_dir() / token
    if not _TOKEN.fullmatch(token) or not path.is_file():
        raise BackpropError("INPUT_VALIDATION_FAILED", "This upload is not there any more.")
    return path


def as_path(text: str) -> Path | None:
    """A path that was typed; None while there is none."""
    return Path(text.strip()).expanduser() if text.strip() else None


def uploads_dir() -> Path:
    return api.page_output_dir() / "uploads"


def too_large(limit_bytes: int) -> BackpropError:
    return BackpropError(
        "INPUT_VALIDATION_FAILED",
        f"The file is larger than {limit_bytes / 1024**3:g} GB.",
        hint="Give the path of the file instead of uploading it.",
    )


async def _write(path: Path, offset: int, limit_bytes: int, chunks: AsyncIterator[bytes]) -> int:
    with path.open("ab") as file:
        size = file.tell()
        if size != offset:
            raise BackpropError(
                "STATE_UPLOAD_ELSEWHERE",
                f"{size} bytes of this file are here, so it cannot go on at {offset}.",
                hint="Send it again: it goes on where it was.",
                retryable=True,
            )
        async for chunk in chunks:
            size += len(chunk)
            if size > limit_bytes:
                path.unlink()
                raise too_large(limit_bytes)
            file.write(chunk)
    return size


def _part_of(upload_id: str) -> Path:
    if not _TOKEN.fullmatch(upload_id):
        raise BackpropError("INPUT_VALIDATION_FAILED", "This upload is not there any more.")
    return uploads_dir() / f".{upload_id}.partial"


def _forget_old_parts() -> None:
    """Files that nobody went on with for a day."""
    for part in uploads_dir().glob(".*.partial"):
        if time.time() - part.stat().st_mtime > _PART_SECONDS:
            part.unlink(missing_ok=True)


def _cannot_store(error: OSError) -> BackpropError:
    if error.errno == errno.ENOSPC:
        return BackpropError("RUNTIME_DISK_FULL", "There is no room left for the upload.")
    return BackpropError(
        "UI_OUTPUT_DIR_FORBIDDEN",
        f"The upload cannot be stored in {uploads_dir()}: {error.strerror}.",
        cause=str(error),
    )
