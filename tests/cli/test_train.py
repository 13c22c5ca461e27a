"""The real command on a real, small model: watch, detach, interrupt, resume, export."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine import api
from engine.errors import Exit
from tests.waiting import until

EXAMPLES = Path(__file__).parents[2] / "examples" / "quickstart.jsonl"
PROGRAM = Path(sys.executable).with_name("backprop")
SECONDS = 120

pytestmark = pytest.mark.train


def command(model: Path, *words: str) -> list[str]:
    given = ["--data", str(EXAMPLES), "--model", str(model), "--output", "out", "--threads", "2"]
    return [str(PROGRAM), "train", *given, *words]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(words),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
        env={**os.environ, **environment},
    )


def test_train_shows_progress_and_says_where_the_adapter_lies(tiny_model: Path) -> None:
    told = run(*command(tiny_model, "--steps", "6", "--lr", "1e-2"))
    assert told.returncode == Exit.OK
    [latest] = api.list_runs()
    assert f"run_started run_id={latest.id}" in told.stderr
    assert "step 6/6  loss" in told.stdout
    assert f"Run {latest.id} completed" in told.stdout
    assert str(Path("out/lora").absolute()) in told.stdout
    assert f"export {latest.id} --format adapter" in told.stdout
    assert Path("out/lora/adapter_model.safetensors").is_file()


def test_json_lines_are_the_runs_events(tiny_model: Path) -> None:
    told = run(*command(tiny_model, "--steps", "3", "--json"))
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert [event["step"] for event in events if event["kind"] == "step"] == [1, 2, 3]
    assert events[0]["kind"] == "run_started"
    assert "finished" in {event["kind"] for event in events}


def test_a_narrow_console_does_not_crash(tiny_model: Path) -> None:
    told = run(*command(tiny_model, "--steps", "2"), PYTHONIOENCODING="ascii")
    assert told.returncode == Exit.OK
    shown = run(str(PROGRAM), "show-run", api.list_runs()[0].id, PYTHONIOENCODING="ascii")
    assert shown.returncode == Exit.OK
    assert "|*" in shown.stdout


def test_detach_then_stop_then_resume_then_export(tiny_model: Path) -> None:
    started = run(*command(tiny_model, "--steps", "120", "--eval-fraction", "0", "--detach"))
    assert started.returncode == Exit.OK
    run_id = api.list_runs()[0].id
    assert f"run_started run_id={run_id}" in started.stderr
    until(lambda: api.get_run(run_id).step > 2, "the third step", SECONDS)
    assert run(str(PROGRAM), "stop", run_id).returncode == Exit.OK
    until(lambda: not api.get_run(run_id).is_live, "the end", SECONDS)
    assert api.get_run(run_id).status == "stopped"

    exported = run(str(PROGRAM), "export", run_id[:-1], "--format", "lora", "--output", "exported")
    assert exported.returncode == Exit.OK
    assert list(Path("exported").glob("*/adapter_model.safetensors"))

    resumed = run(str(PROGRAM), "resume", run_id, "--json")
    steps = [
        event["step"]
        for event in map(json.loads, resumed.stdout.splitlines())
        if event["kind"] == "step"
    ]
    assert resumed.returncode == Exit.OK
    assert steps[0] > 2
    assert steps[-1] == 120
    assert api.get_run(run_id).status == "completed"


def test_ctrl_c_saves_ends_and_exits_130(tiny_model: Path) -> None:
    words = command(tiny_model, "--steps", "100000", "--save-every", "100000")
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        until(lambda: any(found.step > 2 for found in api.list_runs()), "the third step", SECONDS)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == Exit.INTERRUPTED
    [latest] = api.list_runs()
    assert latest.status == "stopped"
    assert "Saving and ending" in output
    assert f"resume {latest.id}" in output


def test_a_run_that_failed_gives_its_codes_exit(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    words = [str(PROGRAM), "train", "--data", "empty.jsonl", "--model", str(tiny_model)]
    told = run(*words)
    assert told.returncode == Exit.INPUT
    assert told.stderr.startswith("[INPUT_DATA_INVALID]")


def test_a_time_box_that_ended_as_asked_is_a_success(tiny_model: Path) -> None:
    told = run(*command(tiny_model, "--steps", "100000", "--max-minutes", "0.1"))
    assert told.returncode == Exit.OK
    assert api.list_runs()[0].status == "timeboxed"
