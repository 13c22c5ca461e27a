"""A run's log: what its process printed, with the head and the tail kept and the middle lost."""

from __future__ import annotations

from pathlib import Path

LIMIT_BYTES = 10 * 1024 * 1024
CUT = "\n… (the log grew past its limit; the middle is left out) …\n"


class CappedLog:
    """Appends to `path` up to half the limit, then to two alternating tail files beside it."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._head = path
        self._tail = _tail(path)
        self._old_tail = _old_tail(path)
        self._head_limit = limit_bytes // 2
        self._tail_limit = limit_bytes // 4
        path.parent.mkdir(parents=True, exist_ok=True)
        self._head_size = path.stat().st_size if path.exists() else 0

    def write(self, data: bytes) -> None:
        """Append what was printed. A full disk loses log text, never the run."""
        try:
            if self._head_size < self._head_limit:
                _append(self._head, data)
                self._head_size += len(data)
            else:
                self._write_tail(data)
        except OSError:
            return

    def _write_tail(self, data: bytes) -> None:
        _append(self._tail, data)
        if self._tail.stat().st_size >= self._tail_limit:
            self._tail.replace(self._old_tail)


def read_log(path: Path) -> str:
    """The whole kept text."""
    parts = [_read(path)]
    tail = _read(_old_tail(path)) + _read(_tail(path))
    if tail:
        parts += [CUT, tail]
    return "".join(parts)


class LogFollower:
    """Reads what has been added since the last time, across the turns of the tail files."""

    def __init__(self, path: Path) -> None:
        self._head, self._tail, self._old_tail = path, _tail(path), _old_tail(path)
        self._head_place = self._tail_place = 0

    def read_new(self) -> str:
        """The added text; empty when there is none."""
        head = _read_bytes(self._head, self._head_place)
        self._head_place += len(head)
        return (head + self._new_tail()).decode("utf-8", errors="replace")

    def _new_tail(self) -> bytes:
        rest = b""
        if self._tail_place > _size(self._tail):  # it became the old tail
            rest = _read_bytes(self._old_tail, self._tail_place)
            self._tail_place = 0
        added = _read_bytes(self._tail, self._tail_place)
        self._tail_place += len(added)
        return rest + added


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _read(path: Path) -> str:
    if not path.exists():
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def _read_bytes(path: Path, place: int) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(place)
        return file.read()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _tail(path: Path) -> Path:
    return path.with_suffix(".tail.txt")


def _old_tail(path: Path) -> Path:
    return path.with_suffix(".tail.old.txt")
