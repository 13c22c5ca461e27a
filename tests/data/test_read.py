import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data import blocks
from engine.data.read import read_rows
from engine.errors import BackpropError

ROWS: list[dict[str, object]] = [{"text": "Grüße"}, {"text": "日本 🗼"}, {"n": [1, {"a": None}]}]
LINES = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)


def written(tmp_path: Path, content: str | bytes, name: str = "data.jsonl") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def failure(path: Path) -> BackpropError:
    with pytest.raises(BackpropError) as caught:
        list(read_rows(path))
    assert caught.value.code == "INPUT_DATA_INVALID"
    assert str(path) in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        LINES,
        LINES + "\n",
        LINES.replace("\n", "\r\n"),
        "\n\n" + LINES.replace("\n", "\n\n"),
        "\ufeff" + LINES,
        LINES.encode("utf-16"),
        b"\xfe\xff" + LINES.encode("utf-16-be"),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2, ensure_ascii=False),
        "\ufeff \n" + json.dumps(ROWS, indent=1) + "\n\n",
    ],
)
@pytest.mark.parametrize("name", ["data.jsonl", "data.JSON"])
def test_every_way_to_write_the_same_rows(tmp_path: Path, content: str | bytes, name: str) -> None:
    assert [row.data for row in read_rows(written(tmp_path, content, name))] == ROWS


def test_rows_know_their_lines(tmp_path: Path) -> None:
    lines = written(tmp_path, '\n{"a": 1}\n\n{"b": 2}')
    assert [row.place for row in read_rows(lines)] == ["data.jsonl, line 2", "data.jsonl, line 4"]
    array = written(tmp_path, '\n[{\n"a": 1},\n\n{"b": 2\n}, {"c": 3}]\n', "data.json")
    assert [row.line for row in read_rows(array)] == [2, 5, 6]


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), min_size=1),
    piece=st.integers(1, 40),
    layout=st.sampled_from(["lines", "array", "indented"]),
)
def test_pieces_of_any_size_give_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, object]],
    piece: int,
    layout: str,
) -> None:
    if layout == "lines":
        text = "\n".join(json.dumps(row) for row in rows)
    else:
        text = json.dumps(rows, indent=1 if layout == "indented" else None, ensure_ascii=True)
    path = written(tmp_path_factory.mktemp("pieces"), text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", piece)
        assert [row.data for row in read_rows(path)] == rows


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        (" \n\r\n\t", "is empty"),
        ("\ufeff", "is empty"),
        ("[]", "holds no rows"),
        ('{"a": 1}\n{"a": }\n', "line 2: not valid JSON at column 7"),
        ('{"a": 1} {"a": 2}', "line 1: not valid JSON"),
        ('{"a": 1}\n\n"text"\n', "line 3: found a text"),
        ('{"a": 1}\n[1]\n', "line 2: found an array"),
        ('[{"a": 1},\n 5]', "line 2: found a number"),
        ('[{"a": 1},\n\n{"a": nope}]', "line 3: not valid JSON"),
        ('[{"a": 1}\n{"a": 2}]', "line 2: ']' was expected, but found '{'"),
        ('[{"a": 1},\n', "line 2: not valid JSON"),
        ('[{"a": 1}', "line 1: ']' was expected, but found the end of the file"),
        ('[{"a": 1}]\nmore', "line 2: there is text after the end"),
        ('{"a": 1}\n{"b": "\0"}', "line 2: there is a NUL byte"),
        (b'{"a": "\xc3\xa4"}\n{"a": "gr\xfc\xdf"}', "line 2: byte 10 of the row is not UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}\n{"a": "gr\xfc\xdf"}', "line 2: byte 10 of the row is not UTF-8"),
        (b'{"a": "\xc3', "line 1: byte 8 of the row is not UTF-8"),
        (b'[{"a": 1},\n{"a": "\xc3\xa4 \xff"}]', "line 2: byte 22 is not UTF-8"),
        (b'[{"a": "\xc3', "line 1: byte 10 is not UTF-8: the file breaks off"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "line 1: "),
    ],
)
def test_bad_content_names_file_and_line(tmp_path: Path, content: str | bytes, words: str) -> None:
    error = failure(written(tmp_path, content))
    assert words in error.message
    assert error.hint


def test_bad_byte_in_a_later_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 7)
    error = failure(written(tmp_path, b'{"a": "1"}\n{"a": "\xc3\xa4"}\n{"a": "\xff"}'))
    assert "line 3: byte 8 of the row is not UTF-8" in error.message


@pytest.mark.parametrize("opening", ['{"a": "', '[{"a": "'])
def test_row_without_end(tmp_path: Path, opening: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROPAGATE_READING__MAX_ROW_MB", "1")
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1000)
    path = written(tmp_path, opening + "x" * 1_100_000)
    assert "line 1: longer than 1 MB" in failure(path).message


def test_missing_file_folder_and_other_kinds(tmp_path: Path) -> None:
    assert "does not exist" in failure(tmp_path / "none.jsonl").message
    assert "a folder without files to read" in failure(tmp_path).message
    assert "of no kind that can be read" in failure(written(tmp_path, "a,b", "data.xls")).message


def test_unreadable_file(tmp_path: Path) -> None:
    """A link that points to itself can be read by nobody, not even by root."""
    path = tmp_path / "loop.jsonl"
    path.symlink_to(path)
    with pytest.raises(BackpropError, match=r"loop\.jsonl cannot be read") as caught:
        list(read_rows(path))
    assert caught.value.cause


def test_file_is_read_in_pieces(tmp_path: Path) -> None:
    """The first row is there although a later one is broken."""
    path = written(tmp_path, LINES + "\n{")
    rows = read_rows(path)
    assert next(rows).data == ROWS[0]
