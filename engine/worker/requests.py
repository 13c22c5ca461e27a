"""What the worker is asked for: values that go from a door to `engine.worker.jobs`."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from engine.config import RunConfig, Section

MAX_XRAY_ROWS = 100


class PreflightRequest(Section):
    """What would this training learn from?"""

    config: RunConfig


class XrayRequest(Section):
    """Show `count` examples from number `first` on, token by token."""

    config: RunConfig
    first: int = Field(0, ge=0)
    count: PositiveInt = Field(5, le=MAX_XRAY_ROWS)
