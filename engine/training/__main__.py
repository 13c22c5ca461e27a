"""The training child: `python -m engine.training --run-id ID --run-dir DIR --attempt N`."""

from __future__ import annotations

import sys

import datasets
import torch

from engine.errors import BackpropError
from engine.logs import start_logging
from engine.runs.child import Assignment, Channel, run_child
from engine.runs.events import Finished
from engine.settings import load_settings
from engine.training.allocator import keep_freed_memory
from engine.training.sft import train


def work(assignment: Assignment, channel: Channel) -> Finished:
    """Train, and name a lack of memory on the graphics card."""
    # The supervisor writes stderr to the run's log.
    start_logging(load_settings())
    try:
        return train(assignment, channel)
    except torch.OutOfMemoryError as error:
        raise BackpropError(
            "RUNTIME_GPU_OOM",
            "The GPU ran out of memory.",
            hint="Use a smaller batch, a shorter max length or a smaller model, then resume.",
            cause=str(error),
            retryable=True,
        ) from error


if __name__ == "__main__":
    keep_freed_memory()
    datasets.disable_progress_bars()
    sys.exit(run_child(work))
