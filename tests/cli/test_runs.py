"""Runs in the terminal: list, show, logs, delete, and commands that come too late."""

from __future__ import annotations

import json

import pytest

from engine import api
from engine.errors import BackpropError, Exit
from tests.cli.conftest import Backprop, EndedRun


def test_an_empty_list_says_what_to_do(backprop: Backprop) -> None:
    assert "backprop train --data FILE" in backprop("list-runs").stdout
    assert json.loads(backprop("list-runs", "--json").stdout) == []


@pytest.mark.parametrize("name", ["list-runs", "list"])
def test_list_is_newest_first(backprop: Backprop, ended_run: EndedRun, name: str) -> None:
    older, newer = ended_run("20260101-000000-aaaa"), ended_run("20260102-000000-bbbb", "stopped")
    told = backprop(name).stdout
    assert told.index(newer.id) < told.index(older.id)
    assert "stopped" in told


def test_list_filters_and_limits(backprop: Backprop, ended_run: EndedRun) -> None:
    ended_run("20260101-000000-aaaa")
    ended_run("20260102-000000-bbbb", "stopped")
    ended_run("20260103-000000-cccc", "stopped")
    listed = json.loads(backprop("list-runs", "--status", "stopped", "--json").stdout)
    assert [run["run_id"] for run in listed] == ["20260103-000000-cccc", "20260102-000000-bbbb"]
    assert len(json.loads(backprop("list-runs", "--limit", "1", "--json").stdout)) == 1
    assert "1 of 3 runs" in backprop("list-runs", "--limit", "1").stdout


def test_show_run_takes_a_prefix_and_shows_everything(
    backprop: Backprop, ended_run: EndedRun
) -> None:
    run = ended_run()
    told = backprop("show-run", "20260101").stdout
    for words in (run.id, "completed", "2.500 -> 1.000", "1.250", str(run.run_dir), '"path"'):
        assert words in told


def test_show_run_as_json_holds_config_and_curve(backprop: Backprop, ended_run: EndedRun) -> None:
    ended_run()
    told = json.loads(backprop("show-run", "2026", "--json").stdout)
    assert told["config"]["data"]["path"] == "data.jsonl"
    assert told["curve"]["losses"] == [2.5, 2.0, 1.5, 1.0]
    assert told["curve"]["evals"] == [[4, 1.25]]
    assert told["result"]["status"] == "completed"


def test_show_run_tells_why_a_run_failed(backprop: Backprop, ended_run: EndedRun) -> None:
    ended_run(status="failed")
    told = backprop("show-run", "2026").stdout
    assert "[RUNTIME_LOSS_NOT_FINITE]: The loss is NaN." in told
    assert "hint: Lower --lr." in told


@pytest.mark.parametrize("command", ["show-run", "logs", "stop", "pause", "resume", "delete"])
def test_an_unknown_run_is_the_users_error(backprop: Backprop, command: str) -> None:
    result = backprop(command, "nope")
    assert result.exit_code == Exit.INPUT
    assert result.stderr.startswith("[INPUT_RUN_NOT_FOUND]")


def test_an_ambiguous_prefix_is_the_users_error(backprop: Backprop, ended_run: EndedRun) -> None:
    ended_run("20260101-000000-aaaa")
    ended_run("20260101-000000-aabb")
    result = backprop("show-run", "20260101-000000-aa")
    assert result.exit_code == Exit.INPUT
    assert result.stderr.startswith("[INPUT_RUN_NOT_FOUND]")


@pytest.mark.parametrize("command", ["stop", "pause"])
def test_commands_that_come_too_late_are_refused(
    backprop: Backprop, ended_run: EndedRun, command: str
) -> None:
    result = backprop(command, ended_run().id)
    assert result.exit_code == Exit.INPUT
    assert result.stderr.startswith("[STATE_RUN_BUSY]")


def test_logs_prints_the_log_and_ends_with_the_run(backprop: Backprop, ended_run: EndedRun) -> None:
    run = ended_run()
    assert backprop("logs", run.id).stdout == "first line\nlast line\n"
    assert backprop("logs", run.id, "--lines", "1").stdout == "last line\n"
    assert backprop("logs", run.id, "--follow").stdout == "first line\nlast line\n"
    assert "step 4: eval loss 1.250" in backprop("logs", run.id, "--events").stdout


def test_delete_wants_a_yes(backprop: Backprop, ended_run: EndedRun) -> None:
    run = ended_run()
    refused = backprop("delete", run.id)
    assert refused.exit_code == Exit.INPUT
    assert f"backprop delete {run.id} --yes" in refused.stderr
    assert run.run_dir.exists()
    assert backprop("delete", run.id, "--yes").exit_code == Exit.OK
    assert not run.run_dir.exists()
    with pytest.raises(BackpropError):
        api.get_run(run.id)
