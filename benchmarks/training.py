"""Training speed, memory and loss: TRL's defaults, plain fp32, and this program, on the same rows.

Each training has a process of its own, and nothing else should run. `python -m
benchmarks.training VARIANT FOLDER` is one of them; the last line it prints is its result.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.chats import write_chats
from engine.runs.supervisor import PATIENCE

VARIANTS = {
    "trl": "TRL's defaults",
    "fp32": "plain fp32, no checkpointing",
    "ours": "backprop train",
    "ours-fp32": "the same with --precision fp32",
}
TRAIN, HELD_OUT = "chats.jsonl", "held-out.jsonl"
ROWS, HELD_OUT_ROWS = 120, 24
MINUTES = 30


@dataclass(frozen=True)
class Measured:
    """One training. Tokens are those that are not padding; a rate leaves the first step out."""

    tokens_per_second: float
    tokens_per_cpu_second: float
    peak_bytes: int
    losses: list[float]
    seconds_of_steps: list[float]


@dataclass(frozen=True)
class Judged:
    """What all trainings are held against: adapters' losses on fp32, and the machine's best."""

    held_out_losses: dict[str, float]
    peak_flops: float
    flops_per_token: float


def measure() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_chats(folder / TRAIN, ROWS, seed=7)
        write_chats(folder / HELD_OUT, HELD_OUT_ROWS, seed=8)
        found = {variant: Measured(**_run("training_run", variant, folder)) for variant in VARIANTS}
        judged = Judged(**_run("training_judge", ",".join(VARIANTS), folder))
    _show(found, judged)


def _run(module: str, what: str, folder: Path) -> dict[str, object]:
    command = [sys.executable, "-m", f"benchmarks.{module}", what, str(folder)]
    # As the supervisor starts a training; all variants get it, so that none is slowed alone.
    environment = {"OMP_NUM_THREADS": str(os.cpu_count() or 1)} | PATIENCE | os.environ
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, env=environment, timeout=MINUTES * 60
    )
    if done.returncode:
        raise SystemExit(f"{what} ended with code {done.returncode}")
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def print_result(result: Measured | Judged) -> None:
    print("\n" + json.dumps(dataclasses.asdict(result)))


def _show(found: dict[str, Measured], judged: Judged) -> None:
    table = Table(title="30 steps of SmolLM2, LoRA rank 16, 4 short chats a step")
    for column in (
        "",
        "tokens/s",
        "of peak",
        "tokens/CPU s",
        "memory",
        "held-out loss",
        "mean loss",
    ):
        table.add_column(column)
    for variant, one in found.items():
        share = one.tokens_per_second * judged.flops_per_token / judged.peak_flops
        table.add_row(
            VARIANTS[variant],
            f"{one.tokens_per_second:.0f}",
            f"{share:.0%}",
            f"{one.tokens_per_cpu_second:.0f}",
            f"{one.peak_bytes / 1e9:.2f} GB",
            f"{judged.held_out_losses[variant]:.4f}",
            f"{statistics.mean(one.losses):.4f}",
        )
    console = Console(width=110)
    console.print(table)
    for line in _against_targets(found, judged):
        console.print(line)
    for variant, one in found.items():
        console.print(f"{variant}: " + " ".join(f"{loss:.3f}" for loss in one.losses))


def _against_targets(found: dict[str, Measured], judged: Judged) -> list[str]:
    ours, trl, fp32 = found["ours"], found["trl"], found["fp32"]
    gap = judged.held_out_losses["ours"] - judged.held_out_losses["fp32"]
    return [
        f"speed: {ours.tokens_per_second / trl.tokens_per_second:.2f} times TRL's defaults (2.3), "
        f"{ours.tokens_per_second / fp32.tokens_per_second:.2f} times fp32 (2.6)",
        f"by CPU time: {ours.tokens_per_cpu_second / trl.tokens_per_cpu_second:.2f} and "
        f"{ours.tokens_per_cpu_second / fp32.tokens_per_cpu_second:.2f} times",
        f"memory: {ours.peak_bytes / trl.peak_bytes:.0%} of TRL's defaults (55 %)",
        f"held-out loss: {gap:+.4f} to fp32 (+0.005)",
        f"bf16 matrix product here: {judged.peak_flops / 1e9:.0f} GFLOP/s; "
        f"a token takes {judged.flops_per_token / 1e9:.2f} GFLOP",
    ]
