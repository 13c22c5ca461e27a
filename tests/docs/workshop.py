"""A folder and a home in which documented commands are run, with runs in every state."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from engine import api
from engine.config import RunConfig
from engine.runs.records import Run
from tests.docs.blocks import ROOT, Command
from tests.waiting import until

PROGRAM = Path(sys.executable).with_name("backprop")
COMMAND_SECONDS = 180.0
RUN_SECONDS = 180.0
MANY_STEPS = 1_000_000


@dataclass(frozen=True)
class Workshop:
    """`folder` is where commands are typed; the runs are small ones of the tiny model."""

    folder: Path
    tiny_model: Path

    @classmethod
    def open(cls, folder: Path, tiny_model: Path) -> Workshop:
        shutil.copytree(ROOT / "examples", folder / "examples")
        return cls(folder, tiny_model)

    def run(self, command: Command) -> subprocess.CompletedProcess[str]:
        """Type one of our commands."""
        words = self._with_run(command.words)
        if command.words[0] == "train" and "--resume" not in command.words:
            words.append("--dry-run")
        return self._start([str(PROGRAM), *words], dict(command.variables))

    def run_python(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run a block of Python; the tiny model stands in for the starter."""
        shown = text.replace('"starter"', repr(str(self.tiny_model)))
        return self._start([sys.executable, "-c", shown], {})

    def completed(self) -> Run:
        """A training that did all its steps, in the folder `output`."""
        found = api.list_runs(status="completed", kind="train", limit=1)
        return found[0] if found else self._wait_for_end(self._submit(steps=2, eval_every_steps=1))

    def running(self) -> Run:
        """A training under way."""
        found = [run for run in api.list_runs() if run.status in ("running", "paused")]
        run = found[0] if found else self._submit(steps=MANY_STEPS, save_every_steps=MANY_STEPS)
        until(lambda: api.get_run(run.id).step > 0, "the first step", RUN_SECONDS)
        return api.get_run(run.id)

    def stopped(self) -> Run:
        """A training that was stopped while it waited, and can be resumed."""
        self.running()
        run = api.stop(self._submit(steps=2).id)
        self.close()
        return run

    def close(self) -> None:
        """Stop whatever is under way."""
        for run in api.list_runs(limit=100):
            if run.is_live:
                api.stop(run.id)
                self._wait_for_end(run)

    def _with_run(self, words: tuple[str, ...]) -> list[str]:
        """Put the id of a fitting run in the place of RUN."""
        if "RUN" not in words:
            return list(words)
        make = {
            "stop": self.running,
            "pause": self.running,
            "resume": self.stopped,
            "train": self.stopped,
            "delete": self.stopped,
        }.get(words[0], self.completed)
        run_id = make().id
        return [run_id if word == "RUN" else word for word in words]

    def _submit(self, **training: object) -> Run:
        config = {
            "model": {"name": str(self.tiny_model), "precision": "fp32"},
            "data": {"path": self.folder / "examples" / "quickstart.jsonl"},
            "output_dir": self.folder / "output",
            "lora": {"r": 4},
            "training": training,
        }
        return api.submit(RunConfig.model_validate(config), origin="cli")

    def _wait_for_end(self, run: Run) -> Run:
        until(lambda: not api.get_run(run.id).is_live, "the end of the run", RUN_SECONDS)
        return api.get_run(run.id)

    def _start(
        self, command: list[str], variables: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=COMMAND_SECONDS,
            check=False,
        )
