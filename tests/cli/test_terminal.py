"""Words, curves and pasted commands, as values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import wording
from engine.cli.console import is_unicode, program_words
from engine.cli.curve import draw_curve, resample
from engine.cli.heard import Heard, drawn_width, sentence
from engine.cli.ui import missing_packages, replaces_process, server_argv
from engine.cli.views import PlainView, event_json
from engine.runs.events import (
    DataLoaded,
    Evaluated,
    Event,
    ModelLoaded,
    RunStarted,
    StatusChanged,
    Step,
    WarningRaised,
)
from engine.runs.records import StoredEvent


def a_step(step: int, total: int = 10) -> Step:
    return Step(step, total, 1.0, 2.0 / step, 1e-4, 1.0, 100 * step, 1234.5, 65.0)


@pytest.mark.parametrize(
    ("argv0", "on_path", "typed"),
    [
        ("/usr/bin/backprop", "/usr/bin/backprop", ["backprop"]),
        (".venv/bin/backprop", None, [".venv/bin/backprop"]),
        (".venv/bin/backprop", "/usr/bin/backprop", [".venv/bin/backprop"]),
        ("/a/backprop", "/usr/bin/backprop", ["/a/backprop"]),
        ("/usr/bin/backprop", "/usr/bin/backprop.exe", ["backprop"]),
        ("/x/engine/cli/__main__.py", None, ["py", "-m", "engine.cli"]),
        ("/x/bin/pytest", None, ["backprop"]),
    ],
)
def test_commands_are_printed_as_they_can_be_pasted(
    argv0: str, on_path: str | None, typed: list[str]
) -> None:
    assert program_words(argv0, on_path, "py") == typed


@pytest.mark.parametrize(
    ("encoding", "expected"), [("utf-8", True), ("UTF8", True), ("cp1252", False), ("ascii", False)]
)
def test_braille_only_where_the_console_has_it(encoding: str, expected: bool) -> None:
    assert is_unicode(encoding) is expected


def test_falling_loss_is_drawn_from_top_left_to_bottom_right() -> None:
    lines = draw_curve([4.0, 3.0, 2.0, 1.0], width=7, height=4, is_unicode=False)
    assert lines == ["4 |*", "  | *", "  |  *", "1 |   *"]


def test_braille_curve_has_scale_and_dots() -> None:
    lines = draw_curve([2.5, 1.5, 0.5], width=40, height=5, is_unicode=True)
    assert lines[0].startswith("2.5 |⠉")
    assert lines[-1].startswith("0.5 |")
    assert len(lines) == 5


@given(
    st.lists(st.floats(min_value=1e-6, max_value=1e6), max_size=300),
    st.integers(1, 120),
    st.integers(0, 12),
    st.booleans(),
)
def test_any_curve_fits_its_frame(
    losses: list[float], width: int, height: int, unicode_console: bool
) -> None:
    lines = draw_curve(losses, width=width, height=height, is_unicode=unicode_console)
    assert len(lines) in (0, height)
    assert all(len(line) <= max(width, 16) for line in lines)


def test_resample_keeps_ends_and_means() -> None:
    assert resample([1.0, 3.0], 3) == [1.0, 2.0, 3.0]
    assert resample([1.0, 3.0, 5.0, 7.0], 2) == [2.0, 6.0]
    assert resample([5.0], 4) == [5.0]


def test_the_curves_right_edge_is_the_runs_end() -> None:
    assert drawn_width([1.0] * 5, 10, 60) == 30
    assert drawn_width([1.0], 0, 60) == 60


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "-"), (5.4, "5s"), (75, "1m 15s"), (3725, "1h 02m")]
)
def test_durations(seconds: float | None, words: str) -> None:
    assert wording.duration(seconds) == words


def test_sizes_and_counts() -> None:
    assert wording.size(16_000_000_000) == "16.0 GB"
    assert wording.size(1500) == "2 KB"
    assert wording.count(134_515_008) == "134.5 M"
    assert wording.count(7_600_000_000) == "7.6 B"
    assert wording.count(900) == "900"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (RunStarted("id", 1), ""),
        (RunStarted("id", 2, 20), "resuming after step 20"),
        (a_step(1), "step 1/10  loss 2.000  1,234 tokens/s  ETA 1m 05s"),
        (Evaluated(5, 1.5, True), "step 5: eval loss 1.500 (lowest so far)"),
        (WarningRaised("Odd.", "Look."), "warning: Odd. Look."),
        (DataLoaded(29, 3, 3677, 900, 2, ""), "data: 29 examples and 3 to measure on, "
         "3,677 tokens, 2 cut to the max length"),
        (ModelLoaded("starter", 134_500_000, 4_900_000, "cpu", "bf16", 1.0),
         "model starter: training 4.9 M of 134.5 M parameters on cpu in bf16"),
    ],
)  # fmt: skip
def test_events_as_sentences(event: Event, words: str) -> None:
    assert sentence(event) == words


def test_a_resume_takes_back_what_came_after_its_checkpoint() -> None:
    heard = Heard(losses=[3.0, 2.0, 1.0])
    heard.hear(RunStarted("id", 2, 1))
    heard.hear(a_step(2))
    assert heard.losses == [3.0, 1.0]
    heard.hear(StatusChanged("paused"))
    assert heard.status == "paused"


def test_plain_lines_thin_out_long_runs(capsys: pytest.CaptureFixture[str]) -> None:
    view = PlainView()
    for number in range(1, 1001):
        view.show(StoredEvent(number, 0.0, a_step(number, total=1000)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("step 1/1000")
    assert lines[-1].startswith("step 1000/1000")
    assert len(lines) == 101


def test_json_lines_hold_the_event_and_its_place() -> None:
    told = json.loads(event_json(StoredEvent(7, 12.5, a_step(1))))
    assert (told["seq"], told["at"], told["kind"], told["step"]) == (7, 12.5, "step", 1)


@pytest.mark.parametrize(
    ("platform", "expected"), [("linux", True), ("darwin", True), ("win32", False)]
)
def test_the_server_takes_the_place_of_the_command_where_that_works(
    platform: str, expected: bool
) -> None:
    assert replaces_process(platform) is expected


def test_the_servers_command_holds_only_what_was_given() -> None:
    assert server_argv("py", port=None, host=None, no_open=False) == [
        "py",
        "-m",
        "backprop_ui.serve",
    ]
    given = server_argv("py", port=8000, host="localhost", no_open=True)
    assert given[3:] == ["--port", "8000", "--host", "localhost", "--no-open"]


def test_missing_packages_are_named() -> None:
    assert missing_packages(("json", "no_such_package")) == ["no_such_package"]
