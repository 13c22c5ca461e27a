from __future__ import annotations

import pytest
import torch
from transformers import Gemma2Config, LlamaConfig, MistralConfig, PretrainedConfig, Qwen2Config

from engine.training.attention import EACH_EXAMPLE, register, why_not_each_example
from engine.training.fused_loss import add_fused_loss, mean_loss
from tests.training.fast_models import (
    distance,
    gradients,
    joined_batch,
    small_llama,
    with_lora,
)

# PEFT asks transformers for a property by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")

LENGTHS = (17, 40, 9)


@pytest.mark.parametrize("attention", ["sdpa", EACH_EXAMPLE])
def test_joined_examples_do_not_see_each_other(attention: str) -> None:
    register()
    model = small_llama()
    model.set_attn_implementation(attention)
    batch = joined_batch(*LENGTHS)
    del batch["labels"]
    with torch.no_grad():
        joined = model(**batch, use_cache=False).logits[0]
        alone = [
            model(input_ids=ids[None]).logits[0]
            for ids in batch["input_ids"][0].split(list(LENGTHS))
        ]
    assert torch.allclose(joined, torch.cat(alone), atol=3e-5, rtol=0)


def test_gradients_are_those_of_the_masked_row() -> None:
    register()
    model = with_lora(small_llama())
    add_fused_loss(model.get_base_model())
    found = []
    for attention in ("sdpa", EACH_EXAMPLE):
        model.get_base_model().set_attn_implementation(attention)
        mean_loss(model, joined_batch(*LENGTHS), None).backward()
        found.append(gradients(model))
    assert distance(found[1], found[0]) < 1e-5


def test_padded_batches_and_answers_are_computed_as_ever() -> None:
    register()
    model = small_llama()
    ids = torch.arange(20).view(2, 10)
    mask = torch.ones_like(ids)
    mask[0, :4] = 0
    with torch.no_grad():
        before = model(input_ids=ids, attention_mask=mask).logits
        answer = model.generate(ids, attention_mask=mask, max_new_tokens=4, do_sample=False)
        model.set_attn_implementation(EACH_EXAMPLE)
        assert torch.allclose(model(input_ids=ids, attention_mask=mask).logits, before, atol=1e-5)
        again = model.generate(ids, attention_mask=mask, max_new_tokens=4, do_sample=False)
    assert torch.equal(again, answer)


@pytest.mark.parametrize(
    ("config", "is_cut"),
    [
        (LlamaConfig(), True),
        (Qwen2Config(), True),
        (MistralConfig(sliding_window=None), True),
        (MistralConfig(sliding_window=4096), False),
        (Gemma2Config(), False),
    ],
)
def test_only_whole_causal_attention_is_cut(config: PretrainedConfig, is_cut: bool) -> None:
    assert (why_not_each_example(config) is None) == is_cut
