"""One measured training in a process of its own (see benchmarks/training.py)."""

from __future__ import annotations

import io
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from benchmarks.training import HELD_OUT, TRAIN, Measured, print_result
from engine.config import (
    DataConfig,
    LoraConfig,
    ModelConfig,
    Precision,
    RunConfig,
    TrainingConfig,
)
from engine.data.prepare import prepare
from engine.models.load import load_model, load_tokenizer
from engine.models.resolve import resolve
from engine.runs.child import Assignment, Channel
from engine.runs.events import Event, Step
from engine.training.adapter import write_adapter
from engine.training.allocator import keep_freed_memory
from engine.training.batches import with_labels
from engine.training.components import peft_config
from engine.training.sft import train

STEPS, BATCH, RANK, RATE = 30, 4, 16, 2e-4


class Watch:
    """When each step ended, by the clock and by the CPU, and how many tokens there were."""

    def __init__(self) -> None:
        self.base_bytes = psutil.Process().memory_info().rss
        self.marks: list[tuple[float, float, int]] = []
        self.losses: list[float] = []

    def step(self, tokens: int, loss: float) -> None:
        self.marks.append((time.perf_counter(), time.process_time(), tokens))
        self.losses.append(loss)

    def result(self) -> Measured:
        (began, cpu_began, _), (ended, cpu_ended, _) = self.marks[0], self.marks[-1]
        tokens = sum(mark[2] for mark in self.marks[1:])
        pairs = zip(self.marks, self.marks[1:], strict=False)
        return Measured(
            tokens_per_second=tokens / (ended - began),
            tokens_per_cpu_second=tokens / (cpu_ended - cpu_began),
            peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - self.base_bytes,
            losses=self.losses,
            seconds_of_steps=[later[0] - earlier[0] for earlier, later in pairs],
        )


def config_for(folder: Path, precision: Precision = "auto") -> RunConfig:
    return RunConfig(
        output_dir=folder / "output",
        model=ModelConfig(name="starter", precision=precision),
        data=DataConfig(path=folder / TRAIN, eval_path=folder / HELD_OUT),
        lora=LoraConfig(r=RANK),
        training=TrainingConfig(
            steps=STEPS,
            per_device_batch_size=BATCH,
            gradient_accumulation_steps=1,
            learning_rate=RATE,
            warmup_ratio=0.1,
            eval_every_steps=STEPS,
        ),
    )


def run_ours(folder: Path, name: str, precision: Precision) -> Measured:
    keep_freed_memory()
    watch = Watch()
    seen = 0

    class Listening(Channel):
        def emit(self, event: Event) -> None:
            nonlocal seen
            if isinstance(event, Step):
                watch.step(event.tokens - seen, event.loss)
                seen = event.tokens
                if event.step == STEPS:
                    results.append(watch.result())

    results: list[Measured] = []
    # A pipe that stays open: the end of the commands would end the process.
    commands = os.fdopen(os.pipe()[0])
    run_dir = folder / name
    run_dir.mkdir()
    assignment = Assignment(name, run_dir, 1, config_for(folder, precision))
    train(assignment, Listening(io.StringIO(), commands))
    return results[0]


def run_trl(folder: Path, name: str, **arguments: Any) -> Measured:
    """Plain TRL on the same tokens and labels, in the same order."""
    watch = Watch()
    config = config_for(folder)
    tokenizer = load_tokenizer(resolve("starter"))
    data = prepare(config, tokenizer)
    trainer = SFTTrainer(
        model=load_model(resolve("starter"), "fp32", "cpu"),
        args=SFTConfig(
            output_dir=str(folder / name / "trainer"),
            max_steps=STEPS,
            per_device_train_batch_size=BATCH,
            learning_rate=RATE,
            lr_scheduler_type="cosine",
            warmup_steps=STEPS // 10,
            seed=config.training.seed,
            data_seed=config.training.seed,
            use_cpu=True,
            logging_steps=1,
            include_num_input_tokens_seen="non_padding",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **arguments,
        ),
        train_dataset=with_labels(data.train),
        processing_class=tokenizer,
        peft_config=peft_config(config.lora, "all-linear", "starter"),
        callbacks=[_Steps(watch.step)],
    )
    trainer.train()
    result = watch.result()
    adapter = folder / name / "adapter"
    adapter.mkdir(parents=True)
    write_adapter(trainer.model, adapter)
    return result


class _Steps(TrainerCallback):
    def __init__(self, note: Callable[[int, float], None]) -> None:
        self._note = note
        self._seen = 0

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" in logs:
            self._note(int(state.num_input_tokens_seen) - self._seen, float(logs["loss"]))
            self._seen = int(state.num_input_tokens_seen)


def main(variant: str, folder: Path) -> None:
    match variant:
        case "ours":
            result = run_ours(folder, variant, "auto")
        case "ours-fp32":
            result = run_ours(folder, variant, "fp32")
        case "trl":
            result = run_trl(folder, variant)
        case "fp32":
            result = run_trl(folder, variant, bf16=False, activation_checkpointing=False)
        case _:
            raise SystemExit(f"no variant {variant}")
    print_result(result)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
