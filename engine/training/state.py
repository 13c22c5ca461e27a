"""Optimizer, scheduler and random numbers as safetensors and JSON: nothing is ever unpickled."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from engine.training.plan import NumberFormat

TENSORS = "state.safetensors"
VALUES = "state.json"

# What torch calls a state dict: its values are whatever each optimizer or scheduler keeps.
StateDict = dict[str, Any]


@dataclass(frozen=True)
class Progress:
    """What is known of a run beside its weights; goes on across resumes."""

    data_sha256: str = ""
    device: str = ""
    precision: NumberFormat | None = None
    loss: float | None = None
    eval_loss: float | None = None
    evaluated_step: int = 0
    best_step: int | None = None
    best_eval_loss: float | None = None
    evaluations_since_best: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class TrainingState:
    """Everything a resume needs beside the adapter and the trainer's own counters."""

    optimizer: StateDict
    scheduler: StateDict
    scaler: StateDict | None
    progress: Progress


def write_state(folder: Path, state: TrainingState) -> None:
    """Write `state` and the state of all random number generators into `folder`."""
    tensors, optimizer = _split_optimizer(state.optimizer)
    version, numbers, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    values = {
        "optimizer": optimizer,
        "scheduler": state.scheduler,
        "scaler": state.scaler,
        "progress": asdict(state.progress),
        "python_random": [version, list(numbers), gauss],
        "numpy_random": [name, np.asarray(keys).tolist(), position, has_gauss, cached],
    }
    save_file(tensors | _random_tensors(), folder / TENSORS)
    (folder / VALUES).write_text(json.dumps(values), encoding="utf-8")


def read_state(folder: Path) -> TrainingState:
    """Read what `write_state` wrote. The caller has verified the folder's hashes."""
    values = _read_values(folder)
    tensors = load_file(folder / TENSORS)
    return TrainingState(
        _join_optimizer(tensors, values["optimizer"]),
        values["scheduler"],
        values["scaler"],
        Progress(**values["progress"]),
    )


def read_progress(folder: Path) -> Progress:
    return Progress(**_read_values(folder)["progress"])


def restore_random(folder: Path) -> None:
    """Put all random number generators where they were."""
    values = _read_values(folder)
    tensors = load_file(folder / TENSORS)
    version, numbers, gauss = values["python_random"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, *rest = values["numpy_random"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    if "random.mps" in tensors and torch.backends.mps.is_available():
        torch.mps.set_rng_state(tensors["random.mps"])


def _random_tensors() -> dict[str, torch.Tensor]:
    tensors = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    if torch.backends.mps.is_available():
        tensors["random.mps"] = torch.mps.get_rng_state()
    return tensors


def _split_optimizer(optimizer: StateDict) -> tuple[dict[str, torch.Tensor], StateDict]:
    """Tensors become `optimizer.<parameter>.<name>`; the rest is JSON already."""
    tensors: dict[str, torch.Tensor] = {}
    values: dict[str, StateDict] = {}
    for parameter, entries in optimizer["state"].items():
        for name, value in entries.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer.{parameter}.{name}"] = value.contiguous()
            else:
                values.setdefault(str(parameter), {})[name] = value
    return tensors, {"state": values, "param_groups": optimizer["param_groups"]}


def _join_optimizer(tensors: dict[str, torch.Tensor], values: StateDict) -> StateDict:
    state: dict[int, StateDict] = {
        int(parameter): dict(entries) for parameter, entries in values["state"].items()
    }
    for key, tensor in tensors.items():
        kind, _, rest = key.partition(".")
        if kind == "optimizer":
            parameter, _, name = rest.partition(".")
            state.setdefault(int(parameter), {})[name] = tensor
    return {"state": state, "param_groups": values["param_groups"]}


def _read_values(folder: Path) -> StateDict:
    values: StateDict = json.loads((folder / VALUES).read_text(encoding="utf-8"))
    return values
