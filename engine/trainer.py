"""Fine-tuning from Python: the same runs in the same store as the page and the command."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine import api
from engine.config import ExportConfig, RunConfig
from engine.errors import BackpropError
from engine.outcome import failure_of
from engine.runs.events import Event
from engine.runs.records import Run, Status
from engine.train_config import build_train_config
from engine.train_names import python_name, settings_by_path

LogCallback = Callable[[Event], None]


@dataclass(frozen=True)
class TrainingRun:
    """A training that has ended. `history` is the loss of each step, `path` the adapter."""

    run_id: str
    status: Status
    steps: int
    loss: float | None
    eval_loss: float | None
    history: tuple[float, ...]
    path: Path


@dataclass(frozen=True)
class RunResult:
    """What another kind of run made, and where it lies."""

    run_id: str
    status: Status
    path: Path


class Trainer:
    """Trains adapters for one model.

    >>> trainer = Trainer("starter", lora_r=8, learning_rate=1e-3)       # doctest: +SKIP
    >>> run = trainer.train("examples/quickstart.jsonl", steps=10)       # doctest: +SKIP
    >>> trainer.export("adapter").path                                   # doctest: +SKIP

    `settings` are those of `backprop train`, under their flag's name (`lora_r`, `lr`,
    `batch_size`) or their own (`learning_rate`, `per_device_batch_size`); what is not given
    comes from the environment, `.env` and `backprop config`. `on_log` is called in this
    process with every event of a run.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        output_dir: str | Path = "output",
        on_log: LogCallback | None = None,
        report_to: Literal["none"] = "none",
        **settings: object,
    ) -> None:
        if report_to != "none":
            raise BackpropError(
                "INPUT_VALIDATION_FAILED",
                f"report_to={report_to!r} is not supported: runs are recorded in our own store.",
                hint="Leave report_to out; on_log is called with every event.",
            )
        self.output_dir = Path(output_dir)
        self.run_id: str | None = None
        self._model = model
        self._on_log = on_log
        self._given = settings_by_path(settings)

    def train(
        self, data: str | Path, *, steps: int | None = None, **settings: object
    ) -> TrainingRun:
        """Train on a file of examples and wait for the end.

        Raises BackpropError, with the run's own code, when the run failed. Ctrl-C asks the run
        to save and end.
        """
        given = {
            **self._given,
            **settings_by_path(settings),
            "data.path": Path(data),
            "model.name": self._model,
            "output_dir": self.output_dir,
        }
        if steps is not None:
            given["training.steps"] = steps
        config = build_train_config(given, api.settings(), python_name)
        run = api.submit(config, origin="python")
        self.run_id = run.id
        return _as_training(self._wait(run, after_seq=0))

    def resume(self, run_id: str | None = None) -> TrainingRun:
        """Go on with a run (unset, this trainer's last one) from its newest checkpoint."""
        wanted = self._known(run_id)
        seen = api.last_seq(wanted)
        run = api.resume(wanted)
        self.run_id = run.id
        return _as_training(self._wait(run, after_seq=seen))

    def save(self, path: str | Path | None = None) -> Path:
        """Copy the last run's adapter to a folder (unset, `<output_dir>/lora`); returns it."""
        adapter = _made_by(api.get_run(self._known(None)))
        target = self.output_dir / "lora" if path is None else Path(path)
        shutil.copytree(adapter, target, dirs_exist_ok=True)
        return target

    def export(
        self,
        format: Literal["adapter", "lora"] = "adapter",
        *,
        checkpoint: str = "final",
        output_dir: str | Path | None = None,
    ) -> RunResult:
        """Write the last run's adapter as a folder of its own; `lora` is the same format."""
        if format not in ("adapter", "lora"):
            raise BackpropError(
                "INPUT_VALIDATION_FAILED",
                f"There is no export format {format!r}.",
                hint="Take adapter (lora is the same).",
            )
        config = RunConfig(
            kind="export",
            output_dir=self.output_dir if output_dir is None else Path(output_dir),
            export=ExportConfig(source=self._known(None), format="adapter", checkpoint=checkpoint),
        )
        run = self._wait(api.submit(config, origin="python"), after_seq=0)
        return RunResult(run.id, run.status, _made_by(run))

    def _known(self, run_id: str | None) -> str:
        wanted = run_id or self.run_id
        if wanted is None:
            raise BackpropError(
                "INPUT_RUN_NOT_FOUND",
                "This trainer has not trained anything yet.",
                hint="Call train() first, or name a run: trainer.resume(run_id).",
            )
        return api.get_run(wanted).id

    def _wait(self, run: Run, *, after_seq: int) -> Run:
        """The run when it has ended; raises its error when it failed."""
        print(f"run_started run_id={run.id}", file=sys.stderr, flush=True)
        try:
            for stored in api.follow(run.id, after_seq=after_seq):
                if self._on_log is not None:
                    self._on_log(stored.event)
        except KeyboardInterrupt:
            api.stop(run.id)
            raise
        ended = api.get_run(run.id)
        failure = failure_of(ended)
        if failure:
            raise failure
        return ended


def _as_training(run: Run) -> TrainingRun:
    return TrainingRun(
        run_id=run.id,
        status=run.status,
        steps=run.step,
        loss=run.loss,
        eval_loss=run.eval_loss,
        history=tuple(api.curve(run.id).losses),
        path=_made_by(run),
    )


def _made_by(run: Run) -> Path:
    if run.result is None or not run.result.path:
        raise BackpropError(
            "STATE_RUN_BUSY",
            f"The run {run.id} ({run.status}) has made nothing yet.",
            hint=f"Go on with it: trainer.resume({run.id!r})",
        )
    return Path(run.result.path)
