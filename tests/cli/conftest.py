"""Commands run in this process, and runs that need no training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.cli import app
from engine.config import DataConfig, RunConfig
from engine.home import home
from engine.runs.events import Evaluated, Event, Failed, Finished, RunStarted, Step
from engine.runs.records import Run, Status
from engine.runs.store import Store

Backprop = Callable[..., Result]
EndedRun = Callable[..., Run]

STEPS = 4


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands write to the folder they are called in."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def backprop() -> Backprop:
    """Run `backprop` with these words."""

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    return run


@pytest.fixture
def ended_run(tmp_path: Path) -> EndedRun:
    """Put a run with four steps into the store, at its end."""

    def make(run_id: str = "20260101-000000-aaaa", status: Status = "completed") -> Run:
        store = Store(home() / "runs.db")
        config = RunConfig(data=DataConfig(path=Path("data.jsonl")), output_dir=tmp_path / "out")
        run = store.add_run(
            run_id, kind="train", name="", config=config.model_dump_json(),
            output_dir=config.output_dir, origin="cli",
        )  # fmt: skip
        run.run_dir.mkdir(parents=True)
        run.log_path.write_text("first line\nlast line\n")
        store.append(run_id, [(1.0, event) for event in _life(run, status)])
        store.end(run_id, status)
        store.close()
        return run

    return make


def _life(run: Run, status: Status) -> list[Event]:
    steps: list[Event] = [
        Step(step, STEPS, 1.0, 3.0 - step / 2, 1e-4, 1.0, 100 * step, 50.0, 1.0)
        for step in range(1, STEPS + 1)
    ]
    told: list[Event] = [RunStarted(run.id, 1), *steps, Evaluated(STEPS, 1.25, True)]
    if status == "failed":
        return [*told, Failed("RUNTIME_LOSS_NOT_FINITE", "The loss is NaN.", "Lower --lr.")]
    end = "completed" if status == "completed" else "stopped"
    return [*told, Finished(end, str(run.run_dir / "adapter"), STEPS, 1.0, 1.25)]
