"""Where a setting's value comes from, and what happens to a wrong one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.default_model import LARGE_MODEL, SMALL_MODEL, pick_default_model
from engine.errors import BackpropError
from engine.home import home
from engine.settings import (
    closest,
    load_settings,
    meaning_of,
    page_output_dir,
    reset_value,
    set_value,
    setting_keys,
    sources,
    variable_of,
)
from engine.train_config import build_train_config
from engine.user_config import config_path, remove_user_config

GB = 10**9


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BACKPROPAGATE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place_of(key: str) -> str:
    return next(source.place for source in sources() if source.key == key)


def test_defaults_are_those_of_the_issue() -> None:
    settings = load_settings()
    assert settings.training.learning_rate == 2e-4
    assert settings.lora.r == 16
    assert settings.ui.port == 7862
    assert place_of("training.learning_rate") == "default"


@pytest.mark.parametrize(
    ("gpus", "model"),
    [
        ((), SMALL_MODEL),
        ((8 * GB,), SMALL_MODEL),
        ((17_170_000_000,), SMALL_MODEL),
        ((12 * GB, 12 * GB), SMALL_MODEL),
        ((21_400_000_000,), LARGE_MODEL),
        ((8 * GB, 25_700_000_000), LARGE_MODEL),
    ],
)
def test_default_model_is_the_large_one_where_one_gpu_holds_it(
    gpus: tuple[int, ...], model: str
) -> None:
    assert pick_default_model(gpus) == model


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("BACKPROPAGATE_MODEL__NAME", "qwen3-0.6b", "model.name", "qwen3-0.6b"),
        ("BACKPROPAGATE_TRAINING__LEARNING_RATE", "1e-3", "training.learning_rate", 1e-3),
        ("BACKPROPAGATE_LORA__R", "8", "lora.r", 8),
        ("BACKPROPAGATE_LORA__TARGET_MODULES", '["q", "v"]', "lora.target_modules", ("q", "v")),
        ("BACKPROPAGATE_LORA__TARGET_MODULES", "attention", "lora.target_modules", "attention"),
        ("BACKPROPAGATE_LIMITS__MAX_MINUTES", "30", "limits.max_minutes", 30.0),
        ("BACKPROPAGATE_UI__OUTPUT_DIR", "pages", "ui.output_dir", Path("pages")),
        ("BACKPROPAGATE_LOG_LEVEL", "debug", "log_level", "debug"),
        ("BACKPROPAGATE_LOG_JSON", "true", "log_json", True),
        ("BACKPROPAGATE_LOG_FILE", "log.txt", "log_file", Path("log.txt")),
    ],
)
def test_environment_sets(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, key: str, value: object
) -> None:
    monkeypatch.setenv(variable, text)
    found = next(source for source in sources() if source.key == key)
    assert (found.value, found.place, found.variable) == (value, "environment", variable)


def test_environment_beats_dotenv_beats_user_file(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_value("lora.r", "4")
    set_value("lora.dropout", "0.4")
    set_value("training.seed", "4")
    (own_home / ".env").write_text(
        "BACKPROPAGATE_LORA__R=8\nBACKPROPAGATE_LORA__DROPOUT=0.2\nOTHER_PROGRAM=1\n"
    )
    monkeypatch.setenv("BACKPROPAGATE_LORA__R", "32")
    settings = load_settings()
    assert (settings.lora.r, settings.lora.dropout, settings.training.seed) == (32, 0.2, 4)
    places = [place_of(key) for key in ("lora.r", "lora.dropout", "training.seed")]
    assert places == ["environment", ".env", "config.json"]


def test_given_values_beat_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROPAGATE_LORA__R", "32")
    monkeypatch.setenv("BACKPROPAGATE_TRAINING__SEED", "7")
    given = {"data.path": "x.jsonl", "lora.r": 8, "training.seed": None}
    config = build_train_config(given, load_settings())
    assert (config.lora.r, config.training.seed) == (8, 7)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROPAGATE_LORA__R", "")
    assert load_settings().lora.r == 16


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("BACKPROPAGATE_LORA__RNK", "3", "BACKPROPAGATE_LORA__RNK is not a setting"),
        ("BACKPROPAGATE_LOG_LVEL", "info", "Did you mean BACKPROPAGATE_LOG_LEVEL"),
        ("BACKPROPAGATE_LEARNING_RATE", "1", "BACKPROPAGATE_TRAINING__LEARNING_RATE"),
        ("BACKPROPAGATE_LORA__R", "many", "BACKPROPAGATE_LORA__R: input should be a valid int"),
        ("BACKPROPAGATE_LORA__R", "0", "BACKPROPAGATE_LORA__R: input should be greater than 0"),
        ("BACKPROPAGATE_MODEL__PRECISION", "fp64", "'auto', 'fp32', 'bf16' or 'fp16'"),
        ("BACKPROPAGATE_TRAINING__LEARNING_RATE", "2", "less than 1"),
        ("BACKPROPAGATE_UI__PORT", "99999", "less than or equal to 65535"),
        ("BACKPROPAGATE_LORA", "nonsense", "lora"),
    ],
)
def test_wrong_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, words: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(BackpropError) as caught:
        load_settings()
    assert caught.value.code == "CONFIG_INVALID"
    assert words in caught.value.message


def test_wrong_name_in_dotenv_is_named(own_home: Path) -> None:
    (own_home / ".env").write_text("BACKPROPAGATE_LORA__RANG=3\n")
    with pytest.raises(BackpropError, match=r"BACKPROPAGATE_LORA__RANG \(\.env\)"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[1]", "must hold one JSON object"),
        ('{"lora": {"rr": 3}}', "lora.rr in"),
        ('{"color": "red"}', "color in"),
        ('{"lora": {"r": "many"}}', "lora.r in"),
    ],
)
def test_wrong_user_file_is_named(text: str, words: str) -> None:
    config_path().parent.mkdir(parents=True)
    config_path().write_text(text)
    with pytest.raises(BackpropError) as caught:
        load_settings()
    assert caught.value.code == "CONFIG_INVALID"
    assert words in caught.value.message


def test_set_writes_checked_values_and_reset_takes_them_out() -> None:
    set_value("training.learning_rate", "5e-4")
    set_value("model.name", "qwen3-0.6b")
    assert json.loads(config_path().read_text()) == {
        "training": {"learning_rate": 5e-4},
        "model": {"name": "qwen3-0.6b"},
    }
    reset_value("model.name")
    assert json.loads(config_path().read_text()) == {"training": {"learning_rate": 5e-4}}
    remove_user_config()
    assert load_settings().training.learning_rate == 2e-4


@pytest.mark.parametrize(("key", "text"), [("lora.r", "-1"), ("lora.rank", "8"), ("lora", "8")])
def test_set_refuses_and_leaves_the_file_alone(key: str, text: str) -> None:
    set_value("lora.r", "4")
    before = config_path().read_text()
    with pytest.raises(BackpropError) as caught:
        set_value(key, text)
    assert caught.value.code == "CONFIG_INVALID"
    assert config_path().read_text() == before


def test_every_setting_has_a_meaning_and_a_variable() -> None:
    assert all(meaning_of(key) for key in setting_keys())
    assert variable_of("training.learning_rate") == "BACKPROPAGATE_TRAINING__LEARNING_RATE"


def test_closest_finds_typing_mistakes() -> None:
    assert closest("learning_rate", setting_keys()) == ["training.learning_rate"]
    assert closest("xyzzy", setting_keys()) == []


def test_home_and_page_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert page_output_dir(load_settings()) == home() / "ui-outputs"
    monkeypatch.delenv("BACKPROPAGATE_HOME")
    assert home() == Path.home() / ".backpropagate"


def test_a_wrong_given_value_is_named() -> None:
    with pytest.raises(BackpropError) as caught:
        build_train_config({"data.path": "x", "lora.r": 0}, load_settings(), lambda _: "--lora-r")
    assert caught.value.code == "INPUT_VALIDATION_FAILED"
    assert caught.value.message == "--lora-r: input should be greater than 0."
