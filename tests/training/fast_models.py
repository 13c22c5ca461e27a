"""Small models and batches on which the fused parts are held against the slow ones."""

from __future__ import annotations

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from engine.training.batches import NOT_TRAINED

VOCABULARY = 300


def small_llama(*, tied: bool = True, dtype: torch.dtype = torch.float32) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=tied,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return LlamaForCausalLM(config).to(dtype)


def with_lora(model: LlamaForCausalLM, **lora: object) -> PeftModel:
    """An adapter that is no longer at its start: both of its matrices hold numbers."""
    wish = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"} | lora
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **wish))
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(2)
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.data = torch.randn(parameter.shape) * 0.05
    return adapted.train()


def joined_batch(*lengths: int, context: int = 3) -> dict[str, torch.Tensor | int]:
    """Examples joined into one row as the collator does; the first tokens of each are context."""
    numbers = torch.Generator().manual_seed(3)
    examples = [torch.randint(VOCABULARY, (length,), generator=numbers) for length in lengths]
    labels = [example.clone() for example in examples]
    for label in labels:
        label[:context] = NOT_TRAINED
    borders = torch.tensor([0, *lengths]).cumsum(0).to(torch.int32)
    return {
        "input_ids": torch.cat(examples)[None],
        "labels": torch.cat(labels)[None],
        "position_ids": torch.cat([torch.arange(length) for length in lengths])[None],
        "cu_seq_lens_q": borders,
        "cu_seq_lens_k": borders,
        "max_length_q": max(lengths),
        "max_length_k": max(lengths),
    }


def gradients(model: PeftModel) -> dict[str, torch.Tensor]:
    """The gradients of the trained parameters, taken off the model."""
    taken = {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    model.zero_grad()
    return taken


def distance(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    """How far two sets of gradients lie apart, as a share of the second's length."""
    assert ours.keys() == theirs.keys()
    apart = sum(
        float((ours[name].double() - theirs[name].double()).square().sum()) for name in ours
    )
    length = sum(float(theirs[name].double().square().sum()) for name in theirs)
    return float((apart / length) ** 0.5)
