"""Asking a run's model a question, from a process that does not load torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from engine.config import RunConfig
from engine.errors import BackpropError
from engine.runs.processes import python_path
from engine.runs.records import Run


@dataclass(frozen=True)
class Answers:
    """The same question answered by the base model and by the tuned one."""

    question: str
    before: str
    after: str


def ask(run: Run, question: str, max_new_tokens: int = 64) -> Answers:
    """Load the run's base model and adapter in a child process and let both answer.

    Takes as long as loading the model does. Raises STATE_RUN_BUSY while there is no adapter yet,
    and what loading a model raises.
    """
    if run.result is None or run.kind != "train":
        raise BackpropError(
            "STATE_RUN_BUSY",
            f"Run {run.id} is {run.status} and has no finished adapter.",
            hint="Wait for its end, or resume it.",
        )
    config = RunConfig.model_validate_json(run.config_json)
    request = {
        "model_name": config.model.name,
        "adapter": run.result.path,
        "question": question,
        "max_new_tokens": max_new_tokens,
    }
    done = subprocess.run(
        [sys.executable, "-m", "engine.evaluation.answer"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=os.environ | {"PYTHONPATH": python_path(), "HF_HUB_DISABLE_TELEMETRY": "1"},
    )
    return _answers(question, done)


def _answers(question: str, done: subprocess.CompletedProcess[str]) -> Answers:
    try:
        reply = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise BackpropError(
            "RUNTIME_CHILD_DIED",
            "The process that answers questions ended without a word.",
            hint="--verbose shows its last words.",
            cause=done.stderr[-2000:],
        ) from error
    if "error" in reply:
        raise BackpropError(**reply["error"])
    return Answers(question, reply["before"], reply["after"])
