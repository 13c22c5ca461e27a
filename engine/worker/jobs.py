"""What the worker can do. Each job takes an unchecked JSON value and returns JSON text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from pydantic import TypeAdapter
from transformers import PreTrainedTokenizerBase

from engine.config import ModelConfig
from engine.data.clean import apply
from engine.data.columns import columns_of
from engine.data.conversations import read_conversations
from engine.data.inspected import Preflight, Xray
from engine.data.preflight import preflight
from engine.data.report import make_report
from engine.data.reported import LeftRows, ReportSummary
from engine.data.summary import summary_of
from engine.data.validate import Validation, validate
from engine.data.xray import xray
from engine.models.load import load_tokenizer
from engine.models.resolve import resolve
from engine.settings import load_settings
from engine.worker.requests import (
    PreflightRequest,
    ReportRequest,
    ShapeRequest,
    ValidateRequest,
    XrayRequest,
)

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


def _report(asked: ReportRequest) -> ReportSummary:
    tokenizer = tokenizer_of(asked.model) if asked.model else None
    report = make_report(asked.data.path, asked.data.format, tokenizer, asked.max_length)
    return summary_of(report)


def _validate(asked: ValidateRequest) -> Validation:
    data = asked.data
    return validate(data.path, data.format, asked.max_errors, data.columns)


def _shape(asked: ShapeRequest) -> tuple[LeftRows, ...]:
    data = asked.data
    columns = columns_of(data.columns)
    _, conversations = read_conversations(data.path, data.format, data.max_rows, columns)
    shaped = apply(conversations, data.recipe.without_model(), asked.seed)
    return tuple(LeftRows(step.name, step.rows) for step in shaped.steps)


@lru_cache(maxsize=2)
def tokenizer_of(model: ModelConfig) -> PreTrainedTokenizerBase:
    return load_tokenizer(resolve(model.name, model.trust_code_sha256))


JOBS = {
    "preflight": _job(PreflightRequest, Preflight, _preflight),
    "xray": _job(XrayRequest, Xray, _xray),
    "report": _job(ReportRequest, ReportSummary, _report),
    "validate": _job(ValidateRequest, Validation, _validate),
    "shape": _job(ShapeRequest, tuple[LeftRows, ...], _shape),
}


def do(job: str, request: object) -> str:
    """Do one job. Raises what it raises; an unknown one is a KeyError."""
    return JOBS[job](request)
