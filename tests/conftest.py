"""What several parts' tests share: an isolated home, the starter, and a model of two layers."""

from __future__ import annotations

import os
import signal
from importlib import import_module
from pathlib import Path

import pytest

from engine.models.starter import starter_folder
from tests.browser import browser

__all__ = ["browser"]

# Read when huggingface_hub is imported, so it cannot wait for a fixture.
os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Children can be sent Ctrl-C even where the tests themselves run with it ignored (nohup)."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the person's own home folder."""
    monkeypatch.setenv("BACKPROPAGATE_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real starter model as a safetensors folder, converted once a session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKPROPAGATE_HOME", str(tmp_path_factory.mktemp("starter-home")))
        return starter_folder()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama of two layers and random weights; a step takes milliseconds."""
    folder = tmp_path_factory.mktemp("tiny-model")
    # torch takes seconds to import: only tests that ask for a model pay that.
    import_module("tests.tiny_model").save_tiny_model(folder)
    return folder
