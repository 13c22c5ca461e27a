"""Which rows a run saw, kept in the run's folder as `rows.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE_NAME = "rows.json"


@dataclass(frozen=True)
class Places:
    """Rows by file and line, in the order of the run's data."""

    train: tuple[str, ...]
    evaluation: tuple[str, ...]


def write_places(places: Places, run_dir: Path) -> None:
    """Write them as {"train": ["chats.jsonl, line 3", ...], "evaluation": [...]}."""
    text = json.dumps(asdict(places), ensure_ascii=False)
    (run_dir / FILE_NAME).write_text(text, encoding="utf-8")


def read_places(run_dir: Path) -> Places | None:
    """None for a run that has not looked at its data yet."""
    path = run_dir / FILE_NAME
    if not path.exists():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return Places(tuple(data["train"]), tuple(data["evaluation"]))
