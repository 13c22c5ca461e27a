import json
from pathlib import Path

import pytest

from tests.cli.conftest import Backprop


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    said = [f"Ship {number} carries {number * 3} barrels of oil." for number in range(40)]
    said += [said[0], said[1].replace("barrels", "Barrels"), "Write to jane@shipyard.co.uk."]
    rows = [{"prompt": "Tell.", "completion": text, "topic": "sea", "id": n}
            for n, text in enumerate(said)]  # fmt: skip
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_clean_keeps_all_columns_and_tells_each_step(backprop: Backprop, chats: Path) -> None:
    done = backprop("data", "clean", str(chats), "--drop-leaks", "--sample", "10", "--json")
    told = json.loads(done.stdout)
    assert told["steps"] == {"read": 43, "leaks": 42, "sample": 10}
    rows = rows_of(Path(told["output"]))
    assert len(rows) == 10
    assert set(rows[0]) == {"prompt", "completion", "topic", "id"}


@pytest.mark.parametrize(("words", "left"), [([], 42), (["--near"], 41)])
def test_dedupe(backprop: Backprop, chats: Path, words: list[str], left: int) -> None:
    done = backprop("data", "dedupe", str(chats), *words)
    assert done.exit_code == 0
    made = chats.with_name("chats.unique.jsonl")
    assert f"Wrote {left} rows to {made}." in done.stdout
    assert [row["id"] for row in rows_of(made)][:3] == [0, 1, 2]


def test_split_writes_every_row_once(backprop: Backprop, chats: Path, tmp_path: Path) -> None:
    done = backprop("data", "split", str(chats), "--by", "topic", "--eval", "0.2",
                    "--output", str(tmp_path / "parts"))  # fmt: skip
    assert done.exit_code == 0
    parts = [rows_of(tmp_path / "parts" / f"chats.{side}.jsonl") for side in ("train", "eval")]
    assert sorted(row["id"] for part in parts for row in part) == list(range(43))
    assert len(parts[1]) == 9


@pytest.mark.parametrize("words", [["clean"], ["dedupe"]])
def test_nothing_is_written_over(backprop: Backprop, chats: Path, words: list[str]) -> None:
    before = chats.read_text()
    done = backprop("data", *words, str(chats), "--output", str(chats))
    assert done.exit_code == 1
    assert "[INPUT_VALIDATION_FAILED]" in done.stderr
    assert chats.read_text() == before


def test_a_wrong_limit_names_its_flag(backprop: Backprop, chats: Path) -> None:
    done = backprop("data", "clean", str(chats), "--max-signs", "2")
    assert done.exit_code == 1
    assert "--max-signs" in done.stderr
