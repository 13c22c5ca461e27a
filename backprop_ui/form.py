"""The training form: which settings it shows, and the way from its texts to a RunConfig.

A form is a flat dict of texts under dotted names, `{"training.steps": "50", "lora.r": "16"}`.
An empty text means "not set". Pure functions; the state holds the dict, the pages draw FIELDS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ValidationError

from backprop_ui.wording import rate_words
from engine.config import RunConfig, TrainingConfig

Form = dict[str, str]
TARGET_MODULES_HELP = "Give all-linear, attention, or names of modules with commas between them."


@dataclass(frozen=True)
class Field:
    """One control. `unset` is what an empty text means, shown in its place."""

    name: str
    label: str
    kind: Literal["number", "text", "choice"] = "number"
    advanced: bool = False
    unset: str = ""
    unit: str = ""
    choices: tuple[str, ...] = ()

    @property
    def tip(self) -> str:
        """The docstring of the setting: the same words as on the command line."""
        return description_of(self.name)


def _choices(name: str) -> tuple[str, ...]:
    return tuple(get_args(TrainingConfig.model_fields[name].annotation))


def description_of(name: str) -> str:
    model: type[BaseModel] = RunConfig
    *sections, last = name.split(".")
    for section in sections:
        model = _section(model, section)
    return model.model_fields[last].description or ""


def _section(model: type[BaseModel], name: str) -> type[BaseModel]:
    annotation = model.model_fields[name].annotation
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    raise KeyError(name)


SETTINGS: tuple[Field, ...] = (
    Field("training.steps", "Steps", unset="from epochs"),
    Field("training.per_device_batch_size", "Batch size", unit="examples"),
    Field("training.learning_rate", "Learning rate"),
    Field("lora.r", "LoRA rank"),
    Field("training.max_length", "Max length", unit="tokens"),
    Field("training.epochs", "Epochs", advanced=True),
    Field("lora.alpha", "LoRA alpha", advanced=True, unset="same as rank"),
    Field("lora.target_modules", "Target modules", kind="text", advanced=True),
    Field("training.gradient_accumulation_steps", "Accumulation", advanced=True, unit="batches"),
    Field(
        "training.scheduler",
        "Scheduler",
        kind="choice",
        advanced=True,
        choices=_choices("scheduler"),
    ),
    Field("training.warmup_ratio", "Warm-up", advanced=True, unit="share"),
    Field("training.seed", "Seed", advanced=True),
    Field("data.eval_fraction", "Eval share", advanced=True, unit="share"),
    Field(
        "training.eval_every_steps", "Eval every", advanced=True, unset="ten a run", unit="steps"
    ),
    Field("training.save_every_steps", "Save every", advanced=True, unset="at evals", unit="steps"),
    Field(
        "training.early_stopping_patience", "Early stop", advanced=True, unset="off", unit="evals"
    ),
    Field("limits.max_minutes", "Time box", advanced=True, unset="none", unit="minutes"),
    Field("name", "Run name", kind="text", advanced=True, unset="from model and data"),
)
LABELS = {"model.name": "Model", "data.path": "Data file"} | {f.name: f.label for f in SETTINGS}


def default_form(defaults: RunConfig, output_dir: Path) -> Form:
    """The form with everything as this person's settings have it."""
    tree = defaults.model_dump()
    form = {name: _text(_at(tree, name)) for name in LABELS}
    return form | {"data.path": "", "output_dir": str(output_dir)}


def form_of(config: RunConfig, defaults: Form) -> Form:
    """The form that makes this run again, in the page's own folder."""
    tree = config.model_dump()
    form = {name: _text(_at(tree, name)) for name in LABELS}
    return form | {"output_dir": defaults["output_dir"]}


def build_config(form: Form, defaults: RunConfig) -> RunConfig:
    """Check everything at once. Raises pydantic's ValidationError."""
    # Any: unchecked values on their way into pydantic, which checks all of them.
    tree: dict[str, Any] = defaults.model_dump()
    for name, text in form.items():
        _put(tree, name, _value(name, text))
    return RunConfig.model_validate(tree)


def errors_of(error: ValidationError) -> dict[str, str]:
    """One sentence for each setting that cannot be used, under its name."""
    found: dict[str, str] = {}
    for item in error.errors():
        name = _name_of(item["loc"])
        found.setdefault(name, _sentence(name, item["type"], item.get("ctx", {}), item["msg"]))
    return found


def changed_names(form: Mapping[str, str], defaults: Mapping[str, str]) -> list[str]:
    """The settings that differ from their default (model and data are choices, not settings)."""
    return [f.name for f in SETTINGS if form.get(f.name) != defaults.get(f.name)]


def _value(name: str, text: str) -> Any:
    text = text.strip()
    if text == "":
        return "" if name == "name" else None
    if name == "lora.target_modules" and ("," in text or text not in ("all-linear", "attention")):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _put(tree: dict[str, Any], name: str, value: Any) -> None:
    section, _, last = name.rpartition(".")
    holder = tree.setdefault(section, {}) if section else tree
    if value is None and name == "data.path":
        del holder[last]
    else:
        holder[last] = value


def _at(tree: Mapping[str, Any], name: str) -> Any:
    section, _, last = name.rpartition(".")
    return tree[section][last] if section else tree[last]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return rate_words(value) if 0 < value < 1e-3 else f"{value:g}"
    return ", ".join(value) if isinstance(value, tuple | list) else str(value)


def _name_of(location: tuple[int | str, ...]) -> str:
    dotted = ".".join(str(part) for part in location[:2])
    inside = (name for name in LABELS if name.startswith(f"{dotted}."))
    return dotted if dotted in LABELS else next(inside, dotted)


def _sentence(name: str, kind: str, context: Mapping[str, Any], message: str) -> str:
    """pydantic's finding in the words of a form."""
    if name == "data.path":
        return "Choose a data file."
    if name == "lora.target_modules":
        return TARGET_MODULES_HELP
    match kind:
        case "missing":
            return "This is needed."
        case "int_parsing" | "int_from_float" | "int_type":
            return "Give a whole number."
        case "float_parsing" | "float_type" | "finite_number":
            return "Give a number."
        case "greater_than":
            return f"Give a number above {context['gt']:g}."
        case "greater_than_equal":
            return f"Give {context['ge']:g} or more."
        case "less_than":
            return f"Give a number below {context['lt']:g}."
        case "literal_error":
            return f"Choose {context['expected'].replace(chr(39), '')}."
    return f"{message.removeprefix('Value error, ').rstrip('.')}."
