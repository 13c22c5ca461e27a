"""Data sets of a hub: how they are named, and their rows as a file of our own.

    hub:org/name                      the split train of its only configuration
    hub:org/name@v1.0                 a branch, tag or commit
    hub:org/name?config=en&split=test

They are fetched by a child process, the only place that imports `datasets`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from filelock import FileLock

from engine.data.rows import unreadable
from engine.data.sources import HUB_PREFIX
from engine.errors import BackpropError
from engine.home import home
from engine.security.redact import redact

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_EXAMPLE = "hub:org/name@revision?config=NAME&split=NAME"
_HOUR_SECONDS = 3600
_OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")


@dataclass(frozen=True)
class HubName:
    """A data set of a hub, and which part of it."""

    name: str
    revision: str = "main"
    config: str = ""
    split: str = "train"


def parse_hub_name(path: Path) -> HubName:
    """`hub:org/name@revision?config=…&split=…`. Raises INPUT_VALIDATION_FAILED."""
    rest = path.as_posix().removeprefix(HUB_PREFIX)
    before, _, query = rest.partition("?")
    name, _, revision = before.partition("@")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(options) - {"config", "split"})
    if unknown or not _NAME.fullmatch(name):
        what = f"{unknown[0]} is not known" if unknown else f"{name!r} is not a name"
        raise BackpropError(
            "INPUT_VALIDATION_FAILED", f"{path.as_posix()}: {what}.", hint=f"Such as {_EXAMPLE}."
        )
    return HubName(
        name, revision or "main", options.get("config", ""), options.get("split") or "train"
    )


def fetch(path: Path) -> Path:
    """The file with the data set's rows, fetched on first use and kept under our home.

    Raises INPUT_DATA_INVALID (no such data set, configuration or split; no network).
    """
    wanted = parse_hub_name(path)
    key = hashlib.sha256(json.dumps(asdict(wanted)).encode()).hexdigest()[:16]
    folder = home() / "cache" / "hub-data"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{wanted.name.replace('/', '--')}-{key}.parquet"
    with FileLock(f"{target}.lock"):
        if not target.exists():
            _run_child(wanted, target, path)
    return target


def _run_child(wanted: HubName, target: Path, path: Path) -> None:
    if any(os.environ.get(name, "").lower() in ("1", "true", "yes") for name in _OFFLINE_VARIABLES):
        raise unreadable(
            f"{path.as_posix()} cannot be fetched: this machine is set to work offline.",
            f"Unset {' and '.join(_OFFLINE_VARIABLES)}, or give a file.",
        )
    argv = [sys.executable, "-m", "engine.data.hub_child", json.dumps(asdict(wanted)), str(target)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_HOUR_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise unreadable(
            f"{path.as_posix()} was not there after an hour.", "Try again, or give a file."
        ) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise unreadable(
            f"{path.as_posix()} cannot be fetched: {redact(lines[-1] if lines else 'no word why')}",
            "Check the name, the configuration, the split and the network.",
            redact(done.stderr[-2000:]),
        )
