"""A disk that fills up while a checkpoint is written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors import SafetensorError

from engine.runs.child import describe_failure
from engine.runs.events import CheckpointSaved, Failed, RunStarted
from engine.training.checkpoints import steps_in, verify
from tests.training.child import run_process, tiny_config, write_config


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        SafetensorError("Error while serializing: I/O error: No space left (os error 28)"),
        RuntimeError("There is not enough space on the disk. (os error 112)"),
    ],
)
def test_full_disk_is_told_whoever_notices_it(error: Exception) -> None:
    failure = describe_failure(error)
    assert failure.code == "RUNTIME_DISK_FULL"
    assert failure.retryable


if sys.platform == "linux" and os.geteuid() == 0:

    @pytest.fixture
    def small_disk(tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "disk"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
        yield folder
        subprocess.run(["umount", folder], check=True)

    @pytest.mark.train
    def test_earlier_checkpoint_survives_and_the_run_resumes(
        small_disk: Path, tiny_model: Path, tmp_path: Path
    ) -> None:
        config = tiny_config(
            tmp_path, tiny_model, steps=20, save_every_steps=1, keep_checkpoints=50
        )
        run_dir = write_config(small_disk / "run", config)
        told, code = run_process(run_dir)
        assert code == 2
        (failure,) = told.of(Failed)
        assert failure.code == "RUNTIME_DISK_FULL"
        saved = [event.step for event in told.of(CheckpointSaved)]
        assert saved
        assert list(steps_in(run_dir)) == saved
        assert all(verify(path) for path in steps_in(run_dir).values())
        assert not list((run_dir / "checkpoints").glob("*.partial"))

        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
        told, code = run_process(run_dir, attempt=2)
        assert code == 0
        assert told.of(RunStarted)[0].resumed_from_step == saved[-1]
        assert told.finished.steps == 20
