"""Curves, events and logs over HTTP."""

from __future__ import annotations

import httpx
import pytest

from engine.runs.events import RunStarted
from tests.ui.conftest import Served
from tests.ui.written_runs import loss_at


def test_health_is_bare(served: Served) -> None:
    answer = httpx.get(f"{served.address}/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_a_curve_has_every_step_and_eval(served: Served) -> None:
    served.runs.begin("20260101-000000-cu01")
    served.runs.steps("20260101-000000-cu01", 1, 25)
    curve = httpx.get(f"{served.address}/api/runs/20260101-000000-cu01/curve").json()
    assert curve["steps"] == list(range(1, 26))
    assert curve["losses"] == [float(f"{loss_at(step):.5g}") for step in range(1, 26)]
    assert [step for step, _ in curve["evals"]] == [10, 20]


def test_a_resume_takes_back_the_points_after_its_checkpoint(served: Served) -> None:
    run_id = "20260101-000000-cu02"
    served.runs.begin(run_id)
    served.runs.steps(run_id, 1, 15)
    before = httpx.get(f"{served.address}/api/runs/{run_id}/curve").json()
    served.runs.tell(run_id, RunStarted(run_id, 2, resumed_from_step=10))
    after = httpx.get(f"{served.address}/api/runs/{run_id}/curve").json()
    assert after["steps"] == list(range(1, 11))
    assert after["revision"] != before["revision"]


def test_events_leave_out_the_steps_and_go_on_where_one_stopped(served: Served) -> None:
    run_id = "20260101-000000-ev01"
    served.runs.begin(run_id)
    served.runs.steps(run_id, 1, 12)
    first = httpx.get(f"{served.address}/api/runs/{run_id}/events").json()
    assert [event["text"] for event in first["events"]] == [
        "Process started",
        f"Eval loss {loss_at(10) + 0.1:.4f} at step 10, the lowest so far",
        "Checkpoint saved at step 10",
    ]
    served.runs.end(run_id, "failed")
    url = f"{served.address}/api/runs/{run_id}/events?after={first['last']}"
    more = httpx.get(url).json()
    assert [event["tone"] for event in more["events"]] == ["bad", "quiet"]


def test_the_log_comes_as_its_end_or_as_a_file(served: Served) -> None:
    run_id = "20260101-000000-lo01"
    served.runs.begin(run_id)
    tail = httpx.get(f"{served.address}/api/runs/{run_id}/log?lines=1")
    assert (tail.text, tail.headers["content-type"]) == ("last line", "text/plain; charset=utf-8")
    whole = httpx.get(f"{served.address}/api/runs/{run_id}/log?download=true")
    assert whole.text == "first line\nlast line\n"
    assert whole.headers["content-disposition"] == f'attachment; filename="{run_id}.log"'


@pytest.mark.parametrize("part", ["curve", "events", "log"])
@pytest.mark.parametrize("run_id", ["19990101-000000-none", "%2e%2e", "a%00b", "%25"])
def test_an_unknown_run_is_not_found(served: Served, part: str, run_id: str) -> None:
    answer = httpx.get(f"{served.address}/api/runs/{run_id}/{part}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "INPUT_RUN_NOT_FOUND"


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/docs", "/api/openapi.json", "/api/docs", "/api"]
)
def test_nothing_else_is_served(served: Served, path: str) -> None:
    assert httpx.get(f"{served.address}{path}").status_code == 404
