"""How long a step takes to reach a visitor: to the socket, and to the drawn curve.

A real training keeps the cores busy meanwhile; times are from the moment the supervisor got the
step (its time in the store) to the browser's own clock on the same machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.table import show
from engine import api
from engine.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from engine.resources import quickstart_examples
from engine.runs.events import Step
from tests.browser import FLAGS

STEPS = 40
LONGEST_TRAINING_MILLISECONDS = 600_000

# Notes when messages arrive and when the number of drawn points changes.
WATCH = """
window.heard = []; window.drawn = [];
const Native = window.WebSocket;
window.WebSocket = class extends Native {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", (m) => window.heard.push([Date.now() / 1000, String(m.data)]));
  }
};
new MutationObserver(() => {
  const chart = document.querySelector("[data-points]");
  if (chart) window.drawn.push([Date.now() / 1000, Number(chart.dataset.points)]);
}).observe(document, { subtree: true, childList: true, attributes: true,
                       attributeFilter: ["data-points"] });
"""


def measure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server, address = _start_server(Path(folder))
        try:
            run_id = _submit(Path(folder))
            heard, drawn = _watch(f"{address}/runs/{run_id}")
            stored = {e.event.step: e.at for e in api.events(run_id) if isinstance(e.event, Step)}
        finally:
            server.terminate()
            server.wait(timeout=20)
            _close(server)
    to_socket, sizes = _socket_delays(stored, heard)
    to_page = _page_delays(stored, drawn)
    show(
        f"A step on its way to the page ({len(to_socket)} of {STEPS} steps seen live)",
        [
            ("to the socket, median", f"{statistics.median(to_socket) * 1000:.0f} ms", ""),
            ("to the socket, p95", f"{_p95(to_socket) * 1000:.0f} ms", "300 ms"),
            ("to the drawn curve, p95", f"{_p95(to_page) * 1000:.0f} ms", "1000 ms"),
            ("largest update with a step", f"{max(sizes)} bytes", "1024 bytes"),
        ],
    )


def _start_server(folder: Path) -> tuple[subprocess.Popen[str], str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "backprop_ui.serve", "--no-open", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"BACKPROPAGATE_UI__OUTPUT_DIR": str(folder)},
    )
    if server.stdout is None:
        raise AssertionError("the server was started with a pipe")
    return server, server.stdout.readline().split()[4]


def _close(server: subprocess.Popen[str]) -> None:
    if server.stdout is not None:
        server.stdout.close()


def _submit(folder: Path) -> str:
    config = RunConfig(
        model=ModelConfig(name="starter"),
        data=DataConfig(path=quickstart_examples()),
        output_dir=folder,
        training=TrainingConfig(steps=STEPS, eval_every_steps=STEPS),
    )
    return api.submit(config, origin="python").id


def _watch(address: str) -> tuple[list[tuple[float, str]], list[tuple[float, int]]]:
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page()
        page.add_init_script(WATCH)
        page.goto(address)
        _wait_for_end(page)
        heard, drawn = page.evaluate("[window.heard, window.drawn]")
        browser.close()
    return heard, drawn


def _wait_for_end(page: Page) -> None:
    page.get_by_text("Completed", exact=True).first.wait_for(timeout=LONGEST_TRAINING_MILLISECONDS)


def _socket_delays(
    stored: dict[int, float], heard: list[tuple[float, str]]
) -> tuple[list[float], list[int]]:
    """Delay of each step's first message, and the sizes of those messages in bytes."""
    delays, sizes, seen = [], [], set[int]()
    for at, text in heard:
        found = re.search(r'"steps":(\[[\d, ]*\])', text)
        steps = json.loads(found.group(1)) if found else []
        new = [step for step in steps[-1:] if step in stored and step not in seen]
        for step in new:
            seen.add(step)
            delays.append(at - stored[step])
            sizes.append(len(text.encode()))
    return delays, sizes


def _page_delays(stored: dict[int, float], drawn: list[tuple[float, int]]) -> list[float]:
    first: dict[int, float] = {}
    for at, points in drawn:
        first.setdefault(points, at)
    return [first[step] - at for step, at in stored.items() if step in first]


def _p95(values: list[float]) -> float:
    return sorted(values)[max(0, round(len(values) * 0.95) - 1)]
