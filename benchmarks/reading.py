"""The ways to read a file that `benchmarks.data` compares, each run in a process of its own.

python -m benchmarks.reading WAY FILE  →  {"seconds": …, "rows": …, "peak_mb": …}
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from engine.data.index import build_index, page
from engine.data.read import current_limits, read_tolerant
from engine.data.survey import survey
from engine.data.validate import validate

_PROCESSES = 2
_PAGE_ROWS = 20


def plain_loop(path: Path) -> int:
    """What anybody writes: json.loads of each line, and a look at the keys."""
    rows = 0
    with path.open(encoding="utf-8") as file:
        for line in file:
            rows += "conversations" in json.loads(line)
    return rows


def load_dataset(path: Path) -> int:
    datasets = import_module("datasets")
    with tempfile.TemporaryDirectory() as cache:
        return len(
            datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=cache)
        )


def our_survey(path: Path) -> int:
    """Every row checked as JSON and its layout told; a large file by two processes."""
    return survey(path, current_limits().row_bytes).rows


def our_rows(path: Path) -> int:
    """Every row as a dict with all checks, one process."""
    return sum(1 for _ in read_tolerant(path))


def our_validate(path: Path) -> int:
    """Every row as a typed conversation with all checks, one process."""
    return validate(path, max_errors=0).rows


def our_index(path: Path) -> int:
    return build_index(path).rows


def our_page(path: Path) -> int:
    """The slowest of a page at the beginning, in the middle and at the end, after indexing."""
    index = build_index(path)
    last = index.rows // _PAGE_ROWS - 1
    for number in (0, last // 2, last):
        page(index, number, _PAGE_ROWS)
    return 3 * _PAGE_ROWS


WAYS: dict[str, Callable[[Path], int]] = {
    "plain": plain_loop,
    "datasets": load_dataset,
    "survey": our_survey,
    "rows": our_rows,
    "validate": our_validate,
    "index": our_index,
    "page": our_page,
}


def peak_mb() -> float:
    """Largest memory of this process and, where there were any, of both of its children."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + _PROCESSES * child) / 1024


if __name__ == "__main__":
    way, file = sys.argv[1:]
    began = time.perf_counter()
    count = WAYS[way](Path(file))
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "rows": count, "peak_mb": peak_mb()}))
