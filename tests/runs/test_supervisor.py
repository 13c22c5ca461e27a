from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine.runs import queue
from engine.runs.events import StatusChanged, Step
from engine.runs.log import read_log
from engine.runs.records import Run
from engine.runs.store import Store
from tests.runs.conftest import MakeRun
from tests.runs.scripted import supervise
from tests.waiting import until

COUNT_UNTIL_STOPPED = """
n = 0
while not channel.stop_requested:
    channel.wait_while_paused()
    n += 1
    step(n)
    time.sleep(0.02)
say(Finished("stopped", "/saved", steps=n))
"""


@pytest.fixture
def supervised(store: Store) -> Callable[[Run, str], subprocess.Popen[bytes]]:
    def start(run: Run, script: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.runs.scripted", str(store.path), run.id, script],
            cwd=Path(__file__).parents[2],
        )

    return start


def test_a_completed_run_has_its_events_result_and_history(store: Store, make_run: MakeRun) -> None:
    run = supervise(
        store, make_run(), "step(1); step(2); say(Finished('completed', '/a', steps=2, loss=3.98))"
    )
    assert (run.status, run.step, run.loss) == ("completed", 2, 3.98)
    assert store.curve(run.id).losses == [3.99, 3.98]
    result = json.loads((run.run_dir / "result.json").read_text())
    assert (result["status"], result["path"]) == ("completed", "/a")
    (entry,) = json.loads((run.output_dir / "run_history.json").read_text())["runs"]
    assert entry["loss_history"] == [[1, 3.99], [2, 3.98]]
    assert entry["status"] == "completed"


def test_prints_of_libraries_go_to_the_log_and_broken_lines_harm_nothing(
    store: Store, make_run: MakeRun
) -> None:
    script = """
print("a library talks")
sys.stderr.write("and warns\\n")
channel._out.write("{broken json\\n")
channel._out.write('{"kind": "step", "loss": NaN}\\n')
step(1)
say(Finished("completed", ""))
"""
    run = supervise(store, make_run(), script)
    log = read_log(run.log_path)
    assert run.status == "completed"
    assert "a library talks" in log
    assert "and warns" in log
    assert "{broken json" in log
    assert store.curve(run.id).steps == [1]


@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        ("os.kill(os.getpid(), 9)", "RUNTIME_CHILD_DIED", "signal 9"),
        ("sys.exit(7)", "RUNTIME_CHILD_DIED", "code 7"),
        ("say(Failed('RUNTIME_DISK_FULL', 'The disk is full.')); sys.exit(2)",
         "RUNTIME_DISK_FULL", "disk is full"),
        ("raise ValueError('odd')", "RUNTIME_CHILD_DIED", "code 1"),
    ],
)  # fmt: skip
def test_a_child_that_dies_is_a_failed_run_with_its_cause(
    store: Store, make_run: MakeRun, script: str, code: str, says: str
) -> None:
    run = supervise(store, make_run(), "step(1)\n" + script)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.code == code
    assert says in run.error.message
    assert store.curve(run.id).steps == [1], "what was told before is kept"


def test_stop_pause_and_resume_reach_the_child(
    store: Store,
    make_run: MakeRun,
    supervised: Callable[[Run, str], subprocess.Popen[bytes]],
) -> None:
    run = make_run()
    process = supervised(run, COUNT_UNTIL_STOPPED)
    until(lambda: store.get(run.id).step > 3, "steps")
    store.request(run.id, "pause")
    until(lambda: store.get(run.id).status == "paused", "the pause")
    step = store.get(run.id).step
    time.sleep(0.5)
    assert store.get(run.id).step == step, "a paused run makes no steps"
    store.request(run.id, "resume")
    until(lambda: store.get(run.id).step > step, "steps after the pause")
    store.request(run.id, "stop")
    assert process.wait(timeout=20) == 0
    ended = store.get(run.id)
    assert ended.status == "stopped"
    assert ended.result is not None
    assert ended.result.path == "/saved"


def test_the_time_box_saves_and_is_no_failure(store: Store, make_run: MakeRun) -> None:
    run = supervise(store, make_run(max_minutes=0.02), COUNT_UNTIL_STOPPED)
    assert run.status == "timeboxed"
    assert run.result is not None


def test_killing_the_supervisor_leaves_no_orphan_and_tells_the_truth(
    store: Store,
    make_run: MakeRun,
    supervised: Callable[[Run, str], subprocess.Popen[bytes]],
) -> None:
    run = make_run()
    process = supervised(run, COUNT_UNTIL_STOPPED)
    until(lambda: store.get(run.id).step > 3, "steps")
    child = store.get(run.id).child
    assert child is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=20)
    (interrupted,) = queue.reap(store)
    assert interrupted.id == run.id
    assert store.get(run.id).status == "interrupted"
    until(lambda: not psutil.pid_exists(child.pid), "the child to end")
    assert queue.reap(store) == []


def test_a_supervisor_that_is_asked_to_end_lets_its_child_save(
    store: Store,
    make_run: MakeRun,
    supervised: Callable[[Run, str], subprocess.Popen[bytes]],
) -> None:
    run = make_run()
    process = supervised(run, COUNT_UNTIL_STOPPED)
    until(lambda: store.get(run.id).step > 3, "steps")
    process.terminate()
    process.wait(timeout=20)
    assert store.get(run.id).status == "stopped"
    assert store.get(run.id).result is not None


def test_events_arrive_while_the_child_goes_on(store: Store, make_run: MakeRun) -> None:
    run = make_run()
    script = (
        "step(1)\nwhile not channel.stop_requested: time.sleep(0.01)\nsay(Finished('stopped', ''))"
    )
    seen: list[int] = []

    def watch() -> None:
        own = Store(store.path)
        until(lambda: own.get(run.id).step == 1, "the first step")
        seen.extend(e.event.step for e in own.events(run.id) if isinstance(e.event, Step))
        own.request(run.id, "stop")

    watcher = threading.Thread(target=watch)
    watcher.start()
    ended = supervise(store, run, script)
    watcher.join()
    assert seen == [1]
    kinds = [e.event.status for e in store.events(run.id) if isinstance(e.event, StatusChanged)]
    assert kinds == ["stopped"]
    assert ended.status == "stopped"


def test_a_flood_of_output_neither_blocks_nor_fills_the_disk(
    store: Store, make_run: MakeRun
) -> None:
    script = """
block = ("x" * 79 + "\\n") * 10_000
for _ in range(40): sys.stderr.write(block)
step(1)
say(Finished("completed", ""))
"""
    run = supervise(store, make_run(), script)
    assert run.status == "completed"
    kept = sum(file.stat().st_size for file in run.run_dir.glob("log*"))
    assert kept < 11 * 1024 * 1024
