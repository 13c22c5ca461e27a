import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.index import build_index, find, page
from engine.data.layouts import layout_of
from engine.data.read import BadRow, Row, read_tolerant
from engine.data.survey import survey
from engine.errors import BackpropError
from tests.data.written import as_lines, every_kind, write

LIMIT = 1_000_000
ROWS = [{"prompt": f"Frage {n} ü", "completion": "x" * (n % 7)} for n in range(100)]


@pytest.mark.parametrize("name", every_kind(ROWS))
def test_pages_of_every_kind_are_the_rows(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, every_kind(ROWS)[name])
    index = build_index(path)
    assert index.rows == 100
    pages = [row for number in range(8) for row in page(index, number, 13)]
    assert pages == list(read_tolerant(path))
    assert page(index, 8, 13) == []


LINES = st.lists(
    st.sampled_from(
        [b"", b"  ", b"\r", b'{"a": 1}', b' {"a": 2}\r', b'{"a": ', b"5", b'{"text": "x"}']
    )
)


@settings(deadline=None, max_examples=100)
@given(lines=LINES, end=st.sampled_from([b"", b"\n"]), size=st.integers(1, 50))
def test_pages_are_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bytes, size: int
) -> None:
    content = b'{"first": 1}\n' + b"\n".join(lines * 20) + end
    path = write(tmp_path_factory.mktemp("index"), "a.jsonl", content)
    expected = list(read_tolerant(path))
    index = build_index(path)
    assert index.rows == len(expected)
    pages = [page(index, number, size) for number in range(index.rows // size + 1)]
    assert [row for rows in pages for row in rows] == expected
    found = survey(path, LIMIT)
    assert found.rows == len(expected)
    assert found.bad_rows == sum(isinstance(row, BadRow) for row in expected)


def test_search(tmp_path: Path) -> None:
    rows = [*ROWS, {"prompt": 'Grüße "A"\\n', "completion": "needle"}]
    escaped = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    for name, content in (("a.jsonl", as_lines(rows)), ("b.jsonl", escaped)):
        index = build_index(write(tmp_path, name, content))
        assert list(find(index, "NEEDLE")) == [100]
        assert list(find(index, 'Grüße "A"')) == [100]
        assert len(find(index, "frage")) == 100
        (row,) = page(index, 1, 10, "Frage 1")
        assert isinstance(row, Row)
        assert row.line == 20
        assert page(index, 0, 10, "nowhere") == []


def test_folder_and_bad_rows(tmp_path: Path) -> None:
    write(tmp_path, "data/1.csv", b"a,b\n1,2\n1\n")
    write(tmp_path, "data/2.jsonl", b'{"a": 1}\nnope\n')
    index = build_index(tmp_path / "data")
    assert page(index, 0) == list(read_tolerant(tmp_path / "data"))


def test_changed_file_is_indexed_again(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", as_lines(ROWS))
    index = build_index(path)
    write(tmp_path, "a.jsonl", as_lines(ROWS[:5]))
    with pytest.raises(BackpropError, match="changed since it was indexed"):
        page(index, 0)
    assert build_index(path).rows == 5


def test_index_is_made_once_and_tells_how_far_it_is(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", as_lines(ROWS))
    told: list[tuple[int, int]] = []
    build_index(path, lambda done, whole: told.append((done, whole)))
    assert told == [(path.stat().st_size, path.stat().st_size)]
    build_index(path, lambda done, whole: told.append((done, whole)))
    assert len(told) == 1


SHAPES = st.sampled_from(
    [
        {"conversations": [{"from": "human", "value": "é"}]},
        {"conversations": [{"role": "user"}]},
        {"conversations": []},
        {"conversations": "x"},
        {"messages": [{"role": "user", "from": "x"}]},
        {"messages": [{"from": "user"}]},
        {"messages": [1], "text": "x"},
        {"messages": None, "prompt": "a", "completion": "b"},
        {"prompt": "a", "completion": "b", "label": None},
        {"chosen": 1, "rejected": 2},
        {"instruction": "x", "output": "y"},
        {"instruction": "x", "response": "y"},
        {"instruction": "x"},
        {"text": "<|im_start|>x"},
        {"text": "\n<|im_start|>x"},
        {"text": "x"},
        {"text": 5},
        {},
    ]
)


@given(rows=st.lists(SHAPES, min_size=1, max_size=20))
def test_survey_tells_what_the_rows_tell(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    found = survey(write(tmp_path_factory.mktemp("survey"), "a.jsonl", content), LIMIT)
    guesses = [layout_of(row) for row in rows]
    names = [guess.format for guess in guesses if guess]
    assert dict(found.formats) == {name: names.count(name) for name in names}
    assert (found.rows, found.unknown_rows) == (len(rows), guesses.count(None))


def test_survey_by_several_processes(tmp_path: Path) -> None:
    row = b'{"text": "' + b"x" * 1000 + b'"}\n'
    path = write(tmp_path, "a.jsonl", row * 70_000 + b"nope\n")
    found = survey(path, LIMIT, processes=2)
    assert (found.rows, found.bad_rows, found.formats) == (70_001, 1, (("text", 70_000),))
