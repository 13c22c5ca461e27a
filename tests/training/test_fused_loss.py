from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import CohereConfig, CohereForCausalLM, Gemma2Config, Gemma2ForCausalLM
from trl.trainer.utils import add_fused_lm_head

from engine.training.fused_loss import (
    CHUNK_ROWS,
    add_fused_loss,
    fused_linear_cross_entropy,
    mean_loss,
    why_not_fused,
)
from tests.training.fast_models import distance, gradients, joined_batch, small_llama, with_lora

# PEFT asks transformers for a property by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")

SMALL = {
    "vocab_size": 32,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "pad_token_id": 0,
}


def problem(
    rows: int, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    numbers = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, 32, generator=numbers).to(dtype)
    weight = torch.randn(101, 32, generator=numbers).to(dtype)
    return hidden, weight, torch.randint(101, (rows,), generator=numbers)


def solved(
    loss: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    hidden: torch.Tensor,
    *rest: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss and the gradient of the hidden states."""
    hidden = hidden.clone().requires_grad_()
    total = loss(hidden, *rest)
    (total / 7).backward()
    assert hidden.grad is not None
    return total.detach(), hidden.grad


def plain(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return cross_entropy((hidden @ weight.T).float(), targets, reduction="sum")


@pytest.mark.parametrize("rows", [1, CHUNK_ROWS, CHUNK_ROWS + 1, 3 * CHUNK_ROWS - 1])
def test_loss_and_gradient_are_those_of_whole_logits(rows: int) -> None:
    ours, our_gradient = solved(fused_linear_cross_entropy, *problem(rows))
    theirs, their_gradient = solved(plain, *problem(rows))
    assert float(ours) == pytest.approx(float(theirs), rel=1e-6)
    assert torch.allclose(our_gradient, their_gradient, rtol=1e-5, atol=1e-6)


def test_bf16_is_as_close_to_fp32_as_whole_logits_are() -> None:
    hidden, weight, targets = problem(200, torch.bfloat16)
    _, exact = solved(plain, hidden.float(), weight.float(), targets)
    _, ours = solved(fused_linear_cross_entropy, hidden, weight, targets)
    _, theirs = solved(plain, hidden, weight, targets)
    assert (ours - exact).norm() <= 1.1 * (theirs - exact).norm()


def test_nothing_to_learn_is_a_loss_of_zero_that_can_be_followed_back() -> None:
    loss, gradient = solved(fused_linear_cross_entropy, *problem(0))
    assert loss == 0
    assert gradient.shape == (0, 32)


def test_target_that_is_nearly_certain_keeps_its_small_gradient() -> None:
    """In bf16, one minus a probability close to one would be rounded away."""
    hidden = torch.full((1, 32), 0.5, dtype=torch.bfloat16)
    weight = torch.zeros(101, 32, dtype=torch.bfloat16)
    weight[5] = 0.7
    _, gradient = solved(fused_linear_cross_entropy, hidden, weight, torch.tensor([5]))
    _, exact = solved(plain, hidden.float(), weight.float(), torch.tensor([5]))
    assert torch.allclose(gradient.float(), exact, rtol=0.02, atol=0)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("items", [None, 100])
def test_same_loss_and_gradients_as_trl(tied: bool, items: int | None) -> None:
    model = with_lora(small_llama(tied=tied))
    base = model.get_base_model()
    add_fused_lm_head(base)
    batch = joined_batch(17, 40, 9)

    theirs = model(**batch, fused_lm_head=True, num_items_in_batch=items).loss
    theirs.backward()
    expected = gradients(model)

    assert why_not_fused(base) is None
    add_fused_loss(base)
    ours = mean_loss(model, batch, items)
    ours.backward()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    assert distance(gradients(model), expected) < 1e-6


def test_batches_that_are_added_up_weigh_each_token_alike() -> None:
    model = with_lora(small_llama())
    add_fused_loss(model.get_base_model())
    whole = joined_batch(17, 40)
    mean_loss(model, whole, None).backward()
    together = gradients(model)

    items = int((whole["labels"][:, 1:] != -100).sum())
    for row in (slice(0, 17), slice(17, 57)):
        part = {name: whole[name][:, row] for name in ("input_ids", "labels", "position_ids")}
        mean_loss(model, part, torch.tensor(items)).backward()
    assert distance(gradients(model), together) < 1e-6


def test_without_gradients_nothing_is_kept() -> None:
    model = with_lora(small_llama())
    add_fused_loss(model.get_base_model())
    with torch.no_grad():
        loss = mean_loss(model, joined_batch(20), None)
    assert not loss.requires_grad


def test_model_answers_as_before_without_the_word() -> None:
    model = small_llama()
    ids = joined_batch(9)["input_ids"]
    before = model(input_ids=ids).logits
    add_fused_loss(model)
    assert torch.equal(model(input_ids=ids).logits, before)


def test_models_that_change_their_logits_are_left_to_trl() -> None:
    gemma = Gemma2ForCausalLM(Gemma2Config(**SMALL, final_logit_softcapping=30.0))
    cohere = CohereForCausalLM(CohereConfig(**SMALL, logit_scale=0.06))
    for model in (gemma, cohere):
        for parameter in model.parameters():
            parameter.requires_grad_(False)
    assert "final_logit_softcapping" in (why_not_fused(gemma) or "")
    assert "logit_scale" in (why_not_fused(cohere) or "")


def test_head_that_is_trained_is_left_to_trl() -> None:
    assert why_not_fused(small_llama()) == "its output embedding is trained"
    for change in ({"modules_to_save": ["lm_head"]}, {"target_modules": ["lm_head"]}):
        model = with_lora(small_llama(tied=False), **change).get_base_model()
        assert why_not_fused(model) == "its output embedding is not a plain linear layer"
