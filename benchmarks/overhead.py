"""What supervision costs: CPU seconds of supervisor and dispatcher against the training's."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.table import show
from engine import api
from engine.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from engine.runs.records import ProcessId, Run

STEPS = 40
EXAMPLES = Path(__file__).parents[1] / "examples" / "quickstart.jsonl"


def measure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = api.submit(
            RunConfig(
                data=DataConfig(path=EXAMPLES),
                model=ModelConfig(name="starter"),
                output_dir=Path(folder),
                training=TrainingConfig(steps=STEPS),
            ),
            origin="python",
        )
        supervisor_seconds, child_seconds, memory_mb = _watch(run)
        api.delete(run.id)
    show(
        f"Supervising a training of {STEPS} steps",
        [
            ("CPU of the training", f"{child_seconds:.1f} s", ""),
            ("CPU of its supervisor", f"{supervisor_seconds:.2f} s", ""),
            ("share", f"{supervisor_seconds / child_seconds:.2%}", "1 %"),
            ("memory of the supervisor", f"{memory_mb:.0f} MB", "60 MB"),
        ],
    )


def _watch(run: Run) -> tuple[float, float, float]:
    """CPU seconds of supervisor and child, and the supervisor's largest memory in MB."""
    supervisor_seconds = child_seconds = memory_mb = 0.0
    while (now := api.get_run(run.id)).is_live:
        supervisor_seconds = max(supervisor_seconds, _cpu_seconds(now.supervisor))
        child_seconds = max(child_seconds, _cpu_seconds(now.child))
        memory_mb = max(memory_mb, _memory_mb(now.supervisor))
        time.sleep(0.2)
    if now.status != "completed":
        raise SystemExit(f"the training ended as {now.status}: {now.status_reason}")
    return supervisor_seconds, child_seconds, memory_mb


def _cpu_seconds(process: ProcessId | None) -> float:
    try:
        times = psutil.Process(process.pid).cpu_times() if process else None
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system if times else 0.0


def _memory_mb(process: ProcessId | None) -> float:
    try:
        return psutil.Process(process.pid).memory_info().rss / 1e6 if process else 0.0
    except psutil.NoSuchProcess:
        return 0.0
