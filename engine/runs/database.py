"""Opening the run store's SQLite file: WAL, numbered migrations, damage."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from engine.errors import BackpropError

BUSY_TIMEOUT_SECONDS = 15


def connect(path: Path) -> sqlite3.Connection:
    """Open the store, making it or bringing it up to date where needed.

    Raises STATE_STORE_CORRUPT after moving a damaged file aside, STATE_STORE_NEWER when a newer
    version of this program wrote it, CONFIG_INVALID when its folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        _prepare(connection)
    except sqlite3.OperationalError as error:
        raise _unusable(path, error) from error
    except sqlite3.DatabaseError as error:
        raise move_aside(path, error) from error
    except OSError as error:
        raise _unusable(path, error) from error
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Take the write lock at once, so that what is read inside cannot change before the end."""
    connection.execute("begin immediate")
    try:
        yield connection
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def move_aside(path: Path, error: Exception) -> BackpropError:
    """Rename a damaged store (and its WAL) and tell where it is now."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(path.with_name(f"{path.name}.corrupt-{stamp}{suffix}"))
    return BackpropError(
        "STATE_STORE_CORRUPT",
        f"The run store {path} is damaged. It was moved to {aside}.",
        hint="Run the command again to begin an empty store. The runs' folders are untouched; "
        "'sqlite3 FILE .recover' may save the list from the moved file.",
        cause=str(error),
    )


def _prepare(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    _use_wal(connection)
    # In WAL mode "normal" loses at most the last moments on power failure, never consistency.
    connection.execute("pragma synchronous = normal")
    connection.execute("pragma foreign_keys = on")
    _migrate(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new store to WAL; SQLite does not wait by itself while another is doing that."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _migrate(connection: sqlite3.Connection) -> None:
    scripts = _migrations()
    if _version(connection) == len(scripts):
        return
    with transaction(connection):
        version = _version(connection)
        if version > len(scripts):
            raise BackpropError(
                "STATE_STORE_NEWER",
                f"The run store has version {version}; this program knows {len(scripts)}.",
                hint="Update this program: pip install --upgrade backprop-ui",
            )
        for script in scripts[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"pragma user_version = {len(scripts)}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def _migrations() -> list[str]:
    folder = files("engine.runs") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(folder / name).read_text(encoding="utf-8") for name in names]


def _statements(script: str) -> list[str]:
    """Cut a script at its complete statements, so that it can run inside one transaction."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements


def _unusable(path: Path, error: Exception) -> BackpropError:
    return BackpropError(
        "CONFIG_INVALID",
        f"The run store {path} cannot be used: {error}.",
        hint="Make the folder writable, or point BACKPROPAGATE_HOME at another one.",
        cause=str(error),
        retryable=True,
    )
