"""What the worker can do. Each job takes an unchecked JSON value and returns JSON text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from pydantic import TypeAdapter
from transformers import PreTrainedTokenizerBase

from engine.config import ModelConfig
from engine.data.inspected import Preflight, Xray
from engine.data.preflight import preflight
from engine.data.xray import xray
from engine.models.load import load_tokenizer
from engine.models.resolve import resolve
from engine.settings import load_settings
from engine.worker.requests import PreflightRequest, XrayRequest

Asked = TypeVar("Asked")
Found = TypeVar("Found")


def _job(
    asked: type[Asked], found: type[Found], work: Callable[[Asked], Found]
) -> Callable[[object], str]:
    """Checks a request, does it, and writes down what it found."""
    request, result = TypeAdapter(asked), TypeAdapter(found)

    def run(value: object) -> str:
        return result.dump_json(work(request.validate_python(value))).decode()

    return run


def _preflight(asked: PreflightRequest) -> Preflight:
    tokenizer = tokenizer_of(asked.config.model)
    return preflight(asked.config, tokenizer, load_settings().checks)


def _xray(asked: XrayRequest) -> Xray:
    tokenizer = tokenizer_of(asked.config.model)
    return xray(asked.config, tokenizer, asked.first, asked.count)


@lru_cache(maxsize=2)
def tokenizer_of(model: ModelConfig) -> PreTrainedTokenizerBase:
    return load_tokenizer(resolve(model.name, model.trust_code_sha256))


JOBS = {
    "preflight": _job(PreflightRequest, Preflight, _preflight),
    "xray": _job(XrayRequest, Xray, _xray),
}


def do(job: str, request: object) -> str:
    """Do one job. Raises what it raises; an unknown one is a KeyError."""
    return JOBS[job](request)
