"""What the worker is asked for: values that go from a door to `engine.worker.jobs`."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from engine.config import DataConfig, ModelConfig, RunConfig, Section

MAX_XRAY_ROWS = 100


class PreflightRequest(Section):
    """What would this training learn from?"""

    config: RunConfig


class XrayRequest(Section):
    """Show `count` examples from number `first` on, token by token."""

    config: RunConfig
    first: int = Field(0, ge=0)
    count: PositiveInt = Field(5, le=MAX_XRAY_ROWS)


class ReportRequest(Section):
    """What does this file hold? The tokens are counted where a model is given."""

    data: DataConfig
    model: ModelConfig | None = None
    max_length: PositiveInt = 1024


class ValidateRequest(Section):
    """Which rows are bad?"""

    data: DataConfig
    max_errors: PositiveInt = 50


class ShapeRequest(Section):
    """How many rows does each step of the recipe leave?"""

    data: DataConfig
    seed: int = 0
