"""Finding near-duplicates among short rows, in a process of its own for each size.

python -m benchmarks duplicates            10,000 and 100,000 rows
python -m benchmarks duplicates --full     1,000,000 rows as well
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from engine.data.duplicates import near_groups

if sys.platform == "linux":
    import resource

SIZES = (10_000, 100_000)
FULL_SIZE = 1_000_000
WORDS_A_ROW = 24
EVERY_NEAR = 10
"""One row in so many repeats the one before but for a word."""
WANTED = "below 300 s at 1,000,000"


def measure(*, full: bool = False) -> None:
    table = Table("rows", "seconds", "a million rows take", "memory", "near-duplicates found")
    table.title, table.title_justify = f"Near-duplicates ({WANTED})", "left"
    for rows in (*SIZES, FULL_SIZE) if full else SIZES:
        told = _in_process(rows)
        expected = rows // EVERY_NEAR
        table.add_row(
            f"{rows:,}",
            f"{told['seconds']:.1f} s",
            f"{told['seconds'] * 1e6 / rows:.0f} s",
            f"{told['memory_mb']:.0f} MB",
            f"{told['found']:,.0f} of {expected:,}",
        )
    Console().print(table)


def _in_process(rows: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.duplicates", str(rows)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def _texts(rows: int) -> Iterator[str]:
    chance = random.Random(rows)
    vocabulary = [f"w{number}" for number in range(20_000)]
    words: list[str] = []
    for row in range(rows):
        if row % EVERY_NEAR == EVERY_NEAR - 1:
            words[3] = chance.choice(vocabulary)
        else:
            words = chance.choices(vocabulary, k=WORDS_A_ROW)
        yield " ".join(words)


def _peak_memory_mb() -> float:
    """The most this process held; where the system does not tell that, what it holds now."""
    if sys.platform == "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return psutil.Process().memory_info().rss / 1e6


def _main(rows: int) -> None:
    began = time.perf_counter()
    groups = near_groups(_texts(rows))
    seconds = time.perf_counter() - began
    found = int((groups != np.arange(rows)).sum())
    print(json.dumps({"seconds": seconds, "memory_mb": _peak_memory_mb(), "found": found}))


if __name__ == "__main__":
    _main(int(sys.argv[1]))
