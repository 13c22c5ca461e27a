"""Reading ShareGPT rows: a plain loop over json.loads, `datasets`, and ours, in the same run.

python -m benchmarks data            10,000 and 100,000 rows
python -m benchmarks data --full     1,000,000 rows (about 1 GB) as well
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engine.home import HOME_VARIABLE

SIZES = (10_000, 100_000)
FULL_SIZE = 1_000_000
_DISTINCT_ROWS = 5_000
_WORDS_A_TURN = 38
_TITLES = {
    "plain": "json.loads of each line",
    "datasets": 'datasets.load_dataset("json")',
    "survey": "ours: look over every row",
    "rows": "ours: rows with all checks",
    "validate": "ours: validate",
    "index": "ours: index",
    "page": "ours: page of 20, after indexing",
}


@dataclass(frozen=True)
class Measured:
    """One way over one file, in a process of its own."""

    seconds: float
    rows: int
    peak_mb: float


def measure(full: bool = False) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for rows in (*SIZES, FULL_SIZE) if full else SIZES:
            path = write_sharegpt(Path(folder) / f"{rows}.jsonl", rows)
            _show(path, rows, {way: _measured(way, path) for way in _TITLES})
            path.unlink()


def write_sharegpt(path: Path, rows: int) -> Path:
    """Rows of four turns, about 1 KB each; every row has an id of its own."""
    numbers = random.Random(0)
    words = [f"w{numbers.getrandbits(20):x}" for _ in range(_DISTINCT_ROWS)]
    bodies = [json.dumps(_turns(numbers, words), ensure_ascii=False) for _ in range(_DISTINCT_ROWS)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            file.write(f'{{"id": {number}, "conversations": {bodies[number % len(bodies)]}}}\n')
    return path


def _turns(numbers: random.Random, words: list[str]) -> list[dict[str, str]]:
    return [
        {
            "from": speaker,
            "value": " ".join(numbers.choices(words, k=_WORDS_A_TURN)) + ': "é"\n',
        }
        for speaker in ("human", "gpt", "human", "gpt")
    ]


def _measured(way: str, path: Path) -> Measured:
    """The better of two runs: the other programs of the machine disturb either.

    An index is there after the first.
    """
    runs = [_run(way, path) for _ in range(1 if way == "index" else 2)]
    return min(runs, key=lambda run: run.seconds)


def _run(way: str, path: Path) -> Measured:
    environment = {**os.environ, HOME_VARIABLE: str(path.parent / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reading", way, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _show(path: Path, rows: int, found: dict[str, Measured]) -> None:
    megabytes = path.stat().st_size / 1e6
    table = Table(
        "way", "seconds", "rows/s", "MB/s", "times plain", "peak MB",
        title=f"{rows:,} ShareGPT rows, {megabytes:,.0f} MB", title_justify="left",
    )  # fmt: skip
    plain = found["plain"].seconds
    for way, run in found.items():
        if way == "page":
            table.add_row(_TITLES[way], f"{run.seconds / 3:.4f}", "", "", "", f"{run.peak_mb:.0f}")
            continue
        table.add_row(
            _TITLES[way],
            f"{run.seconds:.2f}",
            f"{rows / run.seconds:,.0f}",
            f"{megabytes / run.seconds:,.0f}",
            f"{plain / run.seconds:.1f}",
            f"{run.peak_mb:.0f}",
        )
    Console(width=110).print(table)
    Console().print("Wanted at 1,000,000 rows: look over ≥ 3 times plain, ≤ 500 MB; page < 0.3 s.")
