"""The log settings decide what is logged, how, and where else to."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.logs import start_logging
from engine.settings import Settings

logger = logging.getLogger("engine.some_module")


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.level = handlers, level


def test_lines_go_to_stderr_and_to_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "logs" / "all.txt"
    start_logging(Settings(log_file=path))
    logger.info("step 1 with hf_abcdefghijklmnopqrstuvwx")
    logger.debug("unseen")
    written = path.read_text()
    assert written.endswith("INFO step 1 with hf_***\n")
    assert "unseen" not in written
    assert "step 1" in capsys.readouterr().err


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(Settings(log_json=True, log_level="debug"))
    logger.debug("password=hunter2 seen")
    told = json.loads(capsys.readouterr().err)
    assert (told["level"], told["logger"]) == ("debug", "engine.some_module")
    assert told["message"] == "password=*** seen"


def test_the_level_leaves_out_what_is_less_severe(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(Settings(log_level="error"))
    logger.warning("unseen")
    assert capsys.readouterr().err == ""
