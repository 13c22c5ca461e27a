"""TRL's SFT trainer with our checkpoints and an eval loss that counts every token once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import PrinterCallback
from trl import SFTTrainer

from engine.training.adapter import read_adapter, write_adapter
from engine.training.batches import Collator
from engine.training.callbacks import EvaluationAbandoned, RunReporter
from engine.training.checkpoints import prune, save_checkpoint
from engine.training.fast_path import use_fused_parts
from engine.training.fused_loss import mean_loss
from engine.training.plan import DevicePlan
from engine.training.state import TrainingState, read_state, restore_random, write_state


class RunTrainer(SFTTrainer):  # type: ignore[misc]  # trl has no types
    """Replaces how the trainer saves and loads; the training loop is transformers' own.

    Arguments are those of `SFTTrainer` and four of ours. The signatures of the overridden
    methods are transformers' (checked with 5.23).
    """

    def __init__(
        self,
        *,
        run_dir: Path,
        keep_checkpoints: int,
        reporter: RunReporter,
        collator: Collator,
        **trainer: Any,
    ) -> None:
        super().__init__(callbacks=[reporter], **trainer)
        # TRL refuses it as an argument where batches are free of padding, and makes one alike.
        self.data_collator = collator
        self.remove_callback(PrinterCallback)
        self._run_dir = run_dir
        self._keep_checkpoints = keep_checkpoints
        self._reporter = reporter
        self._eval_loss_sum = 0.0
        self._eval_tokens = 0
        self._fuses_loss = False

    def use_fast_path(self, plan: DevicePlan) -> None:
        """Compute with the fused parts that the plan and this model allow."""
        self._fuses_loss = use_fused_parts(self.model, plan)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:
        """TRL's loss, fused where it can be: the same number, without TRL's entropy metrics."""
        if return_outputs or not self._fuses_loss:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        loss = mean_loss(model, inputs, num_items_in_batch)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return loss

    # Saving

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        checkpoint = save_checkpoint(self._run_dir, self.state.global_step, self._write_all)
        self._reporter.saved(checkpoint)
        best = self._reporter.progress.best_step
        prune(self._run_dir, keep=self._keep_checkpoints, best_step=best)

    def _write_all(self, folder: Path) -> None:
        write_adapter(self.model, folder)
        scaler = self.accelerator.scaler
        state = TrainingState(
            optimizer=self.optimizer.state_dict(),
            scheduler=self.lr_scheduler.state_dict(),
            scaler=None if scaler is None else scaler.state_dict(),
            progress=self._reporter.progress_now(),
        )
        write_state(folder, state)
        self.state.save_to_json(str(folder / TRAINER_STATE_NAME))

    # Loading

    def load_weights(self, checkpoint: Path) -> None:
        """Take the adapter of a checkpoint, and nothing else."""
        read_adapter(self.model, checkpoint)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self.load_weights(Path(resume_from_checkpoint))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        state = read_state(Path(checkpoint))
        self.optimizer.load_state_dict(state.optimizer)
        self.lr_scheduler.load_state_dict(state.scheduler)
        if state.scaler is not None:
            self.accelerator.scaler.load_state_dict(state.scaler)

    def _load_scaler(self, checkpoint: str | None) -> None:
        """Loaded with the optimizer."""

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_random(Path(checkpoint))

    # Measuring

    def _evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        try:
            metrics: dict[str, float] = super()._evaluate(*args, **kwargs)
        except EvaluationAbandoned:
            self.control.should_evaluate = False
            return {}
        return metrics

    def evaluation_loop(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> Any:
        """The mean loss over all tokens, where the original averages the batches' means.

        Random numbers that it draws are given back: a run that is stopped before a measurement
        and one that goes on must train alike.
        """
        self._eval_loss_sum, self._eval_tokens = 0.0, 0
        with torch.random.fork_rng(devices=[]):
            output = super().evaluation_loop(*args, metric_key_prefix=metric_key_prefix, **kwargs)
        mean = self._eval_loss_sum / max(1, self._eval_tokens)
        output.metrics[f"{metric_key_prefix}_loss"] = mean
        return output

    def prediction_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        step = super().prediction_step(model, inputs, *args, **kwargs)
        # The label of a row's first token is predicted by nothing.
        tokens = int((inputs["labels"][..., 1:] != -100).sum())
        self._eval_loss_sum += float(step[0]) * tokens
        self._eval_tokens += tokens
        return step
