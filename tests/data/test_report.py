import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.distribution import MOST_BARS, distribution
from engine.data.report import DataReport, make_report
from engine.data.thresholds import Thresholds, failures
from tests.tiny_model import tiny_tokenizer

KEY = "sk-" + "a1B2" * 6


def write(path: Path, *pairs: tuple[str, str]) -> Path:
    rows = [{"prompt": prompt, "completion": answer} for prompt, answer in pairs]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    usual = [
        (f"What is the name of ship {n}?", f"Ship number {n} of the fleet.") for n in range(30)
    ]
    odd = [usual[0], ("Ask me", " "), ("long " * 2000, "Yes."), (f"Use {KEY} there", "I will not.")]
    return write(tmp_path / "messy.jsonl", *usual, *odd)


def test_everything_is_counted_and_placed(messy: Path) -> None:
    made = make_report(messy, tokenizer=tiny_tokenizer(), max_length=500)
    assert (made.rows, made.format) == (34, "prompt_completion")
    assert made.turns.total == 68
    assert made.truncated_rows == 1
    assert made.tokens is not None
    assert sum(bar.rows for bar in made.tokens.bars) == 34
    assert made.duplicates.examples == (("messy.jsonl, line 1", "messy.jsonl, line 31"),)
    assert made.duplicates.extra_rows == 1
    assert made.near_duplicates.extra_rows >= 1
    assert made.odd_rows[0].place == "messy.jsonl, line 33"
    assert [(found.kind, found.examples) for found in made.problems] == [
        ("empty answer", ("messy.jsonl, line 32",))
    ]
    assert [found.kind for found in made.leaks] == ["key"]
    assert sum(made.languages.values()) == 34
    assert next(iter(made.languages)) == "en"


def test_no_secret_is_in_the_report(messy: Path) -> None:
    assert KEY not in make_report(messy).to_json()


def test_without_a_model_no_tokens_are_counted(messy: Path) -> None:
    made = make_report(messy)
    assert (made.tokens, made.truncated_rows, made.truncated_share) == (None, None, None)


def test_json_there_and_back(messy: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "eval.jsonl", ("Ask me", " "))
    made = make_report(messy, tokenizer=tiny_tokenizer(), against=other)
    assert made.overlap is not None
    assert made.overlap.places == ("messy.jsonl, line 32",)
    assert DataReport.from_json(made.to_json()) == made


def test_thresholds(messy: Path) -> None:
    made = make_report(messy, tokenizer=tiny_tokenizer(), max_length=500, against=messy)
    assert list(failures(made, Thresholds())) == []
    assert len(list(failures(made, Thresholds(fail_on_dups=True)))) == 1
    assert len(list(failures(made, Thresholds(fail_on_contamination=True)))) == 1
    assert len(list(failures(made, Thresholds(max_outlier_rate=0.0)))) == 1
    assert list(failures(made, Thresholds(max_outlier_rate=0.9))) == []
    assert len(list(failures(made, Thresholds(strict=True)))) == 5


@given(values=st.lists(st.integers(0, 10**7), min_size=1, max_size=200))
def test_bars_hold_every_row_once(values: list[int]) -> None:
    found = distribution(values)
    assert sum(bar.rows for bar in found.bars) == len(values)
    assert len(found.bars) <= MOST_BARS
    assert found.bars[0].start <= found.smallest <= found.median <= found.percentile_95
    assert found.percentile_95 <= found.largest <= found.bars[-1].end
    for bar in found.bars:
        assert bar.rows == sum(bar.start <= value <= bar.end for value in values)


def test_nothing_to_describe() -> None:
    assert distribution([]).bars == ()
