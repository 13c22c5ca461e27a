"""How long the doors take to open, and how much memory the page's process holds."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from benchmarks.table import show

REPEATS = 7
PAGE_TIMEOUT_SECONDS = 30


def measure() -> None:
    command = str(Path(sys.executable).with_name("backprop"))
    first_answer, memory_mb, children = _page(command)
    show(
        "Opening the doors",
        [
            ("python -c pass", f"{_median([sys.executable, '-c', 'pass']):.2f} s", ""),
            ("backprop --help", f"{_median([command, '--help']):.2f} s", "0.35 s"),
            ("import engine", f"{_median([sys.executable, '-c', 'import engine']):.2f} s", ""),
            ("backprop ui to the first HTTP 200", f"{first_answer:.2f} s", "1.5 s"),
            ("memory of the page's process", f"{memory_mb:.0f} MB", "120 MB"),
            ("its child processes while idle", str(children), "0"),
        ],
    )


def _median(command: list[str]) -> float:
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _page(command: str) -> tuple[float, float, int]:
    """Start the page; give seconds to its first answer, its memory in MB and its children."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as home:
        started = time.perf_counter()
        process = subprocess.Popen(
            [command, "ui", "--no-open", "--port", str(port)],
            env=os.environ | {"BACKPROPAGATE_HOME": home},
            stdout=subprocess.DEVNULL,
        )
        try:
            seconds = _wait_for_answer(port, started)
            time.sleep(1)
            server = psutil.Process(process.pid)
            memory = server.memory_info().rss / 1e6
            return seconds, memory, len(server.children(recursive=True))
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait_for_answer(port: int, started: float) -> float:
    while time.perf_counter() - started < PAGE_TIMEOUT_SECONDS:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/").status_code == 200:
                return time.perf_counter() - started
        except httpx.TransportError:
            time.sleep(0.02)
    raise SystemExit("the page did not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
