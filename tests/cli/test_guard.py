"""Errors become words and exit codes; secrets do not leave."""

from __future__ import annotations

import pytest

from engine.cli.guard import run_guarded
from engine.errors import BackpropError, Exit
from tests.cli.conftest import Backprop


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "Did you mean 'train'?"),
        (["train", "--stepz", "3"], "No such option: --stepz"),
        (["train", "--steps", "many"], "--steps"),
        (["train", "--scheduler", "zigzag"], "--scheduler"),
        (["train"], "--data names the file"),
        (["train", "--data", "x.jsonl", "--lora-r", "0"], "--lora-r: input should be greater"),
        (["train", "--data", "x.jsonl", "--lr", "2"], "--lr: input should be less than 1"),
        (["train", "--resume", "x", "--steps", "3"], "--steps cannot be given with --resume"),
        (["setup", "everything"], "'everything' is not one of 'starter'"),
        (["list-runs", "--limit", "0"], "--limit"),
        (["config", "--set", "lora.r"], "KEY=VALUE"),
    ],
)
def test_usage_errors_exit_1_with_a_code_and_a_hint(
    backprop: Backprop, words: list[str], said: str
) -> None:
    result = backprop(*words)
    assert result.exit_code == Exit.INPUT
    assert result.stderr.startswith("[INPUT_VALIDATION_FAILED]: ")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def _raise(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BackpropError("INPUT_DATA_INVALID", "Row 3.", hint="See it."), 1, "hint: See it."),
        (BackpropError("RUNTIME_GPU_OOM", "Full."), 2, "[RUNTIME_GPU_OOM]: Full."),
        (ValueError("odd"), 2, "[RUNTIME_UNEXPECTED]: ValueError: odd"),
        (ValueError("Bearer abc123def"), 2, "Bearer ***"),
    ],
)
def test_errors_are_told_on_stderr(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, said: str
) -> None:
    told = run_guarded(lambda: _raise(error), verbose=False, help_command="backprop --help")
    captured = capsys.readouterr()
    assert told == code
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_verbose_adds_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    run_guarded(lambda: _raise(ValueError("odd")), verbose=True, help_command="")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--verbose", "show-run", "x"), ("show-run", "x", "--verbose")])
def test_verbose_works_on_both_sides_of_the_command(
    backprop: Backprop, words: tuple[str, ...]
) -> None:
    result = backprop(*words)
    assert result.exit_code == Exit.INPUT
    assert "Traceback" in result.stderr


def test_a_commands_number_is_the_exit_code() -> None:
    assert run_guarded(lambda: 130, verbose=False, help_command="") == 130
    assert run_guarded(lambda: None, verbose=False, help_command="") == 0
