from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.config import Precision
from engine.errors import BackpropError
from engine.models.load import (
    Device,
    ExactPrecision,
    choose_device,
    choose_precision,
    load_model,
    load_tokenizer,
    pick_device,
    pick_precision,
)
from engine.models.resolve import ResolvedModel, resolve
from tests.tiny_model import save_tiny_model


@pytest.mark.parametrize(
    ("cuda", "mps", "device"),
    [(True, False, "cuda"), (True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_device(cuda: bool, mps: bool, device: Device) -> None:
    assert choose_device(cuda=cuda, mps=mps) == device


@pytest.mark.parametrize(
    ("wanted", "device", "bf16", "precision"),
    [
        ("auto", "cuda", True, "bf16"),
        ("auto", "cuda", False, "fp16"),
        ("auto", "mps", False, "fp32"),
        ("auto", "cpu", True, "bf16"),
        ("auto", "cpu", False, "fp32"),
        ("fp32", "cuda", True, "fp32"),
        ("fp16", "mps", False, "fp16"),
        ("bf16", "cpu", True, "bf16"),
    ],
)
def test_precision(
    wanted: Precision, device: Device, bf16: bool, precision: ExactPrecision
) -> None:
    assert choose_precision(wanted, device, bf16=bf16) == precision


@pytest.mark.parametrize(("wanted", "device"), [("fp16", "cpu"), ("bf16", "cuda"), ("bf16", "mps")])
def test_impossible_precision(wanted: Precision, device: Device) -> None:
    with pytest.raises(BackpropError) as caught:
        choose_precision(wanted, device, bf16=False)
    assert caught.value.code == "INPUT_VALIDATION_FAILED"


def test_this_machine() -> None:
    device = pick_device()
    assert pick_precision("auto", device) in ("fp32", "bf16", "fp16")
    assert pick_precision("bf16", "cpu") == "bf16"


def test_starter_answers(starter: Path) -> None:
    resolved = resolve(str(starter))
    tokenizer = load_tokenizer(resolved)
    model = load_model(resolved, "fp32", "cpu")
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    with torch.inference_mode():
        answer = model.generate(**prompt, max_new_tokens=12, do_sample=False)
    text = tokenizer.decode(answer[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    assert text == "The capital of France is Paris."


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_tiny_model_in_each_precision(
    tiny_model: Path, precision: ExactPrecision, dtype: torch.dtype
) -> None:
    model = load_model(resolve(str(tiny_model)), precision, "cpu")
    assert model.dtype == dtype


def test_damaged_weights(tmp_path: Path) -> None:
    save_tiny_model(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BackpropError) as caught:
        load_model(resolve(str(tmp_path)), "fp32", "cpu")
    assert caught.value.code == "DEP_MODEL_LOAD_FAILED"
    assert caught.value.cause


def test_missing_weights_are_not_made_up(tmp_path: Path) -> None:
    save_tiny_model(tmp_path)
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(BackpropError, match="not complete"):
        load_model(resolve(str(tmp_path)), "fp32", "cpu")


def test_damaged_tokenizer(tmp_path: Path) -> None:
    save_tiny_model(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BackpropError, match="tokenizer could not be loaded"):
        load_tokenizer(resolve(str(tmp_path)))


def test_hub_model_that_is_not_here() -> None:
    with pytest.raises(BackpropError) as caught:
        load_tokenizer(ResolvedModel("someone/x", "hub", hub_id="someone/not-in-the-cache"))
    assert caught.value.code == "INPUT_MODEL_UNKNOWN"
    assert "starter" in caught.value.hint
