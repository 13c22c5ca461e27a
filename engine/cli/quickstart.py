"""`backprop quickstart`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from engine import api
from engine.cli.console import open_console
from engine.cli.setup import prepare_starter
from engine.cli.watch import announce, watch
from engine.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from engine.errors import Exit
from engine.evaluation.ask import Answers
from engine.resources import quickstart_examples

QUESTION = "What is the capital of France?"
STEPS = 40
LEARNING_RATE = 1e-3


def quickstart(
    output: Annotated[Path, typer.Option("--output", help="Folder for the run's files.")] = Path(
        "output"
    ),
) -> int:
    """Fine-tune the small starter model in a minute and compare its answers."""
    prepare_starter()
    run = api.submit(_config(output), origin="cli")
    announce(run)
    code = watch(run, as_json=False)
    if code == Exit.OK:
        print("\nAsking the same question before and after ...", flush=True)
        _show(api.ask(run.id, QUESTION))
    return code


def _config(output: Path) -> RunConfig:
    return RunConfig(
        name="quickstart",
        model=ModelConfig(name="starter"),
        data=DataConfig(path=quickstart_examples()),
        output_dir=output,
        training=TrainingConfig(
            steps=STEPS,
            learning_rate=LEARNING_RATE,
            per_device_batch_size=4,
            gradient_accumulation_steps=1,
            eval_every_steps=STEPS // 2,
        ),
    )


def _show(answers: Answers) -> None:
    rows = Table.grid(padding=(0, 2))
    rows.add_row(Text("before", style="dim"), Text(answers.before))
    rows.add_row()
    rows.add_row(Text("after", style="bold"), Text(answers.after))
    open_console().print(Panel(rows, title=answers.question, title_align="left", padding=(1, 2)))
