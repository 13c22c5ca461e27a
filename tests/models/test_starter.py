import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from engine.errors import BackpropError
from engine.models import starter as starter_module
from engine.models.starter import (
    MANIFEST,
    converted_starter,
    find_wheel_gguf,
    gguf_folder,
    is_converted,
    starter_folder,
)


@pytest.fixture
def home_of_starter(starter: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The session's home, in which the starter is converted already."""
    monkeypatch.setenv("BACKPROPAGATE_HOME", str(starter.parent.parent))
    return starter


def test_converted_folder_is_an_ordinary_model(starter: Path) -> None:
    names = {path.name for path in starter.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", MANIFEST} <= names
    config = json.loads((starter / "config.json").read_text())
    assert config["model_type"] == "llama"
    assert "quantization_config" not in config
    assert not list(starter.parent.glob("*.partial"))


def test_second_call_does_not_convert_again(home_of_starter: Path) -> None:
    before = (home_of_starter / "model.safetensors").stat().st_mtime_ns
    assert starter_folder() == home_of_starter
    assert (home_of_starter / "model.safetensors").stat().st_mtime_ns == before


def test_the_wheels_file_by_its_path_is_the_starter(home_of_starter: Path) -> None:
    gguf = find_wheel_gguf()
    assert gguf is not None
    assert gguf_folder(gguf) == home_of_starter


def test_without_the_wheel_an_earlier_conversion_serves(
    home_of_starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter_module, "STARTER_WHEEL", "a-wheel-that-is-not-installed")
    assert starter_folder() == home_of_starter
    assert converted_starter() == home_of_starter


def test_without_wheel_and_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter_module, "STARTER_WHEEL", "a-wheel-that-is-not-installed")
    with pytest.raises(BackpropError) as caught:
        starter_folder()
    assert caught.value.code == "DEP_NOT_INSTALLED"
    assert "backprop setup starter" in caught.value.hint


@pytest.mark.parametrize(
    "manifest",
    [None, "", "[]", '{"converter": 0, "source_sha256": "abc"}', '{"converter": 1}'],
)
def test_half_or_old_conversion_does_not_count(tmp_path: Path, manifest: str | None) -> None:
    (tmp_path / "model.safetensors").write_text("")
    if manifest is not None:
        (tmp_path / MANIFEST).write_text(manifest)
    assert not is_converted(tmp_path, "abc")


def test_damaged_gguf_leaves_nothing_behind(tmp_path: Path) -> None:
    gguf = tmp_path / "broken.gguf"
    gguf.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(BackpropError) as caught:
        gguf_folder(gguf)
    assert caught.value.code == "DEP_MODEL_LOAD_FAILED"
    assert caught.value.cause
    models = Path(os.environ["BACKPROPAGATE_HOME"]) / "models"
    assert [path for path in models.iterdir() if path.is_dir()] == []


def test_two_at_once_convert_once_and_replace_a_stale_one(tmp_path: Path) -> None:
    """Both processes get the folder; a converter that counts its calls was called once."""
    stale = tmp_path / "home" / "models" / "starter"
    stale.mkdir(parents=True)
    (stale / MANIFEST).write_text('{"converter": 0}')
    (stale.parent / "starter.partial").mkdir()
    calls = tmp_path / "calls"
    script = textwrap.dedent(f"""
        import pathlib, sys, time
        from engine.models import starter
        def convert(gguf, sha256, folder, real=starter._write_manifest):
            with open({str(calls)!r}, "a") as file:
                file.write("x")
            time.sleep(0.5)
            (folder / "model.safetensors").write_text("")
            real(folder, gguf.name, sha256)
        starter._convert = convert
        print(starter.starter_folder())
    """)
    running = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0].strip() for process in running]
    assert outputs == [str(stale)] * 2
    assert calls.read_text() == "x"
