"""The warm worker: real processes, killed, kept waiting and left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.config import DataConfig, ModelConfig, RunConfig
from engine.errors import BackpropError
from engine.runs.processes import python_path
from engine.worker.client import Worker
from engine.worker.requests import PreflightRequest
from tests.waiting import until

PARENT = """
import sys, time
from engine.errors import BackpropError
from engine.worker.client import Worker
worker = Worker(60)
try:
    worker.ask("no such job", {})
except BackpropError:
    print(worker.pid, "torch" in sys.modules, flush=True)
time.sleep(600)
"""


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(idle_seconds=60)
    yield worker
    worker.close()


def ask_nothing(worker: Worker) -> None:
    """The cheapest question: a job that does not exist."""
    with pytest.raises(BackpropError) as caught:
        worker.ask("no such job", {})
    assert caught.value.code == "RUNTIME_UNEXPECTED"


def long_work(tiny_model: Path, folder: Path) -> dict[str, object]:
    rows = folder / "many.jsonl"
    rows.write_text('{"prompt": "Hi", "completion": "Hello"}\n' * 200_000, encoding="utf-8")
    config = RunConfig(data=DataConfig(path=rows), model=ModelConfig(name=str(tiny_model)))
    return PreflightRequest(config=config).model_dump(mode="json")


def test_one_process_answers_until_it_dies_and_then_another(worker: Worker) -> None:
    ask_nothing(worker)
    first = worker.pid
    ask_nothing(worker)
    assert worker.pid == first
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: worker.pid is None, "the worker to die")
    ask_nothing(worker)
    assert worker.pid not in (None, first)


def test_a_death_in_the_middle_of_work_is_told_and_can_be_tried_again(
    worker: Worker, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPROPAGATE_CHECKS__SAMPLE_ROWS", "200000")
    ask_nothing(worker)
    caught: list[BackpropError] = []

    def ask() -> None:
        with pytest.raises(BackpropError) as error:
            worker.ask("preflight", long_work(tiny_model, tmp_path))
        caught.append(error.value)

    asking = threading.Thread(target=ask)
    asking.start()
    pid = worker.pid
    assert pid is not None
    until(lambda: psutil.Process(pid).cpu_percent(0.2) > 50, "the worker to work")
    os.kill(pid, signal.SIGKILL)
    asking.join()
    assert (caught[0].code, caught[0].retryable) == ("RUNTIME_WORKER_DIED", True)
    ask_nothing(worker)


def test_work_that_takes_too_long_is_ended(
    worker: Worker, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPROPAGATE_CHECKS__SAMPLE_ROWS", "200000")
    ask_nothing(worker)
    with pytest.raises(BackpropError) as caught:
        worker.ask("preflight", long_work(tiny_model, tmp_path), seconds=0.5)
    assert (caught.value.code, caught.value.retryable) == ("RUNTIME_WORKER_TIMEOUT", True)
    assert worker.pid is None
    ask_nothing(worker)


def test_an_idle_worker_ends_and_the_next_question_starts_one() -> None:
    worker = Worker(idle_seconds=0.3)
    ask_nothing(worker)
    until(lambda: worker.pid is None, "the idle worker to end")
    ask_nothing(worker)
    worker.close()


def test_threads_take_turns(worker: Worker) -> None:
    threads = [threading.Thread(target=ask_nothing, args=(worker,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worker.pid is not None


def test_it_ends_with_its_parent_which_loads_no_torch() -> None:
    environment = os.environ | {"PYTHONPATH": python_path()}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    pid, torch_is_loaded = parent.stdout.readline().split()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert torch_is_loaded == "False"
    until(lambda: not psutil.pid_exists(int(pid)), "the worker to follow its parent")
