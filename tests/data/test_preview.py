"""Rows as a person reads them."""

import json
from pathlib import Path

from engine import api
from engine.config import DataConfig
from engine.data.visible import visible


def rows(folder: Path, *data: object) -> DataConfig:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in data), encoding="utf-8")
    return DataConfig(path=path)


def test_pages_and_search(tmp_path: Path) -> None:
    data = rows(tmp_path, *({"prompt": f"q{n}", "completion": f"a{n}"} for n in range(25)))
    second = api.data_preview(data, 1, 10)
    assert (second.total, second.matching, len(second.rows)) == (25, 25, 10)
    assert [turn.text for turn in second.rows[0].turns] == ["q10", "a10"]
    found = api.data_preview(data, 0, 10, "q2")
    assert (found.matching, len(found.rows)) == (6, 6)


def test_what_acts_or_hides_is_shown_as_text(tmp_path: Path) -> None:
    text = "<script>alert(1)</script>\x1b[31m\u202egnp.exe\u200b" + "y" * 5000
    shown = api.data_preview(rows(tmp_path, {"text": text})).rows[0].turns[0].text
    assert shown.startswith("<script>alert(1)</script>\\x1b[31m\\u202egnp.exe\\u200b")
    assert shown.endswith("characters more")
    assert len(shown) < 2000


def test_unknown_columns_are_named_and_can_be_mapped(tmp_path: Path) -> None:
    data = rows(tmp_path, {"frage": "Wie?", "echo": "So."})
    unknown = api.data_preview(data)
    assert (unknown.format, unknown.columns) == ("", ("frage", "echo"))
    assert "frage" in unknown.rows[0].raw
    mapped = data.model_copy(update={"columns": ("prompt=frage", "answer=echo")})
    assert [turn.text for turn in api.data_preview(mapped).rows[0].turns] == ["Wie?", "So."]


def test_a_bad_row_stands_in_its_place_with_its_problem(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "a", "compl\n')
    bad = api.data_preview(DataConfig(path=path)).rows[1]
    assert bad.place == "rows.jsonl, line 2"
    assert bad.problem


def test_line_breaks_and_letters_stay() -> None:
    assert visible("Grüße\n\tÄ 日本 🙂") == "Grüße\n\tÄ 日本 🙂"
