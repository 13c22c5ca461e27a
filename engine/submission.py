"""What is settled before a run is queued: paths made absolute, and mistakes told at once."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from engine.config import DataConfig, ExportConfig, ModelConfig, Recipe, RunConfig
from engine.data.formats import columns_of, detect
from engine.data.hub import parse_hub_name
from engine.data.mixing import MixedRows
from engine.data.patterns import compiled
from engine.data.read import read_rows
from engine.data.sources import is_hub
from engine.errors import BackpropError
from engine.models.resolve import resolve
from engine.runs.records import Run
from engine.runs.store import Store

ROWS_LOOKED_AT = 50
TRAINING_LIBRARIES = ("torch", "transformers", "peft", "trl", "datasets")


def settle(config: RunConfig, store: Store) -> RunConfig:
    """The configuration as the run will see it, from whatever folder it was submitted.

    Raises INPUT_MODEL_UNKNOWN, INPUT_MODEL_UNSAFE, INPUT_DATA_INVALID (looking at the first
    rows; the run itself checks them all), INPUT_RUN_NOT_FOUND, STATE_RUN_BUSY,
    DEP_NOT_INSTALLED.
    """
    changes: dict[str, object] = {"output_dir": _absolute(config.output_dir)}
    if config.kind == "train" and config.data is not None:
        _need_training_libraries()
        changes["model"] = _settled_model(config.model)
        changes["data"] = _settled_data(config.data)
    if config.kind == "export" and config.export is not None:
        changes["export"] = _settled_export(config.export, store)
    return config.model_copy(update=changes)


def _need_training_libraries() -> None:
    missing = [name for name in TRAINING_LIBRARIES if find_spec(name) is None]
    if missing:
        raise BackpropError(
            "DEP_NOT_INSTALLED",
            f"Training needs {', '.join(missing)}, which this Python does not have.",
            hint="pip install 'backprop-ui[train]'",
        )


def _settled_model(model: ModelConfig) -> ModelConfig:
    """A folder or file is named by its whole path: the run starts somewhere else."""
    resolved = resolve(model.name, model.trust_code_sha256)
    is_local = resolved.preset is None and resolved.path is not None
    return model.model_copy(update={"name": str(resolved.path)}) if is_local else model


def _settled_data(data: DataConfig) -> DataConfig:
    paths = {"path": _absolute(data.path)}
    if data.eval_path is not None:
        paths["eval_path"] = _absolute(data.eval_path)
    for path in paths.values():
        if is_hub(path):
            # Fetching may take minutes; the run itself does that.
            parse_hub_name(path)
            continue
        rows = list(islice(read_rows(path), ROWS_LOOKED_AT))
        if data.format == "auto":
            detect(rows, columns_of(data.columns))
    return data.model_copy(update={**paths, "recipe": _settled_recipe(data.recipe)})


def _settled_recipe(recipe: Recipe) -> Recipe:
    """Patterns are checked, and other files looked at, before the run is queued."""
    for pattern in (recipe.keep_matching, recipe.drop_matching):
        if pattern is not None:
            compiled(pattern)
    files = [MixedRows.parse(given) for given in recipe.mix]
    mix = tuple(MixedRows(_absolute(file.path), file.weight) for file in files)
    against = _absolute(recipe.against) if recipe.against is not None else None
    for path in (*(file.path for file in mix), *([against] if against else [])):
        if not is_hub(path):
            next(iter(read_rows(path)))
    return recipe.model_copy(update={"mix": tuple(str(file) for file in mix), "against": against})


def _settled_export(export: ExportConfig, store: Store) -> ExportConfig:
    """Name the source by its folder: a run's own, or an adapter folder as it was given."""
    folder = Path(export.source).expanduser()
    if folder.is_dir():
        return export.model_copy(update={"source": str(folder.absolute())})
    run = store.find(export.source)
    _check_exportable(run, export)
    return export.model_copy(update={"source": str(run.run_dir)})


def _check_exportable(run: Run, export: ExportConfig) -> None:
    if run.kind != "train":
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"Run {run.id} is an {run.kind}, which has no adapter of its own.",
            hint="Give the id of the training.",
        )
    if export.checkpoint == "final" and run.result is None:
        raise BackpropError(
            "STATE_RUN_BUSY",
            f"Run {run.id} is {run.status} and has no final adapter yet.",
            hint="Wait for its end, or export a checkpoint with --checkpoint best.",
        )


def _absolute(path: Path) -> Path:
    if is_hub(path):
        return path
    return path.expanduser().absolute()
