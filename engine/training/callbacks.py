"""What a training tells, and how it obeys: between the trainer's loop and the run's pipe."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine.errors import BackpropError
from engine.runs.child import Channel
from engine.runs.events import CheckpointSaved, Evaluated, Step
from engine.training.checkpoints import Checkpoint
from engine.training.plan import Schedule
from engine.training.state import Progress

logger = logging.getLogger(__name__)

WINDOW_STEPS = 20


class EvaluationAbandoned(Exception):
    """A stop was asked while the eval loss was measured; the resumed run measures it."""


class Pace:
    """Speed over the last steps. Time in evaluations and pauses is not training time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._window: deque[tuple[float, int]] = deque(maxlen=WINDOW_STEPS)
        self._step_began = clock()
        self._tokens = 0
        self._evaluation_began = clock()
        self._evaluation_seconds = 0.0
        self.training_seconds = 0.0

    def begin_step(self) -> None:
        self._step_began = self._clock()

    def end_step(self, tokens: int) -> None:
        """Note a step; `tokens` counts all tokens up to here."""
        seconds = self._clock() - self._step_began
        self.training_seconds += seconds
        self._window.append((seconds, tokens - self._tokens))
        self._tokens = tokens

    def go_on_from(self, tokens: int) -> None:
        """Start counting after an earlier attempt's tokens."""
        self._tokens = tokens

    def begin_evaluation(self) -> None:
        self._evaluation_began = self._clock()

    def end_evaluation(self) -> None:
        self._evaluation_seconds = self._clock() - self._evaluation_began
        self.training_seconds += self._evaluation_seconds

    def tokens_per_second(self) -> float:
        return sum(tokens for _, tokens in self._window) / self._window_seconds()

    def eta_seconds(self, steps: int, evaluations: int) -> float:
        """Time for the steps and evaluations that are left."""
        per_step = self._window_seconds() / max(1, len(self._window))
        return steps * per_step + evaluations * self._evaluation_seconds

    def _window_seconds(self) -> float:
        return max(1e-9, sum(seconds for seconds, _ in self._window))


class RunReporter(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Emits the run's events and decides, at each step's border, what comes next."""

    def __init__(
        self,
        channel: Channel,
        schedule: Schedule,
        progress: Progress,
        *,
        patience: int | None = None,
        scales_gradients: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.progress = progress
        self.stopped = False
        self._channel = channel
        self._schedule = schedule
        self._patience = patience
        self._scales_gradients = scales_gradients
        self._earlier_seconds = progress.seconds
        self._pace = Pace(clock)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._pace.go_on_from(state.num_input_tokens_seen)
        self._pace.begin_evaluation()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._pace.begin_step()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        control.should_evaluate = self._schedule.evaluates_at(state.global_step)
        control.should_save = self._schedule.saves_at(state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float],
        **_: Any,
    ) -> None:
        # The events are the history; kept here too, it would be rewritten with each checkpoint.
        state.log_history.clear()
        if "loss" not in logs:
            return  # the trainer's summary of an evaluation or of the whole training
        self._pace.end_step(state.num_input_tokens_seen)
        self._tell_step(state, logs)
        self._channel.wait_while_paused()
        self._pace.begin_evaluation()
        if self._must_stop(state):
            self._end_here(control)
            control.should_evaluate = False

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._must_stop(state):
            self._end_here(control)
            raise EvaluationAbandoned

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float],
        **_: Any,
    ) -> None:
        self._pace.end_evaluation()
        loss = metrics["eval_loss"]
        if not math.isfinite(loss):
            raise _not_finite(f"The eval loss at step {state.global_step} is {loss}")
        is_best = self._note_evaluation(state.global_step, loss)
        self._channel.emit(Evaluated(state.global_step, loss, is_best))
        logger.info("step %d: eval loss %.4f%s", state.global_step, loss, " (best)" * is_best)
        if is_best:
            control.should_save = True
        if self._patience and self.progress.evaluations_since_best >= self._patience:
            logger.info("no lower eval loss in %d measurements: ending", self._patience)
            control.should_save = control.should_training_stop = True

    def saved(self, checkpoint: Checkpoint) -> None:
        """Tell of a checkpoint that is complete on disk."""
        is_best = checkpoint.step == self.progress.best_step
        self._channel.emit(
            CheckpointSaved(checkpoint.step, str(checkpoint.path), checkpoint.sha256, is_best)
        )
        logger.info("step %d: saved %s", checkpoint.step, checkpoint.path.name)

    def progress_now(self) -> Progress:
        """The progress with the time spent up to here."""
        seconds = self._earlier_seconds + self._pace.training_seconds
        return replace(self.progress, seconds=seconds)

    def _tell_step(self, state: TrainerState, logs: dict[str, float]) -> None:
        loss, grad_norm = logs["loss"], logs["grad_norm"]
        if not math.isfinite(loss):
            raise _not_finite(f"The loss of step {state.global_step} is {loss}")
        if not math.isfinite(grad_norm):
            if self._scales_gradients:
                return  # the scaler left this step out and tries again with a smaller scale
            raise _not_finite(f"The gradient of step {state.global_step} is {grad_norm}")
        self.progress = replace(self.progress, loss=loss)
        self._channel.emit(self._describe_step(state, logs))
        logger.info("step %d of %d: loss %.4f", state.global_step, state.max_steps, loss)

    def _describe_step(self, state: TrainerState, logs: dict[str, float]) -> Step:
        step, total = state.global_step, self._schedule.total_steps
        left = self._schedule.evaluations_after(step - 1) if step < total else 0
        return Step(
            step=step,
            total_steps=total,
            epoch=float(state.epoch or 0.0),
            loss=logs["loss"],
            learning_rate=logs["learning_rate"],
            grad_norm=logs["grad_norm"],
            tokens=int(state.num_input_tokens_seen),
            tokens_per_second=self._pace.tokens_per_second(),
            eta_seconds=self._pace.eta_seconds(total - step, left),
        )

    def _note_evaluation(self, step: int, loss: float) -> bool:
        best = self.progress.best_eval_loss
        is_best = best is None or loss < best
        self.progress = replace(
            self.progress,
            eval_loss=loss,
            evaluated_step=step,
            best_step=step if is_best else self.progress.best_step,
            best_eval_loss=loss if is_best else best,
            evaluations_since_best=0 if is_best else self.progress.evaluations_since_best + 1,
        )
        return is_best

    def _must_stop(self, state: TrainerState) -> bool:
        # At the last step the run ends anyway, and whole.
        return self._channel.stop_requested and state.global_step < self._schedule.total_steps

    def _end_here(self, control: TrainerControl) -> None:
        self.stopped = True
        control.should_save = control.should_training_stop = True


def _not_finite(what: str) -> BackpropError:
    return BackpropError(
        "RUNTIME_LOSS_NOT_FINITE",
        f"{what}, so the weights are no longer usable.",
        hint="Lower the learning rate or check the data; checkpoints from before are intact.",
    )
