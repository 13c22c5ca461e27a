"""A report for the doors: with a model it is made by a child process, without one here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from engine.config import DataFormat
from engine.data.duplicates import DEFAULT_THRESHOLD
from engine.data.report import DataReport, make_report
from engine.errors import BackpropError


def report_on(
    path: Path,
    layout: DataFormat = "auto",
    model: str | None = None,
    max_length: int = 1024,
    against: Path | None = None,
    near_threshold: float = DEFAULT_THRESHOLD,
) -> DataReport:
    """Measure a file; this imports no torch.

    Raises INPUT_DATA_INVALID, and with a model what resolving and loading it raises.
    """
    if model is None:
        return make_report(path, layout, None, max_length, against, near_threshold)
    request = {
        "path": str(path),
        "layout": layout,
        "model": model,
        "max_length": max_length,
        "against": str(against) if against else None,
        "near_threshold": near_threshold,
    }
    command = [sys.executable, "-m", "engine.data.report_child", json.dumps(request)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    return _answer(done)


def _answer(done: subprocess.CompletedProcess[str]) -> DataReport:
    if done.stdout.startswith('{"error"'):
        told = json.loads(done.stdout)["error"]
        raise BackpropError(told["code"], told["message"], hint=told["hint"])
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise BackpropError(
            "RUNTIME_UNEXPECTED",
            "The process that measures the file ended unexpectedly.",
            cause=lines[-1] if lines else "",
        )
    return DataReport.from_json(done.stdout)
