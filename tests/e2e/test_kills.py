"""kill -9 of each process of a run: what was saved is kept, and resuming tells no difference."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
import psutil
import pytest

from engine import api
from engine.runs.records import Curve, Run
from tests.e2e.conftest import Submit, wait_for_end, wait_for_step
from tests.ui.conftest import end_server, start_server, wait_for_address
from tests.waiting import until

STEPS = 300
KILL_AT = 120
PLAN = {"steps": STEPS, "save_every_steps": 50, "eval_every_steps": 50}


def assert_same_curve(resumed: Curve, uninterrupted: Curve) -> None:
    assert resumed.steps == uninterrupted.steps == list(range(1, STEPS + 1))
    assert resumed.losses == pytest.approx(uninterrupted.losses, abs=1e-6)
    assert [step for step, _ in resumed.evals] == [step for step, _ in uninterrupted.evals]
    for (_, ours), (_, theirs) in zip(resumed.evals, uninterrupted.evals, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)


def no_process_of(run: Run) -> None:
    for process in (run.child, run.supervisor):
        assert process is not None
        until(lambda pid=process.pid: not psutil.pid_exists(pid), "the process to be gone")


def dispatchers(run: Run) -> list[psutil.Process]:
    """The dispatcher processes of this test's store; more than one only until one is elected."""
    store = str(run.output_dir.parent / "home" / "runs.db")
    processes = psutil.process_iter(["cmdline"])
    return [
        process
        for process in processes
        if (process.info["cmdline"] or [])[-2:] == ["engine.runs.queue", store]
    ]


@pytest.mark.train
def test_kill_child_and_supervisor_then_resume_to_the_uninterrupted_curve(submit: Submit) -> None:
    uninterrupted = wait_for_end(submit(**PLAN).id)
    assert uninterrupted.status == "completed", uninterrupted.error

    run = wait_for_step(submit(**PLAN).id, KILL_AT)
    assert run.child is not None
    os.kill(run.child.pid, signal.SIGKILL)
    failed = wait_for_end(run.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "RUNTIME_CHILD_DIED"
    no_process_of(failed)

    api.resume(run.id)
    resumed = wait_for_step(run.id, KILL_AT + 100)
    assert resumed.attempt == 2
    assert resumed.supervisor is not None
    os.kill(resumed.supervisor.pid, signal.SIGKILL)
    interrupted = wait_for_end(run.id)
    assert interrupted.status == "interrupted"
    no_process_of(interrupted)

    api.resume(run.id)
    completed = wait_for_end(run.id)
    assert (completed.status, completed.attempt) == ("completed", 3)
    assert_same_curve(api.curve(run.id), api.curve(uninterrupted.id))


@pytest.mark.train
def test_a_killed_dispatcher_is_replaced(submit: Submit) -> None:
    first = submit(steps=5)
    second = submit(steps=5)
    until(lambda: api.get_run(first.id).status == "running", "the first run")
    until(lambda: len(dispatchers(first)) == 1, "one dispatcher")
    (dispatcher,) = dispatchers(first)
    dispatcher.kill()
    assert wait_for_end(first.id).status == "completed"
    assert wait_for_end(second.id).status == "completed"
    ended, began = api.get_run(first.id).ended_at, api.get_run(second.id).started_at
    assert ended is not None
    assert began is not None
    assert began >= ended, "one training at a time, in the order of the queue"


@pytest.mark.train
def test_a_killed_web_server_takes_no_run_with_it(
    submit: Submit, pages: object, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    first = start_server(home, tmp_path)
    wait_for_address(first, home)
    run = wait_for_step(submit(**PLAN).id, 20)
    first.kill()
    first.wait(timeout=20)
    assert first.stdout is not None
    first.stdout.close()

    assert wait_for_end(run.id).status == "completed"
    second = start_server(home, tmp_path)
    served = wait_for_address(second, home)
    curve = httpx.get(f"{served.address}/api/runs/{run.id}/curve").json()
    end_server(second)
    assert curve["steps"] == list(range(1, STEPS + 1))
