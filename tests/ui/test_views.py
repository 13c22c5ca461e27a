"""Runs in words and switches."""

from __future__ import annotations

from pathlib import Path

import pytest

from backprop_ui import views, wording
from engine.governor.telemetry import GpuReading, Reading
from engine.runs.records import Curve, Run
from tests.ui.written_runs import RunWriter

PAGE_ID, CLI_ID = "20260101-000000-aaaa", "20260101-000000-bbbb"


@pytest.fixture
def writer(tmp_path: Path) -> RunWriter:
    return RunWriter(tmp_path / "home")


def head(run: Run, writer: RunWriter) -> views.Head:
    return views.head_of(run, "backprop train", writer.home / "ui-outputs", run.created_at + 60)


def test_a_running_run_can_be_stopped_and_paused_but_not_deleted(writer: RunWriter) -> None:
    shown = head(writer.begin(PAGE_ID), writer)
    assert (shown.can_stop, shown.can_pause) == (True, True)
    assert (shown.can_resume, shown.can_delete, shown.adapter) == (False, False, "")


def test_what_was_asked_for_is_not_offered_again(writer: RunWriter) -> None:
    writer.begin(PAGE_ID)
    shown = head(writer.store.request(PAGE_ID, "stop"), writer)
    assert (shown.requested, shown.can_stop, shown.can_pause) == ("stop", False, False)


def test_a_failed_run_can_be_resumed_and_deleted(writer: RunWriter) -> None:
    writer.begin(PAGE_ID)
    shown = head(writer.end(PAGE_ID, "failed"), writer)
    assert (shown.can_resume, shown.can_delete, shown.can_stop) == (True, True, False)
    assert shown.resume_command == f"backprop resume {PAGE_ID}"


def test_a_completed_run_shows_its_adapter_and_the_next_command(writer: RunWriter) -> None:
    writer.begin(PAGE_ID)
    run = writer.end(PAGE_ID, "completed")
    shown = head(run, writer)
    assert shown.adapter == str(run.run_dir / "adapter")
    assert shown.export_command == f"backprop export {PAGE_ID} --format adapter"
    assert shown.can_resume is False


def test_a_run_elsewhere_gets_commands_instead_of_buttons(
    writer: RunWriter, tmp_path: Path
) -> None:
    live = head(writer.begin(CLI_ID, output_dir=tmp_path / "output"), writer)
    assert (live.is_foreign, live.can_stop, live.can_pause) == (True, True, True)
    ended = head(writer.end(CLI_ID, "stopped"), writer)
    assert (ended.can_resume, ended.can_delete) == (False, False)
    assert ended.resume_command == f"backprop resume {CLI_ID}"


@pytest.mark.parametrize("inside", ["..", "../elsewhere", "link"])
def test_dots_and_links_do_not_make_a_folder_the_page_s_own(
    writer: RunWriter, tmp_path: Path, inside: str
) -> None:
    page_dir = writer.home / "ui-outputs"
    page_dir.mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (page_dir / "link").symlink_to(tmp_path / "outside", target_is_directory=True)
    run = writer.begin(PAGE_ID, output_dir=page_dir / inside)
    assert not views.lies_in(run, page_dir)


def test_a_row_names_the_data_as_the_person_did(writer: RunWriter) -> None:
    run = writer.begin(PAGE_ID)
    row = views.row_of(run, "", run.created_at + 5)
    assert (row.title, row.data) == ("starter on chats.jsonl", "chats.jsonl")


@pytest.mark.parametrize(("count", "start"), [(0, 0), (3, 0), (16, 0), (17, 1), (10_000, 9_984)])
def test_a_tail_is_short_and_counts_what_came_before(count: int, start: int) -> None:
    steps = list(range(1, count + 1))
    losses = [1.0 / step for step in steps]
    tail = views.tail_of(Curve(1, steps, losses, losses, losses, [], 0))
    assert tail.start == start
    assert tail.steps == steps[start:]


@pytest.mark.parametrize(
    ("values", "top", "points"),
    [
        ([], None, ""),
        ([1.0], None, ""),
        ([1.0, 3.0, 2.0], None, "0,26 60,2 120,14"),
        ([0.0, 100.0], 100, "0,26 120,2"),
        ([5.0, 5.0], None, "0,26 120,26"),
    ],
)
def test_a_sparkline_fills_its_box(values: list[float], top: float | None, points: str) -> None:
    assert views.spark(values, top) == points


def test_a_long_sparkline_is_thinned_and_keeps_its_ends() -> None:
    points = views.spark([*range(10_000)]).split()
    assert len(points) == views.SPARK_POINTS
    assert (points[0], points[-1]) == ("0,26", "120,2")


def test_gauges_show_the_gpu_where_there_is_one() -> None:
    card = GpuReading("RTX", 6_000_000_000, 24_000_000_000, 91.0, None, None)
    readings = [Reading(float(at), 40.0, 8e9, 32e9, (card,)) for at in range(3)]
    gauges = views.gauges_of(readings)
    assert [(g.label, g.value) for g in gauges] == [
        ("GPU", "91 %"),
        ("GPU memory", "6.0 of 24 GB"),
        ("Processor", "40 %"),
        ("Memory", "8.0 of 32 GB"),
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, wording.NONE),
        (0, "0 s"),
        (59.4, "59 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert wording.duration_words(seconds) == words


@pytest.mark.parametrize(("rate", "words"), [(2e-4, "2e-4"), (1.76e-5, "1.76e-5"), (0.0, "0")])
def test_learning_rates(rate: float, words: str) -> None:
    assert wording.rate_words(rate) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(134_515_008, "135M"), (999_885_952, "1.0B"), (7_615_616_512, "7.6B")],
)
def test_sizes_of_models(count: int, words: str) -> None:
    assert wording.parameter_words(count) == words
