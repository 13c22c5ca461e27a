"""Real runs of the model of two layers: dispatcher, supervisor and training child."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import api
from engine.config import RunConfig
from engine.runs.records import Run
from tests.ui.conftest import pages
from tests.waiting import until

__all__ = ["pages"]

END_SECONDS = 180.0

Submit = Callable[..., Run]


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A file of forty short chats."""
    path = tmp_path / "examples.jsonl"
    chats = [
        {"messages": [
            {"role": "user", "content": f"What is {n} plus one?"},
            {"role": "assistant", "content": f"{n} plus one is {n + 1}."},
        ]}
        for n in range(40)
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(chat) for chat in chats), encoding="utf-8")
    return path


@pytest.fixture
def submit(tiny_model: Path, examples: Path, tmp_path: Path) -> Iterator[Submit]:
    """Submit a training of the tiny model; whatever still lives at the end is stopped."""

    def submit_training(**training: object) -> Run:
        config = {
            "model": {"name": str(tiny_model), "precision": "fp32"},
            "data": {"path": examples},
            "output_dir": tmp_path / "out",
            "lora": {"r": 4, "dropout": 0.1},
            "training": {"learning_rate": 1e-2, **training},
            "limits": {"threads": 1},
        }
        return api.submit(RunConfig.model_validate(config), origin="cli")

    yield submit_training
    for run in api.list_runs(limit=100):
        if run.is_live:
            api.stop(run.id)
            wait_for_end(run.id)


def wait_for_step(run_id: str, step: int) -> Run:
    until(lambda: api.get_run(run_id).step >= step, f"step {step}", END_SECONDS)
    return api.get_run(run_id)


def wait_for_end(run_id: str) -> Run:
    until(lambda: not api.get_run(run_id).is_live, "the end of the run", END_SECONDS)
    return api.get_run(run_id)
