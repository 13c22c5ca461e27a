"""Every kind of file, and what can be wrong with each."""

import gzip
import json
import struct
from pathlib import Path

import pytest
import zstandard

from engine.data.hub import HubName, fetch, parse_hub_name
from engine.data.read import BadRow, Row, notes_of, read_rows, read_tolerant
from engine.errors import BackpropError
from tests.data.written import as_lines, as_parquet, as_table, every_kind, write

ROWS = [
    {"prompt": "Grüße, Welt", "completion": 'She said "no";\n\nthen, "yes"'},
    {"prompt": "日本 🗼\tTokyo", "completion": "plain"},
    {"prompt": "", "completion": "=cmd|' /C calc'!A0"},
]


def refusal(path: Path) -> str:
    with pytest.raises(BackpropError) as caught:
        list(read_tolerant(path))
    assert caught.value.code == "INPUT_DATA_INVALID"
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value.message


def bad_rows(path: Path) -> list[BadRow]:
    return [row for row in read_tolerant(path) if isinstance(row, BadRow)]


@pytest.mark.parametrize("name", every_kind(ROWS))
def test_same_rows_from_every_kind(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, every_kind(ROWS)[name])
    assert [row.data for row in read_rows(path)] == ROWS


def test_rows_of_a_table_know_the_line_they_begin_on(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", as_table(ROWS))
    assert [row.line for row in read_rows(path)] == [2, 5, 6]
    parquet = write(tmp_path, "a.parquet", as_parquet(ROWS))
    assert next(row.place for row in read_rows(parquet)) == "a.parquet, row 1"


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.txt.gz"])
def test_pieces_of_prose_are_the_file(tmp_path: Path, name: str) -> None:
    text = "".join(f"## Part {n}\n\n{'Words und Wörter. ' * 40}\n\n" for n in range(60))
    content = text.encode()
    path = write(tmp_path, name, gzip.compress(content) if name.endswith("gz") else content)
    rows = list(read_rows(path))
    assert "".join(str(row.data["text"]) for row in rows) == text
    assert len(rows) > 3
    assert all(str(row.data["text"]).startswith("## Part") for row in rows)
    lines = text.split("\n")
    assert all(str(row.data["text"]).startswith(lines[row.line - 1]) for row in rows)


def test_chatml_file_is_cut_between_conversations(tmp_path: Path) -> None:
    chat = "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\na\n\nb<|im_end|>\n"
    path = write(tmp_path, "a.txt", (chat * 3).encode())
    assert [row.data["text"] for row in read_rows(path)] == [chat] * 3


def test_folder_is_read_in_order_and_says_what_it_left_out(tmp_path: Path) -> None:
    for name, content in (("b/2.csv", as_table(ROWS)), ("1.jsonl", as_lines(ROWS))):
        write(tmp_path, name, content)
    for name in ("README.md", "picture.png", ".hidden.jsonl"):
        write(tmp_path, name, b"x")
    rows = list(read_rows(tmp_path))
    assert [row.data for row in rows] == ROWS * 2
    assert [row.file for row in rows] == ["1.jsonl"] * 3 + ["b/2.csv"] * 3
    assert [note.split()[0] for note in notes_of(tmp_path)] == ["README.md", "picture.png"]


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "inside/1.jsonl", as_lines(ROWS))
    other = write(tmp_path, "secret.jsonl", as_lines(ROWS))
    (tmp_path / "inside" / "2.jsonl").symlink_to(other)
    assert {row.file for row in read_rows(tmp_path / "inside")} == {"1.jsonl"}


@pytest.mark.parametrize(
    ("encoding", "text", "named"),
    [
        ("cp1252", "Grüße aus München", "cp1252"),
        ("cp1252", "grüß", "cp1252"),
        ("cp1251", "Привет, как твои дела сегодня", "cp1251"),
        ("shift_jis", "日本語のテキストです。こんにちは", "cp932"),
        ("utf-16-le", "Grüße", "utf-16-le"),
        ("utf-16-be", "Grüße", "utf-16-be"),
    ],
)
def test_guessed_encodings_are_told(tmp_path: Path, encoding: str, text: str, named: str) -> None:
    path = write(tmp_path, "a.jsonl", (f'{{"text": "{text}"}}\n' * 3).encode(encoding))
    assert [row.data["text"] for row in read_rows(path)] == [text] * 3
    assert [named in note for note in notes_of(path)] == [True]


def test_a_damaged_utf8_file_loses_only_the_damaged_row(tmp_path: Path) -> None:
    content = '{"text": "für"}\n'.encode() + b'{"text": "f\xfcr"}\n{"text": "x"}\n'
    path = write(tmp_path, "a.jsonl", content)
    assert [(row.line, row.problem) for row in bad_rows(path)] == [
        (2, "byte 12 of the row is not UTF-8")
    ]
    assert notes_of(path) == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands twice"),
        (b'{"a" : 1, "a": 2}', "the key 'a' stands twice"),
        (b'{"a": "\\ud800"}', "half of a character"),
        (b'{"a": "x\0y"}', "NUL byte"),
        (b'{"a": "x\\u0000y"}', ""),
        (b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b"}", "nested too deeply"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "nested too deeply"),
        (b'{"a": "half', "the row breaks off"),
        (b'{"a": 1,', "the row breaks off"),
        (b'{"a": "colons: \\"b\\": 1"}', ""),
    ],
)
@pytest.mark.parametrize("array", [False, True])
def test_bad_rows_of_json(tmp_path: Path, line: bytes, words: str, array: bool) -> None:
    good = b'{"a": "good"}'
    content = b"[" + good + b",\n" + line + b"]" if array else good + b"\n" + line + b"\n" + good
    path = write(tmp_path, "a.json" if array else "a.jsonl", content)
    if array and b"\0" in line:
        assert "NUL byte" in refusal(path)
        return
    rows = list(read_tolerant(path))
    assert len(rows) == (2 if array else 3)
    told = [row.problem for row in rows if isinstance(row, BadRow)]
    assert len(told) == bool(words)
    assert all(words in problem or "not valid JSON" in problem for problem in told)
    assert all(row.line == 2 for row in rows if isinstance(row, BadRow))


def test_row_of_50_mb_is_set_aside(tmp_path: Path) -> None:
    long = b'{"a": "' + b"x" * 50_000_000 + b'"}\n'
    path = write(tmp_path, "a.jsonl", b'{"a": 1}\n' + long + b'{"a": 2}\n')
    first, second, third = read_tolerant(path)
    assert isinstance(first, Row)
    assert isinstance(second, BadRow)
    assert second.problem.startswith("longer than 32 MB")
    assert isinstance(third, Row)
    assert third.line == 3


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (b"a,b\n1,2,3\n1\n1,2\n", [(2, "found 3 cells"), (3, "found 1 cells")]),
        (b'a,b\n1,"open\n2,3\n', [(2, "never closed")]),
        (b'a,b\n1,"x"y\n2,3\n', [(2, "cannot be read as cells")]),
        (b"a,b\n1,x\0y\n2,3\n", [(2, "NUL byte")]),
        ("a,b\nä,1\n".encode() + b"\xff\xfe,2\n3,4\n", [(3, "not UTF-8")]),
    ],
)
def test_bad_rows_of_tables(
    tmp_path: Path, content: bytes, problems: list[tuple[int, str]]
) -> None:
    found = bad_rows(write(tmp_path, "a.csv", content))
    assert [row.line for row in found] == [line for line, _ in problems]
    assert all(words in row.problem for row, (_, words) in zip(found, problems, strict=True))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,a\n1,2\n", "names 'a' twice"),
        (b",".join(b"c%d" % n for n in range(20_000)) + b"\n", "20,000 columns"),
        (b"a,b\n", "holds no rows"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in refusal(write(tmp_path, "a.csv", content))


def test_cell_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROPAGATE_READING__MAX_ROW_MB", "1")
    path = write(tmp_path, "a.csv", b'a,b\n1,"' + b"x,\n" * 600_000)
    (row,) = bad_rows(path)
    assert row.line == 2
    assert "nothing from here on could be read" in row.problem


def bomb(packing: str) -> bytes:
    zeros = b"0" * (100 << 20)
    return gzip.compress(zeros) if packing == "gz" else zstandard.compress(zeros)


@pytest.mark.parametrize("packing", ["gz", "zst"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "txt"])
def test_bombs(tmp_path: Path, packing: str, kind: str) -> None:
    path = write(tmp_path, f"a.{kind}.{packing}", bomb(packing))
    assert "200 times its size" in refusal(path)


def test_unpacked_size_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROPAGATE_READING__MAX_DECOMPRESSED_GB", "0.00001")
    path = write(tmp_path, "a.jsonl.gz", gzip.compress(as_lines(ROWS) * 1000))
    assert "unpacks to more than 1e-05 GB" in refusal(path)


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "other"])
def test_damaged_packed_files(tmp_path: Path, name: str, damage: str) -> None:
    whole = every_kind(ROWS)[name]
    middle = len(whole) // 2
    contents = {
        "cut": whole[:-5],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        "other": b"not packed at all",
    }
    assert "is damaged" in refusal(write(tmp_path, name, contents[damage]))


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "stream.arrow"])
@pytest.mark.parametrize("damage", ["cut", "other", "empty"])
def test_damaged_columnar_files(tmp_path: Path, name: str, damage: str) -> None:
    whole = every_kind(ROWS)[name]
    contents = {"cut": whole[: len(whole) // 2], "other": b"PAR1" * 20, "empty": b""}
    refusal(write(tmp_path, name, contents[damage]))


def test_parquet_with_a_lying_footer(tmp_path: Path) -> None:
    whole = as_parquet(ROWS)
    lying_length = whole[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1"
    assert "is damaged" in refusal(write(tmp_path, "length.parquet", lying_length))
    footer_bytes = struct.unpack("<I", whole[-8:-4])[0]
    start = len(whole) - 8 - footer_bytes
    # The count of rows is a zigzag varint near the footer's beginning: 3 rows are written as 6.
    for position in range(start, len(whole) - 8):
        if whole[position] == 6:
            lying = whole[:position] + b"\x7e" + whole[position + 1 :]
            path = write(tmp_path, "rows.parquet", lying)
            told = _rows_or_refusal(path)
            assert told == ROWS or "is damaged" in told


def _rows_or_refusal(path: Path) -> list[dict[str, object]] | str:
    try:
        return [row.data for row in read_rows(path)]
    except BackpropError as error:
        return error.message


def test_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", as_lines(ROWS) * 20_000)
    rows = read_tolerant(path)
    next(rows)
    with path.open("ab") as file:
        file.write(as_lines(ROWS))
    with pytest.raises(BackpropError, match="changed while it was read"):
        list(rows)


def test_file_that_is_replaced_while_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a.parquet", as_parquet(ROWS))
    rows = read_tolerant(path)
    next(rows)
    write(tmp_path, "b.parquet", as_parquet(ROWS)).replace(path)
    with pytest.raises(BackpropError, match="changed while it was read"):
        list(rows)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("hub:org/name", HubName("org/name")),
        ("hub:org/name@v1.0", HubName("org/name", "v1.0")),
        ("hub:squad?split=test", HubName("squad", split="test")),
        ("hub:o/n@abc?config=en&split=train[:10]", HubName("o/n", "abc", "en", "train[:10]")),
    ],
)
def test_hub_names(name: str, wanted: HubName) -> None:
    assert parse_hub_name(Path(name)) == wanted


@pytest.mark.parametrize("name", ["hub:", "hub:a/b/c", "hub:../x y", "hub:a/b?subset=en"])
def test_wrong_hub_names(name: str) -> None:
    with pytest.raises(BackpropError) as caught:
        parse_hub_name(Path(name))
    assert caught.value.code == "INPUT_VALIDATION_FAILED"
    assert "hub:org/name@revision" in caught.value.hint


def test_hub_offline() -> None:
    """The tests' own environment is offline."""
    with pytest.raises(BackpropError, match="set to work offline") as caught:
        fetch(Path("hub:org/name"))
    assert "HF_HUB_OFFLINE" in caught.value.hint


def test_json_of_one_object_over_several_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", json.dumps(ROWS[0], indent=2).encode())
    assert [row.data for row in read_rows(path)] == ROWS[:1]
