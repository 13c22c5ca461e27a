"""One source for flag, type, default and help: they cannot drift apart."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from engine.cli.commands import COMMANDS
from engine.cli.entry import load_command
from engine.cli.train_options import argument_name, field_at, given_settings
from engine.config import RunConfig
from engine.flags import TRAIN_FLAGS
from engine.train_names import python_names
from tests.cli.conftest import Backprop

# A run's kind is its command; an export has a command of its own.
NOT_OF_TRAIN = {"kind", "export.source", "export.format", "export.checkpoint"}


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, types.UnionType):
            section = next((part for part in typing.get_args(section) if part), section)
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield from leaves(section, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_setting_of_a_training_has_a_flag() -> None:
    assert set(leaves(RunConfig)) - NOT_OF_TRAIN == set(TRAIN_FLAGS)


def test_help_is_the_fields_docstring() -> None:
    entry = next(entry for entry in COMMANDS if entry.name == "train")
    options = {parameter.name: parameter for parameter in load_command(entry).params}
    for path, flag in TRAIN_FLAGS.items():
        option = options[argument_name(path)]
        assert flag in option.opts
        assert option.help.startswith(field_at(path).description)


def test_every_flag_has_a_python_name() -> None:
    apart = {"model.name", "data.path", "output_dir"}
    assert set(python_names().values()) == set(TRAIN_FLAGS) - apart


@pytest.mark.parametrize(
    ("words", "path", "value"),
    [
        (["--lr", "1e-3"], ("training", "learning_rate"), 1e-3),
        (["--batch-size", "4"], ("training", "per_device_batch_size"), 4),
        (["--lora-r", "8"], ("lora", "r"), 8),
        (["--target-modules", "attention"], ("lora", "target_modules"), "attention"),
        (["--target-modules", "q_proj, v_proj"], ("lora", "target_modules"), ["q_proj", "v_proj"]),
        (["--model", "some/model"], ("model", "name"), "some/model"),
        (["--eval-data", "e.jsonl"], ("data", "eval_path"), "e.jsonl"),
        (["--scheduler", "linear"], ("training", "scheduler"), "linear"),
        (["--max-minutes", "1.5"], ("limits", "max_minutes"), 1.5),
    ],
)
def test_flags_reach_the_configuration(
    backprop: Backprop, words: list[str], path: tuple[str, str], value: object
) -> None:
    result = backprop("train", "--data", "x.jsonl", "--dry-run", *words)
    assert result.exit_code == 0
    assert json.loads(result.stdout)[path[0]][path[1]] == value


def test_what_is_not_given_comes_from_the_settings(
    backprop: Backprop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPROPAGATE_LORA__R", "5")
    monkeypatch.setenv("BACKPROPAGATE_MODEL__NAME", "from-environment")
    told = json.loads(backprop("train", "--data", "x.jsonl", "--dry-run").stdout)
    assert (told["lora"]["r"], told["model"]["name"]) == (5, "from-environment")


def test_a_wrong_environment_is_told(backprop: Backprop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROPAGATE_LORA__RANKS", "5")
    result = backprop("train", "--data", "x.jsonl", "--dry-run")
    assert result.exit_code == 1
    assert result.stderr.startswith("[CONFIG_INVALID]: BACKPROPAGATE_LORA__RANKS")


def test_only_given_settings_are_handed_on() -> None:
    given: dict[str, object] = {argument_name(path): None for path in TRAIN_FLAGS}
    given["lora__r"] = 8
    assert given_settings(given) == {"lora.r": 8}
