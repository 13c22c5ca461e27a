import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import BackpropError
from engine.models import resolve as resolve_module
from engine.models.folder import code_sha256
from engine.models.resolve import presets, resolve
from engine.models.starter import find_wheel_gguf


def model_folder(folder: Path, *files: str, config: dict[str, object] | None = None) -> Path:
    """A folder with the files of a model, empty but for config.json."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config or {}))
    for name in files:
        (folder / name).write_text("")
    return folder


def test_presets_are_complete_and_in_order_of_memory() -> None:
    found = presets()
    assert found[0].name == "starter"
    assert [p.starter for p in found].count(True) == 1
    assert [p.parameters for p in found] == sorted(p.parameters for p in found)
    for preset in found:
        assert preset.parameters * 2 < preset.memory_bytes_lora, preset.name
        assert preset.memory.startswith("needs ")
        assert preset.context >= 8192
        assert preset.summary.endswith(".")


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("qwen2.5-0.5b", "Apache-2.0"),
        ("qwen2.5-3b", "Qwen Research License"),
        ("qwen2.5-7b", "Apache-2.0"),
        ("llama-3.2-1b", "Llama 3.2 Community License"),
        ("gemma-3-4b", "Gemma Terms of Use"),
    ],
)
def test_licences(name: str, licence: str) -> None:
    preset = resolve(name).preset
    assert preset is not None
    assert preset.licence == licence


def test_starter_is_the_gguf_of_the_wheel() -> None:
    resolved = resolve("starter")
    assert resolved.source == "gguf"
    assert resolved.path == find_wheel_gguf()


def test_preset_by_its_hub_id_in_any_case() -> None:
    resolved = resolve("qwen/qwen2.5-7b-instruct")
    assert resolved.preset is not None
    assert resolved.preset.name == "qwen2.5-7b"
    assert resolved.hub_id == "Qwen/Qwen2.5-7B-Instruct"


def test_other_hub_id() -> None:
    resolved = resolve("someone/their-model")
    assert (resolved.source, resolved.hub_id) == ("hub", "someone/their-model")
    assert resolved.preset is None


@pytest.mark.parametrize(
    "name", ["startr", "", "  ", "a/b/c", "/no/such/folder", "./here", "a\0b", "../x", "x.gguf"]
)
def test_unknown_names_the_presets(name: str) -> None:
    with pytest.raises(BackpropError) as caught:
        resolve(name)
    assert caught.value.code == "INPUT_MODEL_UNKNOWN"
    assert "qwen2.5-7b" in caught.value.hint


def test_closest_preset_is_suggested() -> None:
    with pytest.raises(BackpropError) as caught:
        resolve("startr")
    assert "Did you mean starter?" in caught.value.hint


def test_real_folder(tiny_model: Path) -> None:
    resolved = resolve(str(tiny_model))
    assert (resolved.source, resolved.path) == ("folder", tiny_model)


@pytest.mark.parametrize("pickle", ["pytorch_model.bin", "model.pt", "model.pth", "last.ckpt"])
def test_pickle_only_folder_is_refused(tmp_path: Path, pickle: str) -> None:
    folder = model_folder(tmp_path / "m", pickle, "tokenizer.json")
    with pytest.raises(BackpropError) as caught:
        resolve(str(folder))
    assert caught.value.code == "INPUT_MODEL_UNSAFE"
    assert pickle in caught.value.message


def test_pickle_beside_safetensors_is_ignored(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", "model.safetensors", "training_args.bin", "vocab.json")
    assert resolve(str(folder)).source == "folder"


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        (["tokenizer.json"], "weights (model.safetensors)"),
        (["model.safetensors"], "a tokenizer"),
    ],
)
def test_incomplete_folder_names_what_is_missing(
    tmp_path: Path, files: list[str], missing: str
) -> None:
    folder = model_folder(tmp_path / "m", *files)
    with pytest.raises(BackpropError) as caught:
        resolve(str(folder))
    assert caught.value.code == "INPUT_VALIDATION_FAILED"
    assert missing in caught.value.message


@pytest.mark.parametrize(
    ("present", "words"),
    [
        ([], "config.json is missing"),
        (["adapter_config.json"], "holds an adapter"),
        (["model.Q4.gguf"], "but a GGUF file"),
    ],
)
def test_folder_without_config(tmp_path: Path, present: list[str], words: str) -> None:
    for name in present:
        (tmp_path / name).write_text("{}")
    with pytest.raises(BackpropError) as caught:
        resolve(str(tmp_path))
    assert caught.value.code == "INPUT_VALIDATION_FAILED"
    assert words in caught.value.message


def shard_index(folder: Path, name: str) -> None:
    index = {"weight_map": {"a": "model-1.safetensors", "b": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_missing_shard_is_named(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", "model-1.safetensors", "tokenizer.json")
    shard_index(folder, "model-2.safetensors")
    with pytest.raises(BackpropError, match=r"model-2\.safetensors"):
        resolve(str(folder))


def test_shard_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", "model-1.safetensors", "tokenizer.json")
    shard_index(folder, "../elsewhere.safetensors")
    with pytest.raises(BackpropError) as caught:
        resolve(str(folder))
    assert caught.value.code == "INPUT_MODEL_UNSAFE"


def folder_with_code(tmp_path: Path, reference: str = "modeling.Own") -> Path:
    folder = model_folder(
        tmp_path / "m",
        "model.safetensors",
        "tokenizer.json",
        config={"auto_map": {"AutoModelForCausalLM": reference, "AutoTokenizer": ["t.T", None]}},
    )
    (folder / "modeling.py").write_text("class Own: ...\n")
    return folder


def test_code_of_its_own_needs_consent_by_hash(tmp_path: Path) -> None:
    folder = folder_with_code(tmp_path)
    with pytest.raises(BackpropError) as caught:
        resolve(str(folder))
    assert caught.value.code == "INPUT_MODEL_UNSAFE"
    assert "modeling.py" in caught.value.hint
    assert code_sha256(folder) in caught.value.hint
    assert resolve(str(folder), code_sha256(folder)).source == "folder"


def test_consent_ends_when_the_code_changes(tmp_path: Path) -> None:
    folder = folder_with_code(tmp_path)
    trusted = code_sha256(folder)
    (folder / "deeper").mkdir()
    (folder / "deeper" / "more.py").write_text("print('hello')\n")
    with pytest.raises(BackpropError, match="not the code that was trusted"):
        resolve(str(folder), trusted)


def test_code_from_elsewhere_is_always_refused(tmp_path: Path) -> None:
    folder = folder_with_code(tmp_path, "other/repo--modeling.Own")
    with pytest.raises(BackpropError, match="another place"):
        resolve(str(folder), code_sha256(folder))


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_unreadable_config(tmp_path: Path, text: str) -> None:
    folder = model_folder(tmp_path / "m", "model.safetensors", "tokenizer.json")
    (folder / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BackpropError) as caught:
        resolve(str(folder))
    assert caught.value.code == "INPUT_VALIDATION_FAILED"


def test_gguf_file_is_told_by_its_content(tmp_path: Path) -> None:
    real, false = tmp_path / "real.gguf", tmp_path / "false.gguf"
    real.write_bytes(b"GGUF\x03\0\0\0")
    false.write_bytes(b"not one")
    assert resolve(str(real)).source == "gguf"
    with pytest.raises(BackpropError, match="not a GGUF file"):
        resolve(str(false))


def test_resolving_loads_no_torch() -> None:
    code = (
        f"import sys, {resolve_module.__name__} as r, engine.data.read, engine.data.formats,"
        "engine.data.split; r.resolve('starter'); "
        "print([m for m in ('torch', 'transformers', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
