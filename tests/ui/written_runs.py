"""Runs written straight into a store, as a supervisor would: no torch, no process."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

from engine.config import DataConfig, RunConfig, TrainingConfig
from engine.runs.events import CheckpointSaved, Evaluated, Event, Failed, Finished, RunStarted, Step
from engine.runs.processes import this_process
from engine.runs.records import Run, Status
from engine.runs.store import Store


@dataclass(frozen=True)
class RunWriter:
    """Writes runs into the home folder of a page that is being served."""

    home: Path

    @property
    def store(self) -> Store:
        return Store(self.home / "runs.db")

    def begin(
        self, run_id: str, *, total: int = 100, name: str = "", output_dir: Path | None = None
    ) -> Run:
        """A running run that this process supervises."""
        folder = output_dir or self.home / "ui-outputs"
        config = RunConfig(
            name=name,
            output_dir=folder,
            data=DataConfig(path=folder / "uploads" / "0a1b2c3d-chats.jsonl"),
            training=TrainingConfig(steps=total),
        )
        store = self.store
        run = store.add_run(
            run_id,
            kind="train",
            name=name,
            config=config.model_dump_json(),
            output_dir=folder,
            origin="page",
        )
        run.run_dir.mkdir(parents=True)
        run.log_path.write_text("first line\nlast line\n", encoding="utf-8")
        store.claim(run_id)
        store.set_supervisor(run_id, this_process())
        self.tell(run_id, RunStarted(run_id, 1))
        return store.get(run_id)

    def tell(self, run_id: str, *events: Event) -> None:
        self.store.append(run_id, [(time.time(), event) for event in events])

    def steps(self, run_id: str, first: int, last: int, total: int = 100) -> None:
        """Steps `first` to `last`, with an eval and a checkpoint at every tenth."""
        events: list[Event] = []
        for step in range(first, last + 1):
            events.append(step_event(step, total))
            if step % 10 == 0:
                events.append(Evaluated(step, loss_at(step) + 0.1, is_best=True))
                events.append(CheckpointSaved(step, f"step-{step:06d}", "0" * 64, is_best=True))
        self.tell(run_id, *events)

    def end(self, run_id: str, status: Status) -> Run:
        if status == "completed":
            self.tell(run_id, Finished("completed", "adapter", 100, 0.7, 0.8, 100, 0.8, None, 42.0))
        if status == "failed":
            self.tell(
                run_id,
                Failed("RUNTIME_OUT_OF_MEMORY", "The machine ran out of memory.", "Use less."),
            )
        self.store.end(run_id, status)
        return self.store.get(run_id)


def step_event(step: int, total: int) -> Step:
    return Step(
        step=step,
        total_steps=total,
        epoch=3 * step / total,
        loss=loss_at(step),
        learning_rate=2e-4,
        grad_norm=0.9,
        tokens=step * 700,
        tokens_per_second=1523.4,
        eta_seconds=float(total - step),
    )


def loss_at(step: int) -> float:
    return 0.6 + 2.4 * math.exp(-step / 40) + 0.05 * math.sin(step)
