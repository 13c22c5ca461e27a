"""The defaults a person may set: environment, `.env`, then `config.json` in our home folder.

    command line  >  environment  >  .env  >  <home>/config.json  >  built-in default

A name that does not exist is an error wherever it stands, so that a typing mistake is never a
silent default.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, Field, PositiveInt, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from engine.config import LimitsConfig, LoraConfig, ModelConfig, Section, TrainingConfig
from engine.default_model import default_model
from engine.errors import BackpropError
from engine.home import HOME_VARIABLE, home
from engine.user_config import config_path, read_user_config, write_user_config

PREFIX = "BACKPROPAGATE_"
DELIMITER = "__"
ENV_FILE = ".env"

Place = Literal["environment", ".env", "config.json", "default"]


class UiConfig(Section):
    """The page."""

    output_dir: Path | None = None
    """The only folder the page writes to; unset, ui-outputs in our home folder."""
    port: Annotated[int, Field(ge=1, le=65535)] = 7862
    """Port the page listens on."""
    host: str = "127.0.0.1"
    """Address the page listens on; only this machine can reach a loopback address."""
    max_upload_gb: Annotated[float, Field(gt=0)] = 4
    """Largest file in GB that can be dropped on the page."""
    data_dirs: tuple[Path, ...] = ()
    """More folders the page may read data from, beside your home folder and where it started."""


class ReadingConfig(Section):
    """How much a file of examples may hold before it is refused."""

    max_row_mb: PositiveInt = 32
    """Longest row in MB; a longer one is set aside."""
    max_decompressed_gb: Annotated[float, Field(gt=0)] = 100
    """Most GB that a compressed file may unpack to."""
    max_compression_ratio: PositiveInt = 200
    """Most bytes that one byte of a compressed file may stand for."""


class ChecksConfig(Section):
    """What is looked at before a training starts."""

    sample_rows: PositiveInt = 2000
    """Look at this many rows at most before a training starts."""
    max_truncated_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Warn when more than this share of the rows is longer than max length."""


class WorkerConfig(Section):
    """The helper process that tokenises for checks, previews and the X-ray."""

    idle_minutes: Annotated[float, Field(gt=0)] = 5
    """End it when nothing was asked of it for this many minutes."""


class Settings(BaseSettings):
    """Everything that has a default a person may change."""

    # Other programs keep their variables in .env too, so "forbid" cannot stand here;
    # `_refuse_unknown_names` holds ours to the names that exist.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_ignore_empty=True,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    lora: LoraConfig = LoraConfig()
    limits: LimitsConfig = LimitsConfig()
    checks: ChecksConfig = ChecksConfig()
    worker: WorkerConfig = WorkerConfig()
    ui: UiConfig = UiConfig()
    reading: ReadingConfig = ReadingConfig()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe message that a run logs."""
    log_json: bool = False
    """Log one JSON object a line instead of text."""
    log_file: Path | None = None
    """A file that gets the log lines of all runs, beside each run's own log."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        user_file = JsonConfigSettingsSource(settings_cls, json_file=config_path())
        return init_settings, env_settings, dotenv_settings, user_file


@dataclass(frozen=True)
class SettingSource:
    """One setting, its value now, and where that comes from."""

    key: str
    value: object
    place: Place
    variable: str


def page_output_dir(settings: Settings) -> Path:
    """The only folder the page writes to."""
    return (settings.ui.output_dir or home() / "ui-outputs").expanduser().absolute()


def load_settings() -> Settings:
    """The settings as they stand now. Raises CONFIG_INVALID."""
    _refuse_unknown_names()
    try:
        settings = Settings()
    except ValidationError as error:
        raise _invalid_value(error) from error
    except SettingsError as error:
        raise BackpropError("CONFIG_INVALID", str(error), hint=_SHOW_HINT) from error
    if "name" in settings.model.model_fields_set:
        return settings
    named = settings.model.model_copy(update={"name": default_model()})
    return settings.model_copy(update={"model": named})


def sources() -> list[SettingSource]:
    """Every setting with its value and where it comes from, in the order of the tree."""
    settings = load_settings()
    given = _given_keys()
    return [
        SettingSource(key, _value_at(settings, key), _place_of(key, given), variable_of(key))
        for key in setting_keys()
    ]


def setting_keys(model: type[BaseModel] = Settings, prefix: str = "") -> tuple[str, ...]:
    """Dotted names of all settings: `training.learning_rate`, `log_level`, …"""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            keys += setting_keys(section, f"{prefix}{name}.")
        else:
            keys.append(prefix + name)
    return tuple(keys)


def variable_of(key: str) -> str:
    """`lora.r` → `BACKPROPAGATE_LORA__R`."""
    return PREFIX + key.replace(".", DELIMITER).upper()


def set_value(key: str, text: str) -> None:
    """Put one setting into `config.json`. Raises CONFIG_INVALID and leaves the file alone."""
    _refuse_unknown_key(key, f"{key} is not a setting")
    changed = read_user_config()
    _put(changed, key, _parse(text))
    _check_user_values(changed)
    write_user_config(changed)


def reset_value(key: str) -> None:
    """Take one setting out of `config.json`."""
    _refuse_unknown_key(key, f"{key} is not a setting")
    changed = read_user_config()
    section, _, name = key.rpartition(".")
    holder = changed.get(section, {}) if section else changed
    holder.pop(name, None)
    if section and not holder:
        changed.pop(section, None)
    write_user_config(changed)


_SHOW_HINT = "backprop config --show lists every setting, its value and where it comes from."
# Ours too, but no settings: they say where things lie, not how a run is made.
_RESERVED = frozenset({HOME_VARIABLE})


def _parse(text: str) -> object:
    """`16` → 16, `["q_proj"]` → a list, `cosine` → the word itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _put(values: dict[str, Any], key: str, value: object) -> None:
    section, _, name = key.rpartition(".")
    holder = values.setdefault(section, {}) if section else values
    holder[name] = value


def _value_at(settings: BaseModel, key: str) -> object:
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _check_user_values(values: dict[str, Any]) -> None:
    try:
        Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = _key_of(first["loc"])
        raise _bad_value(key, key, first["msg"]) from error


def _dotenv_variables() -> dict[str, str]:
    path = Path(ENV_FILE)
    if not path.is_file():
        return {}
    try:
        values = dotenv_values(path, encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BackpropError(
            "CONFIG_INVALID", f"{path} is not UTF-8: {error}", hint="Save the file as UTF-8."
        ) from error
    return {name: value for name, value in values.items() if value is not None}


def _refuse_unknown_names() -> None:
    for variables, place in ((os.environ, ""), (_dotenv_variables(), f" ({ENV_FILE})")):
        for name in variables:
            if not name.upper().startswith(PREFIX) or name.upper() in _RESERVED:
                continue
            key = name[len(PREFIX) :].lower().replace(DELIMITER, ".")
            if key not in Settings.model_fields:
                _refuse_unknown_key(key, f"{name}{place} is not a setting", variable=True)
    for key in _flat_keys(read_user_config()):
        _refuse_unknown_key(key, f"{key} in {config_path()} is not a setting")


def _flat_keys(values: dict[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict) and value and name in Settings.model_fields:
            yield from (f"{name}.{inner}" for inner in value)
        elif name not in _section_names():
            yield name


def _section_names() -> set[str]:
    return {key.partition(".")[0] for key in setting_keys() if "." in key}


def _refuse_unknown_key(key: str, message: str, *, variable: bool = False) -> None:
    known = setting_keys()
    if key in known:
        return
    close = closest(key, known)
    meant = [variable_of(name) if variable else name for name in close]
    question = f" Did you mean {' or '.join(meant)}?" if meant else ""
    raise BackpropError("CONFIG_INVALID", f"{message}.{question}", hint=_SHOW_HINT)


def closest(word: str, known: Iterable[str]) -> list[str]:
    """Up to two known names that look like `word`, also when only the last part was given."""
    names = list(known)
    by_last_part = {name.rpartition(".")[2]: name for name in names}
    found = difflib.get_close_matches(word, names, n=2, cutoff=0.7)
    if found:
        return found
    last = difflib.get_close_matches(word.rpartition(".")[2], list(by_last_part), n=2, cutoff=0.7)
    return [by_last_part[part] for part in last]


def _invalid_value(error: ValidationError) -> BackpropError:
    first = error.errors()[0]
    key = _key_of(first["loc"])
    place = _place_of(key, _given_keys())
    if place == "config.json":
        named = f"{key} in {config_path()}"
    else:
        named = variable_of(key) + (f" ({ENV_FILE})" if place == ".env" else "")
    return _bad_value(key, named, first["msg"])


def _key_of(location: tuple[int | str, ...]) -> str:
    """The setting an error is about; unions add more parts to the location."""
    dotted = ".".join(str(part) for part in location)
    matching = [key for key in setting_keys() if f"{dotted}.".startswith(f"{key}.")]
    return matching[0] if matching else dotted


def _bad_value(key: str, named: str, reason: str) -> BackpropError:
    reason = reason[0].lower() + reason[1:]
    return BackpropError(
        "CONFIG_INVALID",
        f"{named}: {reason}.",
        hint=f"{meaning_of(key)} {_SHOW_HINT}".strip(),
    )


def meaning_of(key: str) -> str:
    """The docstring of a setting, which is its help everywhere; empty for a whole section."""
    model: type[BaseModel] = Settings
    *sections, name = key.split(".")
    for section in sections:
        annotation = model.model_fields[section].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ""
        model = annotation
    field = model.model_fields.get(name)
    return (field.description or "") if field else ""


def _given_keys() -> dict[Place, set[str]]:
    """Which settings each place gives, in order of precedence."""
    return {
        "environment": set(_keys_in(EnvSettingsSource(Settings)())),
        ".env": set(_keys_in(DotEnvSettingsSource(Settings)())),
        "config.json": set(_flat_keys(read_user_config())),
    }


def _keys_in(values: dict[str, Any]) -> Iterator[str]:
    for key in setting_keys():
        section, _, name = key.rpartition(".")
        holder = values.get(section, {}) if section else values
        if isinstance(holder, dict) and name in holder:
            yield key


def _place_of(key: str, given: dict[Place, set[str]]) -> Place:
    return next((place for place, keys in given.items() if key in keys), "default")
