from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import LoraConfig
from engine.errors import BackpropError
from engine.training.targets import Layer, choose_targets, linear_layers


def test_layers_are_read_from_the_configuration_alone(tiny_model: Path, tmp_path: Path) -> None:
    config = (tiny_model / "config.json").read_text(encoding="utf-8")
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    layers = linear_layers(tmp_path)
    assert len(layers) == 2 * 7
    assert Layer("model.layers.0.self_attn.k_proj", 32) in layers
    assert Layer("model.layers.1.mlp.down_proj", 64) in layers
    assert "lm_head" not in {layer.short_name for layer in layers}


@pytest.mark.parametrize("config", ["{", '{"model_type": "unheard-of"}'])
def test_configuration_that_cannot_be_built(config: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    with pytest.raises(BackpropError) as raised:
        linear_layers(tmp_path)
    assert raised.value.code == "DEP_MODEL_LOAD_FAILED"


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("all-linear", "all-linear"),
        (
            "attention",
            ["self_attn.k_proj", "self_attn.o_proj", "self_attn.q_proj", "self_attn.v_proj"],
        ),
        (("q_proj", "mlp.up_proj"), ["q_proj", "mlp.up_proj"]),
    ],
)
def test_wishes_in_the_words_of_peft(
    targets: str | tuple[str, ...], expected: str | list[str], tiny_model: Path
) -> None:
    lora = LoraConfig(r=4, target_modules=targets)
    assert choose_targets(lora, linear_layers(tiny_model)) == expected


@pytest.mark.parametrize("name", ["query", "proj", "lm_head"])
def test_a_name_that_matches_nothing_tells_what_there_is(name: str, tiny_model: Path) -> None:
    with pytest.raises(BackpropError) as raised:
        choose_targets(LoraConfig(target_modules=(name,)), linear_layers(tiny_model))
    assert raised.value.code == "INPUT_VALIDATION_FAILED"
    assert "down_proj, gate_proj, k_proj" in raised.value.hint


def test_a_rank_larger_than_a_layer_names_the_layer(tiny_model: Path) -> None:
    with pytest.raises(BackpropError) as raised:
        choose_targets(LoraConfig(r=33), linear_layers(tiny_model))
    assert "self_attn.k_proj" in raised.value.message
    assert "at most 32" in raised.value.hint
