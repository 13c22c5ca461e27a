from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from torch import nn

from engine.training.fused_lora import fuse_lora, unfuse_lora
from engine.training.fused_loss import add_fused_loss, mean_loss
from tests.training.fast_models import distance, gradients, joined_batch, small_llama, with_lora

# PEFT asks transformers for a property by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")

LAYERS = 2 * 7


def gradients_of(model: PeftModel) -> dict[str, torch.Tensor]:
    mean_loss(model, joined_batch(17, 40, 9), None).backward()
    return gradients(model)


def prepared(dtype: torch.dtype = torch.float32, **lora: Any) -> PeftModel:
    model = with_lora(small_llama(dtype=dtype), **lora)
    add_fused_loss(model.get_base_model())
    return model


@pytest.mark.parametrize("lora", [{}, {"lora_alpha": 1}, {"use_rslora": True}, {"r": 1}])
def test_gradients_are_those_of_pefts_layers(lora: dict[str, Any]) -> None:
    model = prepared(**lora)
    theirs = gradients_of(model)
    assert len(fuse_lora(model)) == LAYERS
    assert distance(gradients_of(model), theirs) < 1e-5


def test_bf16_gradients_are_about_as_close_to_fp32_as_those_of_pefts_layers() -> None:
    """PEFT takes the adapter's part in fp32, ours is bf16 as the base: 0.7 % apart to its 0.6 %."""
    exact_model = prepared()
    for module in exact_model.get_base_model().modules():
        if type(module) in (nn.Linear, nn.Embedding):
            module.weight.data = rounded(module.weight.data, module.weight.requires_grad)
    exact = gradients_of(exact_model)
    model = prepared(torch.bfloat16)
    theirs = gradients_of(model)
    fuse_lora(model)
    ours = gradients_of(model)
    assert distance(ours, exact) < 1.3 * distance(theirs, exact)
    assert distance(ours, exact) < 0.01


def rounded(weight: torch.Tensor, is_trained: bool) -> torch.Tensor:
    """The adapter stays in fp32; the base is what bf16 has of it."""
    return weight if is_trained else weight.bfloat16().float()


def test_adapter_below_the_last_place_is_not_lost() -> None:
    """Of 1 + 0.002 PEFT's bf16 sum keeps nothing of the second part; half of 256 sums must."""
    layer = nn.Linear(64, 256, bias=False, dtype=torch.bfloat16)
    model = get_peft_model(nn.Sequential(layer), LoraConfig(r=1, target_modules=["0"]))
    x = torch.randn(512, 64, generator=torch.Generator().manual_seed(0)).bfloat16()
    adapter = model.base_model.model[0]
    with torch.no_grad():
        adapter.lora_B["default"].weight.fill_(2e-4)
        adapter.lora_A["default"].weight.fill_(0.1)
        delta = x.double() @ torch.full((64, 1), 0.1).double() * 2e-4 * adapter.scaling["default"]
        exact = x.double() @ layer.weight.double().T + delta
        theirs = (model(x).double() - exact).square().mean()
        (fused,) = fuse_lora(model)
        ours = (model(x).double() - exact).square().mean()
        fused.undo()
    assert ours < theirs


def test_step_of_the_optimizer_is_seen() -> None:
    model = prepared()
    fuse_lora(model)
    batch = joined_batch(30)
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-2)
    losses = []
    for _ in range(3):
        loss = mean_loss(model, batch, None)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)


def test_names_saved_do_not_change_and_undo_leaves_no_trace() -> None:
    model = prepared()
    ids = joined_batch(12)["input_ids"]
    before = model(input_ids=ids).logits
    names = list(model.state_dict())
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    adapter = list(get_peft_model_state_dict(model))

    fused = fuse_lora(model)
    assert list(model.state_dict()) == names
    assert list(get_peft_model_state_dict(model)) == adapter
    assert all(torch.equal(model.state_dict()[name], weights[name]) for name in names)
    assert torch.allclose(model(input_ids=ids).logits, before, atol=1e-5)

    unfuse_lora(fused)
    assert torch.equal(model(input_ids=ids).logits, before)
    assert all(tensor.is_contiguous() for tensor in model.state_dict().values())
    assert not [module for module in model.modules() if "forward" in vars(module)][1:]


def test_base_is_not_in_memory_twice() -> None:
    model = prepared()
    fuse_lora(model)
    layer = model.get_base_model().model.layers[0].mlp.up_proj
    assert layer.base_layer.weight.untyped_storage().nbytes() == 4 * 128 * (64 + 4)


def test_disabled_adapter_gives_the_base() -> None:
    ids = joined_batch(12)["input_ids"]
    base = small_llama()(input_ids=ids).logits
    model = prepared()
    fuse_lora(model)
    with model.disable_adapter():
        assert torch.allclose(model(input_ids=ids).logits, base, atol=1e-6)


@pytest.mark.parametrize(
    "lora", [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True, "target_modules": []}]
)
def test_other_adapters_stay_pefts_own(lora: dict[str, Any]) -> None:
    class Biased(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(8, 8, bias=True)

    model = get_peft_model(Biased(), LoraConfig(r=2, **(lora | {"target_modules": ["inner"]})))
    assert fuse_lora(model) == []


def test_two_adapters_stay_pefts_own() -> None:
    model = prepared()
    model.add_adapter("second", LoraConfig(r=2, target_modules="all-linear"))
    assert fuse_lora(model) == []


def test_other_kinds_of_linear_layers_stay_pefts_own() -> None:
    """bitsandbytes' quantised layers are subclasses of the plain one."""

    class Quantised(nn.Linear):
        pass

    base = nn.Sequential(Quantised(64, 64, bias=False))
    model = get_peft_model(base, LoraConfig(r=2, target_modules=["0"]))
    assert fuse_lora(model) == []
