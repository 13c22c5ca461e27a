"""Named data sets."""

from pathlib import Path

import pytest

from engine import api
from engine.config import DataConfig, Recipe
from engine.errors import BackpropError
from engine.home import home


def test_a_saved_set_is_listed_replaced_and_forgotten(tmp_path: Path) -> None:
    data = DataConfig(path=tmp_path / "a.jsonl", format="messages", recipe=Recipe(dedupe="near"))
    api.save_data_set("chats", data)
    api.save_data_set("more", data)
    api.save_data_set("chats", data.model_copy(update={"format": "text"}))
    found = {saved.name: saved.data for saved in api.list_data_sets()}
    assert found["more"] == data
    assert found["chats"].format == "text"
    api.delete_data_set("chats")
    assert [saved.name for saved in api.list_data_sets()] == ["more"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 61, "a\nb"])
def test_a_name_is_a_plain_word(name: str, tmp_path: Path) -> None:
    with pytest.raises(BackpropError, match="cannot be the name"):
        api.save_data_set(name, DataConfig(path=tmp_path))


def test_an_unknown_set_cannot_be_forgotten() -> None:
    with pytest.raises(BackpropError, match="There is no data set"):
        api.delete_data_set("none")


def test_a_file_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    api.save_data_set("good", DataConfig(path=tmp_path))
    (home() / "data-sets" / "bad.json").write_text("{")
    assert [saved.name for saved in api.list_data_sets()] == ["good"]
