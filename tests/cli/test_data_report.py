import json
from pathlib import Path

import pytest

from engine.cli.bars import bar
from tests.cli.conftest import Backprop

KEY = "sk-" + "a1B2" * 6
QUICKSTART = str(Path(__file__).parents[2] / "examples" / "quickstart.jsonl")


@pytest.fixture
def doubled(tmp_path: Path) -> str:
    rows = [{"prompt": f"Use {KEY}", "completion": "No."}] * 2
    path = tmp_path / "doubled.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return str(path)


def test_the_report_in_words(backprop: Backprop, doubled: str) -> None:
    done = backprop("data", "report", doubled)
    assert done.exit_code == 0
    assert "2 rows, prompt_completion" in done.stdout
    assert "doubled.jsonl, line 1 = doubled.jsonl, line 2" in done.stdout
    assert "leaked key" in done.stdout
    assert KEY not in done.stdout


def test_the_report_as_json(backprop: Backprop) -> None:
    done = backprop("data", "report", QUICKSTART, "--json")
    assert json.loads(done.stdout)["rows"] == 32


@pytest.mark.parametrize("flag", ["--fail-on-dups", "--strict"])
def test_thresholds_are_exit_codes(backprop: Backprop, doubled: str, flag: str) -> None:
    done = backprop("data", "report", doubled, flag)
    assert done.exit_code == 1
    assert "failed: 1 rows say what another row says already" in done.stderr
    assert backprop("data", "report", QUICKSTART, flag).exit_code == 0


def test_contamination_is_an_exit_code(backprop: Backprop) -> None:
    words = ("data", "report", QUICKSTART, "--against", QUICKSTART)
    assert backprop(*words).exit_code == 0
    assert backprop(*words, "--fail-on-contamination").exit_code == 1


@pytest.mark.train
def test_tokens_are_counted_in_another_process(backprop: Backprop, tiny_model: Path) -> None:
    done = backprop("data", "report", QUICKSTART, "--model", str(tiny_model), "--max-length", "60")
    assert done.exit_code == 0
    assert "tokens a row" in done.stdout
    assert "would be cut off" in done.stdout


@pytest.mark.train
def test_what_the_other_process_could_not_do_is_told(backprop: Backprop, tmp_path: Path) -> None:
    missing = backprop("data", "report", str(tmp_path / "none.jsonl"), "--model", "starter")
    assert missing.exit_code == 1
    assert "[INPUT_DATA_INVALID]" in missing.stderr
    unknown = backprop("data", "report", QUICKSTART, "--model", "no such model")
    assert "[INPUT_MODEL_UNKNOWN]" in unknown.stderr


def test_bars() -> None:
    assert bar(0, 10, is_unicode=True) == ""
    assert bar(0.0001, 10, is_unicode=True) == "▏"
    assert bar(0.0001, 10, is_unicode=False) == "#"
    assert bar(1, 10, is_unicode=True) == "█" * 10
