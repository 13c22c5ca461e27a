import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.validate import validate_file
from engine.data.validate import validate, write_fixed
from engine.errors import BackpropError, Exit

U, A, S = ({"role": role, "content": "x"} for role in ("user", "assistant", "system"))
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {}}}],
}
RESULT = {"role": "tool", "content": "x", "tool_call_id": "1"}


def written(tmp_path: Path, *rows: Any, name: str = "a.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ([U, A], ""),
        ([S, U, A, U, A], ""),
        ([U, CALL, RESULT, A], ""),
        ([U, CALL, RESULT, {**RESULT, "tool_call_id": "1"}, A], ""),
        ([A, U, A], ""),
        ([U, U, A], "turn 2 is the user's again"),
        ([U, A, A], "turn 3 is the assistant's again"),
        ([U, S, A], "turn 2 is a system turn in the middle"),
        ([U, RESULT, A], "a tool that was not called"),
        ([U, CALL, {**RESULT, "tool_call_id": "2"}, A], "answers the call '2'"),
        ([], "there are no turns"),
        ([A], "the user says nothing"),
        ([U], "the assistant says nothing"),
        ([U, {**A, "content": " "}], "every answer is empty"),
        ([{**U, "content": ""}, A], "what the user says is empty"),
        ([U, {**A, "weight": 0}], "no answer is learned"),
        ([U, {**A, "content": 5}], "content is not a text"),
    ],
)
def test_conversations(tmp_path: Path, turns: list[Any], words: str) -> None:
    found = validate(written(tmp_path, {"messages": [U, A]}, {"messages": turns}))
    assert found.rows == 2
    assert [words in row.problem for row in found.bad] == [True] * bool(words)
    assert all(row.line == 2 and row.mend for row in found.bad)


def test_mixed_file_is_told_row_by_row(tmp_path: Path) -> None:
    chat, text = {"messages": [U, A]}, {"text": "x"}
    path = written(tmp_path, chat, text, chat, {"x": 1}, [1], chat)
    found = validate(path, max_errors=2)
    assert (found.rows, found.bad_rows, found.good_rows) == (6, 3, 3)
    assert [row.line for row in found.bad] == [2, 4]
    assert found.bad[0].problem == "this row looks like text, but the file like messages"
    assert "found the keys x" in found.bad[1].problem
    assert found.detection
    assert found.detection.format == "messages"
    assert found.detection.confidence < 0.8
    assert dict(found.formats) == {"messages": 3, "text": 1}


def test_fix_writes_the_good_rows_and_leaves_the_original(tmp_path: Path) -> None:
    path = written(tmp_path, {"messages": [U, A]}, {"messages": [U]}, {"messages": [S, U, A]})
    before = path.read_bytes()
    target = tmp_path / "clean.jsonl"
    assert write_fixed(path, target).bad_rows == 1
    assert path.read_bytes() == before
    assert validate(target).bad_rows == 0
    assert [json.loads(line) for line in target.read_text().splitlines()] == [
        {"messages": [U, A]},
        {"messages": [S, U, A]},
    ]
    assert sorted(other.name for other in tmp_path.iterdir()) == ["a.jsonl", "clean.jsonl"]


def test_fix_never_writes_over_anything(tmp_path: Path) -> None:
    path = written(tmp_path, {"text": "x"})
    (tmp_path / "link.jsonl").symlink_to(path)
    (tmp_path / "hard.jsonl").hardlink_to(path)
    (tmp_path / "dangling.jsonl").symlink_to(tmp_path / "nowhere.jsonl")
    for name in ("a.jsonl", "link.jsonl", "hard.jsonl", "dangling.jsonl"):
        with pytest.raises(BackpropError, match="nothing is written over"):
            write_fixed(path, tmp_path / name)
    with pytest.raises(BackpropError, match="lies in the folder"):
        write_fixed(tmp_path, tmp_path / "b.jsonl")
    with pytest.raises(BackpropError, match="is to be JSON lines"):
        write_fixed(path, tmp_path / "b.csv")
    with pytest.raises(BackpropError, match="is not a folder"):
        write_fixed(path, tmp_path / "none" / "b.jsonl")
    assert path.read_text() == '{"text": "x"}\n'


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, {"text": "x"}, {"text": 5}, {"text": ""})
    assert validate_file(path, max_errors=1) == Exit.INPUT
    shown = capsys.readouterr().out
    assert "a.jsonl, line 2: " in shown
    assert "… and 1 more bad rows" in shown
    assert "3 rows, 2 bad. Layout: text" in shown
    assert validate_file(path, as_json=True, fixed=tmp_path / "b.jsonl") == Exit.INPUT
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["bad_rows"], told["format"]) == (3, 2, "text")
    assert [row["line"] for row in told["bad"]] == [2, 3]
    assert validate_file(tmp_path / "b.jsonl") == Exit.OK


def test_command_with_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("q,a\nHi,Hello\n")
    assert validate_file(path) == Exit.INPUT
    assert "--columns" in capsys.readouterr().out
    assert validate_file(path, columns="prompt=q,answer=a") == Exit.OK
