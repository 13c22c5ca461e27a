"""The options of `backprop train`, made from the table of flags and the configuration.

Name and path come from `engine.flags.TRAIN_FLAGS`; type, default and help come from the field
itself, so that the three cannot drift apart.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.config import RunConfig
from engine.flags import TRAIN_FLAGS

Command = TypeVar("Command", bound=Callable[..., object])

# Its default depends on the machine.
_NO_FIXED_DEFAULT = frozenset({"model.name"})


def with_train_options(command: Command) -> Command:
    """Give a command that takes `**given` one option for each setting of a training."""
    return with_options(TRAIN_FLAGS)(command)


def with_options(flags: Mapping[str, str]) -> Callable[[Command], Command]:
    """The same for some settings: path in the configuration → flag."""

    def give(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)
        kept = [
            parameter
            for parameter in own.parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        before = [p for p in kept if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        after = [p for p in kept if p.kind is inspect.Parameter.KEYWORD_ONLY]
        options = [_parameter(path, flag) for path, flag in flags.items()]
        parameters = [*before, *options, *after]
        # typer reads the signature through inspect, which honours this attribute.
        command.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        return command

    return give


def given_settings(given: dict[str, object]) -> dict[str, object]:
    """What the person gave, by its path in the configuration."""
    by_path = {path: given[argument_name(path)] for path in TRAIN_FLAGS}
    modules = by_path["lora.target_modules"]
    if isinstance(modules, str):
        by_path["lora.target_modules"] = _split_modules(modules)
    return {path: value for path, value in by_path.items() if value is not None}


def flag_of(path: str) -> str:
    """The flag of a setting; the path itself where there is none."""
    return TRAIN_FLAGS.get(path, "--data" if path == "data" else path)


def argument_name(path: str) -> str:
    return path.replace(".", "__")


def field_at(path: str) -> FieldInfo:
    """The field of the configuration tree that a dotted path names."""
    model: type[BaseModel] = RunConfig
    *sections, name = path.split(".")
    for section in sections:
        model = _without_none(model.model_fields[section].annotation)
    return model.model_fields[name]


def _parameter(path: str, flag: str) -> inspect.Parameter:
    field = field_at(path)
    default = f" Default: {field.default}." if _is_worth_showing(path, field) else ""
    option = typer.Option(flag, help=f"{field.description}{default}")
    return inspect.Parameter(
        argument_name(path),
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[_option_type(field.annotation) | None, option],
    )


def _is_worth_showing(path: str, field: FieldInfo) -> bool:
    if path in _NO_FIXED_DEFAULT or field.is_required():
        return False
    return field.default is not None and field.default != ""


# Any: types as values, which the type checker cannot describe.
def _option_type(annotation: Any) -> Any:
    bare = _without_none(annotation)
    if get_origin(bare) is Literal or bare in (int, float, str, bool, Path):
        return bare
    return str


def _without_none(annotation: Any) -> Any:
    """`Annotated[int, …] | None` → `int`; a union of several types stays one."""
    if get_origin(annotation) is Annotated:
        return _without_none(get_args(annotation)[0])
    if get_origin(annotation) in (types.UnionType, typing.Union):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return _without_none(parts[0]) if len(parts) == 1 else annotation
    return annotation


def _split_modules(text: str) -> str | list[str]:
    """`all-linear` stays a word, `q_proj,v_proj` becomes a list of names."""
    if text in ("all-linear", "attention"):
        return text
    return [name.strip() for name in text.split(",") if name.strip()]
