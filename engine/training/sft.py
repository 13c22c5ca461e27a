"""Supervised fine-tuning of a LoRA adapter: set up, train, save."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from engine.config import ModelConfig
from engine.data.places import write_places
from engine.data.prepare import PreparedData, prepare
from engine.models.folder import check_model_folder
from engine.models.load import (
    Device,
    ExactPrecision,
    load_model,
    load_tokenizer,
    model_folder,
    pick_device,
    pick_precision,
)
from engine.models.resolve import ResolvedModel, resolve
from engine.runs.child import Assignment, Channel, started
from engine.runs.events import Finished, ModelLoaded, WarningRaised
from engine.training.adapter import publish_adapter, save_final_adapter
from engine.training.batches import make_collator, with_labels
from engine.training.callbacks import RunReporter
from engine.training.checkpoints import Checkpoint, checkpoint_at, find_resumable
from engine.training.components import device_facts, peft_config, sft_arguments, workload
from engine.training.fast_path import use_attention
from engine.training.perplexity import perplexities_by
from engine.training.plan import (
    Schedule,
    check_precision,
    plan_device,
    plan_schedule,
    scales_gradients,
)
from engine.training.state import Progress, read_progress
from engine.training.targets import choose_targets, linear_layers
from engine.training.trainer import RunTrainer


@dataclass(frozen=True)
class Base:
    """The model to start from, checked but not yet in memory."""

    resolved: ResolvedModel
    folder: Path
    device: Device
    precision: ExactPrecision
    targets: list[str] | str

    @property
    def name_for_adapter(self) -> str:
        """Where PEFT finds the base when the adapter is used alone."""
        return self.resolved.hub_id or str(self.folder)


@dataclass(frozen=True)
class Setup:
    """Everything ready to train."""

    trainer: RunTrainer
    reporter: RunReporter
    schedule: Schedule
    tokenizer: PreTrainedTokenizerBase
    checkpoint: Checkpoint | None


def train(assignment: Assignment, channel: Channel) -> Finished:
    """The whole of a training run, or what is left of it when `attempt` is above 1."""
    setup = _set_up(assignment, channel)
    _train(setup)
    return _save(setup, assignment, channel)


def _set_up(assignment: Assignment, channel: Channel) -> Setup:
    config = assignment.config
    checkpoint = _find_checkpoint(assignment, channel)
    progress = read_progress(checkpoint.path) if checkpoint else Progress()
    base = _check_base(assignment, progress)
    tokenizer = load_tokenizer(base.resolved)
    data = prepare(
        config,
        tokenizer,
        perplexities_by(
            lambda: load_model(base.resolved, base.precision, base.device),
            tokenizer,
            config.training.max_length,
        ),
    )
    write_places(data.places, assignment.run_dir)
    _tell_data(data, progress, channel)
    schedule = plan_schedule(
        config.training, rows=len(data.train), measures=data.evaluation is not None
    )
    reporter = RunReporter(
        channel,
        schedule,
        replace(
            progress, data_sha256=data.loaded.sha256, device=base.device, precision=base.precision
        ),
        patience=config.training.early_stopping_patience,
        scales_gradients=scales_gradients(base.precision),
    )
    trainer = _build_trainer(assignment, base, tokenizer, data, schedule, reporter, channel)
    return Setup(trainer, reporter, schedule, tokenizer, checkpoint)


def _find_checkpoint(assignment: Assignment, channel: Channel) -> Checkpoint | None:
    found = find_resumable(assignment.run_dir)
    for problem in found.problems:
        channel.emit(WarningRaised(problem, "It was renamed, and an older one is used."))
    channel.emit(started(assignment, found.checkpoint.step if found.checkpoint else None))
    if assignment.attempt > 1 and found.checkpoint is None:
        channel.emit(WarningRaised("There is no checkpoint to resume from: starting anew."))
    return found.checkpoint


def _check_base(assignment: Assignment, progress: Progress) -> Base:
    """Find everything that is wrong with the wish before weights are loaded."""
    config = assignment.config
    resolved = resolve(config.model.name, config.model.trust_code_sha256)
    device = pick_device()
    precision = _settle_precision(config.model, device, progress)
    check_precision(device, precision)
    folder = model_folder(resolved)
    trusts_code = check_model_folder(folder, resolved.trust_code_sha256)
    targets = choose_targets(config.lora, linear_layers(folder, trusts_code=trusts_code))
    return Base(resolved, folder, device, precision, targets)


def _settle_precision(model: ModelConfig, device: Device, progress: Progress) -> ExactPrecision:
    """The format the run began with: what is fastest is measured, and may change by chance."""
    if progress.device == device and progress.precision:
        return progress.precision
    return pick_precision(model.precision, device)


def _tell_data(data: PreparedData, progress: Progress, channel: Channel) -> None:
    channel.emit(data.loaded)
    for warning in data.warnings:
        channel.emit(warning)
    if progress.data_sha256 not in ("", data.loaded.sha256):
        channel.emit(
            WarningRaised(
                "The data file has changed since the run began.",
                "The run goes on with the new content; start a new run to compare fairly.",
            )
        )


def _build_trainer(
    assignment: Assignment,
    base: Base,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    schedule: Schedule,
    reporter: RunReporter,
    channel: Channel,
) -> RunTrainer:
    config = assignment.config
    began = time.monotonic()
    model = load_model(base.resolved, base.precision, base.device)
    lengths = [len(ids) for ids in data.train["input_ids"]]
    plan = plan_device(
        device_facts(base.device),
        base.precision,
        workload(model, config, lengths, base.precision),
    )
    use_attention(model, plan)
    trainer = RunTrainer(
        run_dir=assignment.run_dir,
        keep_checkpoints=config.training.keep_checkpoints,
        reporter=reporter,
        collator=make_collator(tokenizer),
        model=model,
        args=sft_arguments(config, assignment.run_dir, plan, schedule),
        train_dataset=with_labels(data.train),
        eval_dataset=with_labels(data.evaluation) if data.evaluation else None,
        processing_class=tokenizer,
        peft_config=peft_config(config.lora, base.targets, base.name_for_adapter),
    )
    trainer.use_fast_path(plan)
    parameters = list(trainer.model.parameters())
    channel.emit(
        ModelLoaded(
            model=config.model.name,
            parameters=sum(p.numel() for p in parameters if not p.requires_grad),
            trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
            device=base.device,
            precision=base.precision,
            seconds=time.monotonic() - began,
        )
    )
    return trainer


def _train(setup: Setup) -> None:
    checkpoint, trainer = setup.checkpoint, setup.trainer
    if checkpoint is None:
        trainer.train()
    elif checkpoint.step >= setup.schedule.total_steps:
        trainer.load_weights(checkpoint.path)
    else:
        # A run that was stopped at a step where the eval loss was due measures it now.
        owed = setup.schedule.evaluates_at(checkpoint.step)
        measured = setup.reporter.progress.evaluated_step == checkpoint.step
        trainer.args.eval_on_start = owed and not measured
        trainer.train(resume_from_checkpoint=str(checkpoint.path))


def _save(setup: Setup, assignment: Assignment, channel: Channel) -> Finished:
    run_dir = assignment.run_dir
    adapter = run_dir / "adapter"
    save_final_adapter(setup.trainer.model, setup.tokenizer, assignment.run_id, adapter)
    problem = publish_adapter(run_dir, assignment.config.output_dir)
    if problem:
        channel.emit(WarningRaised(problem, f"The adapter of this run lies in {adapter}."))
    progress = setup.reporter.progress_now()
    best = checkpoint_at(run_dir, progress.best_step)
    return Finished(
        status="stopped" if setup.reporter.stopped else "completed",
        path=str(adapter),
        steps=max(
            setup.trainer.state.global_step, setup.checkpoint.step if setup.checkpoint else 0
        ),
        loss=progress.loss,
        eval_loss=progress.eval_loss,
        best_step=progress.best_step,
        best_eval_loss=progress.best_eval_loss,
        best_checkpoint=str(best) if best else None,
        seconds=progress.seconds,
    )
