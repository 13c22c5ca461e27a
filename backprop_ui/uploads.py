"""Data files that come through the page: stored under the page's folder, never served back."""

from __future__ import annotations

import errno
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

from engine import api
from engine.errors import BackpropError

LIMIT_BYTES = 4 * 1024**3
_NAME_LENGTH = 80
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


async def store(name: str, chunks: AsyncIterator[bytes], limit_bytes: int = LIMIT_BYTES) -> str:
    """Write an upload as it comes and return its token (the file's name).

    Raises INPUT_VALIDATION_FAILED when it is empty or too large, RUNTIME_DISK_FULL. Nothing of a
    failed upload stays.
    """
    folder = uploads_dir()
    folder.mkdir(parents=True, exist_ok=True)
    token = f"{secrets.token_hex(4)}-{clean_name(name)}"
    partial = folder / f".{token}.partial"
    try:
        size = await _write(partial, chunks, limit_bytes)
        if size == 0:
            raise BackpropError("INPUT_VALIDATION_FAILED", f"The file {name!r} is empty.")
        partial.replace(folder / token)
    except OSError as error:
        raise _cannot_store(error) from error
    finally:
        partial.unlink(missing_ok=True)
    return token


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


async def _write(path: Path, chunks: AsyncIterator[bytes], limit_bytes: int) -> int:
    size = 0
    with path.open("xb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > limit_bytes:
                raise too_large(limit_bytes)
            file.write(chunk)
    return size


def _cannot_store(error: OSError) -> BackpropError:
    if error.errno == errno.ENOSPC:
        return BackpropError("RUNTIME_DISK_FULL", "There is no room left for the upload.")
    return BackpropError(
        "UI_OUTPUT_DIR_FORBIDDEN",
        f"The upload cannot be stored in {uploads_dir()}: {error.strerror}.",
        cause=str(error),
    )
