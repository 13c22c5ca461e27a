"""A store in a fresh folder, and runs in it that need no training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import DataConfig, LimitsConfig, RunConfig
from engine.runs.records import Run
from engine.runs.store import Store

MakeRun = Callable[..., Run]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home" / "runs.db")


@pytest.fixture
def make_run(store: Store, tmp_path: Path) -> MakeRun:
    def make(run_id: str = "20260101-000000-aaaa", **limits: float) -> Run:
        config = RunConfig(
            data=DataConfig(path=tmp_path / "data.jsonl"),
            output_dir=tmp_path / "out",
            limits=LimitsConfig.model_validate(limits),
        )
        run = store.add_run(
            run_id,
            kind=config.kind,
            name="",
            config=config.model_dump_json(),
            output_dir=config.output_dir,
            origin="cli",
        )
        run.run_dir.mkdir(parents=True, exist_ok=True)
        return run

    return make
