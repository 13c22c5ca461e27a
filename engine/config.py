"""The configuration of a run, as one tree of frozen models.

A field's docstring is the one source of its help on the command line, its tooltip on the page
and its line in `docs/settings.md`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
    model_validator,
)

RunKind = Literal["train", "export"]
Format = Literal[
    "sharegpt",
    "messages",
    "alpaca",
    "chatml",
    "prompt_completion",
    "text",
    "preference",
    "kto",
]
DataFormat = Literal["auto", Format]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
ExportFormat = Literal["adapter"]

TargetModules = Literal["all-linear", "attention"] | tuple[str, ...]

COLUMN_ROLES = (
    "system",
    "prompt",
    "input",
    "answer",
    "thinking",
    "messages",
    "tools",
    "text",
    "chosen",
    "rejected",
    "label",
)
"""What a column of a file can be."""


def _split_at_commas(value: object) -> object:
    """ "prompt=question,answer=reply" is how the command line gives several."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


ColumnChoice = Annotated[str, StringConstraints(pattern=f"^({'|'.join(COLUMN_ROLES)})=.+$")]
ColumnChoices = Annotated[tuple[ColumnChoice, ...], BeforeValidator(_split_at_commas)]


class Section(BaseModel):
    """A frozen part of the tree; a name that does not exist is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ModelConfig(Section):
    """Which model is fine-tuned."""

    name: str = "starter"
    """A preset name, a folder with safetensors, a GGUF file, or a hub id."""
    precision: Precision = "auto"
    """Number format of the base weights; auto takes what this machine computes fastest."""
    trust_code_sha256: str | None = None
    """Let a model run Python code of its own, if the code has this SHA-256; never on otherwise."""


MixedFile = Annotated[str, StringConstraints(pattern=r"^.+=\d+(\.\d+)?$")]
MixedFiles = Annotated[tuple[MixedFile, ...], BeforeValidator(_split_at_commas)]
Languages = Annotated[tuple[str, ...], BeforeValidator(_split_at_commas)]
Share = Annotated[float, Field(ge=0, le=1)]
Percentile = Annotated[float, Field(ge=0, le=100)]


class Recipe(Section):
    """What is done to the rows before they are trained on, in this order."""

    mix: MixedFiles = ()
    """More files, each with how often its rows are used: more.jsonl=0.3,other.jsonl=2."""
    min_turns: PositiveInt | None = None
    """Leave out rows with fewer turns."""
    max_turns: PositiveInt | None = None
    """Leave out rows with more turns."""
    min_characters: PositiveInt | None = None
    """Leave out rows with fewer characters."""
    max_characters: PositiveInt | None = None
    """Leave out rows with more characters."""
    languages: Languages = ()
    """Keep only rows in these languages, such as en,de."""
    keep_matching: str | None = None
    """Keep only rows in which this regular expression (RE2) is found."""
    drop_matching: str | None = None
    """Leave out rows in which this regular expression (RE2) is found."""
    max_repetition: Share | None = None
    """Leave out rows in which more than this share of the word pairs came before."""
    max_signs: Share | None = None
    """Leave out rows with a larger share of signs that are neither letters nor digits."""
    max_capitals: Share | None = None
    """Leave out rows in which a larger share of the letters are capitals."""
    drop_boilerplate: bool = False
    """Leave out refusals and phrases that only assistants say of themselves."""
    drop_leaks: bool = False
    """Leave out rows with keys, e-mail addresses, card, account or phone numbers."""
    against: Path | None = None
    """Leave out rows that stand in this file (an eval set) as well."""
    dedupe: Literal["no", "exact", "near"] = "no"
    """Keep one of rows that say the same: exact, or near (most word pairs in common)."""
    near_threshold: Annotated[float, Field(ge=0.3, le=1)] = 0.8
    """Share of word pairs that near-duplicates have in common."""
    perplexity_low: Percentile = 0.0
    """Leave out this many percent of the rows that surprise the model least."""
    perplexity_high: Percentile = 100.0
    """Leave out the rows above this percentile of surprise to the model."""
    sample: PositiveInt | None = None
    """Draw this many rows by chance."""
    order: Literal["shuffled", "file", "short-first", "low-perplexity-first"] = "shuffled"
    """Order of training: shuffled each epoch, or the same one in every epoch."""

    @property
    def needs_model(self) -> bool:
        """Do rows have to be scored by the model?"""
        return self.filters_perplexity or self.order == "low-perplexity-first"

    def without_model(self) -> Recipe:
        """The same without the steps that need the model's judgement."""
        order = "file" if self.order == "low-perplexity-first" else self.order
        return self.model_copy(
            update={"perplexity_low": 0.0, "perplexity_high": 100.0, "order": order}
        )

    @property
    def filters_perplexity(self) -> bool:
        return self.perplexity_low > 0 or self.perplexity_high < 100

    @model_validator(mode="after")
    def _lows_are_below_highs(self) -> Recipe:
        for low, high in (
            (self.min_turns, self.max_turns),
            (self.min_characters, self.max_characters),
            (self.perplexity_low, self.perplexity_high),
        ):
            if low is not None and high is not None and low > high:
                raise ValueError(f"the least allowed ({low}) is more than the most ({high})")
        return self


class DataConfig(Section):
    """Which examples it learns from."""

    path: Path
    """The examples: a file, a folder of files, or hub:org/name."""
    format: DataFormat = "auto"
    """Layout of the examples; auto looks at the first rows."""
    columns: ColumnChoices = ()
    """What the columns of an unknown layout are, such as prompt=question,answer=reply."""
    eval_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the rows kept back to measure the loss on (0 turns that off)."""
    eval_path: Path | None = None
    """A separate file to measure on, instead of a share of the rows."""
    max_rows: PositiveInt | None = None
    """Use at most this many rows."""
    recipe: Recipe = Recipe()


class LoraConfig(Section):
    """The small matrices that are trained in place of the whole model (LoRA)."""

    r: PositiveInt = 16
    """LoRA rank: how much the adapter can learn; 8 to 64 is usual."""
    alpha: PositiveInt | None = None
    """LoRA alpha: strength of the adapter; follows the rank unless set."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of adapter inputs dropped at random while training."""
    target_modules: TargetModules = "all-linear"
    """Which layers get an adapter: all-linear, attention, or names of modules."""

    @property
    def effective_alpha(self) -> int:
        return self.alpha if self.alpha is not None else self.r


class TrainingConfig(Section):
    """How long, how fast and how carefully it learns."""

    method: Literal["sft"] = "sft"
    """What is learned: sft trains on the assistant's answers."""
    steps: PositiveInt | None = None
    """Number of optimizer steps; unset, the epochs decide."""
    epochs: Annotated[float, Field(gt=0)] = 3.0
    """Passes over the data, where no number of steps is given."""
    per_device_batch_size: PositiveInt = 2
    """Examples computed at once."""
    gradient_accumulation_steps: PositiveInt = 2
    """Batches added up before each step."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 2e-4
    """Size of the steps; LoRA likes 1e-4 to 1e-3."""
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the steps in which the learning rate rises from zero."""
    scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    """How the learning rate falls after the warm-up."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Pull of the weights towards zero."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Longest allowed gradient; longer ones are scaled down."""
    max_length: PositiveInt = 1024
    """Longest example in tokens; the rest of a longer one is cut off."""
    seed: Annotated[int, Field(ge=0)] = 42
    """Start of the random numbers; the same seed gives the same run."""
    eval_every_steps: PositiveInt | None = None
    """Steps between two measurements of the eval loss; unset, ten times a run."""
    save_every_steps: PositiveInt | None = None
    """Steps between two checkpoints; unset, at every measurement."""
    keep_checkpoints: PositiveInt = 2
    """Latest checkpoints to keep; the one with the lowest eval loss stays as well."""
    early_stopping_patience: PositiveInt | None = None
    """End after this many measurements without a lower eval loss."""


class LimitsConfig(Section):
    """What the run may use."""

    max_minutes: Annotated[float, Field(gt=0)] | None = None
    """Time box: save and end after this many minutes."""
    threads: PositiveInt | None = None
    """CPU threads; unset, the cores of the machine."""
    max_parallel: PositiveInt = 1
    """Wait in the queue until fewer than this many trainings are under way."""


class ExportConfig(Section):
    """What an export makes."""

    source: str
    """The run to export from."""
    format: ExportFormat = "adapter"
    """What is written: adapter (PEFT safetensors)."""
    checkpoint: str = "final"
    """Which state: final, best (lowest eval loss), or a step number."""


class RunConfig(Section):
    """Everything that decides what a run does, frozen when it is submitted."""

    kind: RunKind = "train"
    """What the run is."""
    name: str = ""
    """A name for people; unset, the run has only its id."""
    output_dir: Path = Path("output")
    """Folder for the run's files; the newest adapter lies in its folder lora."""
    model: ModelConfig = ModelConfig()
    data: DataConfig | None = None
    lora: LoraConfig = LoraConfig()
    training: TrainingConfig = TrainingConfig()
    limits: LimitsConfig = LimitsConfig()
    export: ExportConfig | None = None

    @model_validator(mode="after")
    def _sections_of_the_kind(self) -> RunConfig:
        if self.kind == "train" and self.data is None:
            raise ValueError("a training needs data.path: the file of examples")
        if self.kind == "export" and self.export is None:
            raise ValueError("an export needs export.source: the run to export")
        return self
