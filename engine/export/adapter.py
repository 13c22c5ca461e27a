"""Copies a run's adapter, or one of its checkpoints, to a folder that PEFT loads alone.

No torch is needed: the adapter's files are complete as they lie there, and are only checked.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from engine.config import ExportConfig, RunConfig
from engine.errors import BackpropError
from engine.files import staged_folder
from engine.runs.child import Assignment, Channel, started
from engine.runs.events import Finished
from engine.training.checkpoints import checkpoint_at, steps_in, verify

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
MARKER = "backprop-export.json"
# What the run needs and a user of the adapter does not.
_LEFT_BEHIND = {
    "state.safetensors",
    "state.json",
    "trainer_state.json",
    "manifest.json",
    "protected",
    "backprop.json",
}
_NOT_FOR_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Source:
    """Where an export comes from: the adapter's files, and the tokenizer's beside them."""

    run_name: str
    adapter: Path
    tokenizer: Path | None


def export_adapter(assignment: Assignment, channel: Channel) -> Finished:
    """Write the export that the configuration asks for; the work of the export child."""
    config = assignment.config
    if config.export is None:
        raise ValueError("this configuration has no export section")
    channel.emit(started(assignment, None))
    source = find_source(config.export)
    target = config.output_dir / target_name(config, source.run_name)
    _refuse_foreign(target)
    base = check_adapter(source.adapter)
    with staged_folder(target) as folder:
        _copy(source, folder)
        check_adapter(folder)
        (folder / "README.md").write_text(_describe(target, base, source), encoding="utf-8")
        marker = {"made_by": "backprop", "run": source.run_name, "export": assignment.run_id}
        (folder / MARKER).write_text(json.dumps(marker) + "\n", encoding="utf-8")
    return Finished(status="completed", path=str(target))


def find_source(export: ExportConfig) -> Source:
    """Find the adapter of a run's folder, or take an adapter's folder as it is.

    Raises INPUT_VALIDATION_FAILED with what there is instead.
    """
    folder = Path(export.source)
    if (folder / CONFIG).is_file():
        return Source(folder.name, folder, None)
    final = folder / "adapter"
    chosen = final if export.checkpoint == "final" else _checkpoint(folder, export.checkpoint)
    if not (chosen / CONFIG).is_file():
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{folder} has no finished adapter.",
            hint="Let the run finish or stop it (which saves), or export a checkpoint: "
            f"{_known_steps(folder)}.",
        )
    return Source(folder.name, chosen, final if final.is_dir() else None)


def target_name(config: RunConfig, run_name: str) -> str:
    """The export's folder: the name that was given, made safe for every system."""
    safe = _NOT_FOR_A_NAME.sub("-", config.name).strip("-. ")
    return safe or f"adapter-{run_name}"


def check_adapter(folder: Path) -> str:
    """Read the adapter's files; returns the name of its base model.

    Raises RUNTIME_EXPORT_FAILED when one is damaged or says too little.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        base = config["base_model_name_or_path"]
        with safe_open(folder / WEIGHTS, framework="numpy") as weights:
            names = list(weights.keys())
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise _damaged(folder, f"{type(error).__name__}: {error}") from error
    if not base or not names:
        raise _damaged(folder, "it names no base model" if names else "it holds no weights")
    return str(base)


def _checkpoint(run_dir: Path, wanted: str) -> Path:
    step = _best_step(run_dir) if wanted == "best" else wanted
    if not step.isdecimal():
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{wanted!r} is not a checkpoint.",
            hint=f"Use final, best, or a step: {_known_steps(run_dir)}.",
        )
    path = checkpoint_at(run_dir, int(step))
    if path is None:
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"The run has no checkpoint of step {step}.",
            hint=f"It has: {_known_steps(run_dir)}.",
        )
    return verify(path).path


def _best_step(run_dir: Path) -> str:
    """The step with the lowest eval loss, as the newest checkpoint remembers it."""
    newest = max(steps_in(run_dir).items(), default=None)
    state = json.loads((newest[1] / "state.json").read_text(encoding="utf-8")) if newest else {}
    best = state.get("progress", {}).get("best_step")
    if best is None:
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            "The run has measured no eval loss, so none of its checkpoints is the best.",
            hint="Export its final adapter.",
        )
    return str(best)


def _known_steps(run_dir: Path) -> str:
    return ", ".join(str(step) for step in steps_in(run_dir)) or "none"


def _refuse_foreign(target: Path) -> None:
    if target.exists() and not (target / MARKER).is_file():
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"{target} is there already and was not written by an export.",
            hint="Give another name or output folder, or remove it.",
        )


def _copy(source: Source, folder: Path) -> None:
    """The tokenizer first, so that the adapter's own files win."""
    for origin in (source.tokenizer, source.adapter):
        if origin is None:
            continue
        for path in origin.iterdir():
            if path.is_file() and path.name not in _LEFT_BEHIND:
                shutil.copyfile(path, folder / path.name)


def _describe(target: Path, base: str, source: Source) -> str:
    return f"""# {target.name}

A LoRA adapter for `{base}`, made by backprop (run {source.run_name}, {source.adapter.name}).

```python
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

model = AutoPeftModelForCausalLM.from_pretrained("{target.as_posix()}")
tokenizer = AutoTokenizer.from_pretrained("{target.as_posix()}")
```

The base model is not in this folder: it is loaded from `{base}`, which must be reachable. When it
lies elsewhere, load it first and pass it to `PeftModel.from_pretrained(base, "{target.name}")`.
"""


def _damaged(folder: Path, problem: str) -> BackpropError:
    return BackpropError(
        "RUNTIME_EXPORT_FAILED",
        f"The adapter in {folder} cannot be used: {problem}.",
        hint="Export another checkpoint, or resume the run so that it is written again.",
    )
