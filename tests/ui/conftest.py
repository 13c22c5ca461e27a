"""The page, built once and served on loopback as people start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from backprop_ui import build
from tests.ui.written_runs import RunWriter


@dataclass(frozen=True)
class Served:
    """A running server."""

    address: str
    port: int
    home: Path
    process: subprocess.Popen[str]

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def runs(self) -> RunWriter:
        return RunWriter(self.home)


@pytest.fixture(scope="session")
def pages() -> build.Manifest:
    return build.ensure_built()


@pytest.fixture(scope="session")
def served(pages: build.Manifest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests that only ask it; its home is theirs alone."""
    home = tmp_path_factory.mktemp("served-home")
    process = start_server(home, tmp_path_factory.mktemp("elsewhere"))
    try:
        yield wait_for_address(process, home)
    finally:
        end_server(process)


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A fresh visitor; nothing may go wrong in the console while it is there."""
    context = browser.new_context(base_url=served.address)
    context.set_default_timeout(15_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def start_server(home: Path, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the server in `folder` on a free port, without a browser and with an empty PATH."""
    environment = {**os.environ, "BACKPROPAGATE_HOME": str(home), "PATH": ""}
    command = [sys.executable, "-m", "backprop_ui.serve", "--no-open", "--port", "0", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def wait_for_address(process: subprocess.Popen[str], home: Path) -> Served:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "http://localhost:" in line, line
    address = line.split()[4]
    return Served(address, int(address.rpartition(":")[2]), home, process)


def end_server(process: subprocess.Popen[str]) -> int:
    """Ctrl-C, and wait for the end."""
    process.send_signal(signal.SIGINT)
    code = process.wait(timeout=20)
    assert process.stdout is not None
    process.stdout.close()
    return code
