from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers.models.cohere.modeling_cohere import CohereLayerNorm
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm

from engine.training.fused_norm import fuse_norms

WIDTH = 64


def frozen(norm: nn.Module, dtype: torch.dtype = torch.float32) -> nn.Module:
    numbers = torch.Generator().manual_seed(0)
    norm.weight.data = torch.rand(WIDTH, generator=numbers) + 0.5
    return norm.to(dtype).requires_grad_(False)


def run(norm: nn.Module, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    """What it answers, and the gradient of what it was asked."""
    numbers = torch.Generator().manual_seed(1)
    x = (3 * torch.randn(2, 9, WIDTH, generator=numbers)).to(dtype).requires_grad_()
    y = norm(x)
    y.backward(torch.randn(2, 9, WIDTH, generator=numbers).to(dtype))
    assert x.grad is not None
    return y.detach(), x.grad


@pytest.mark.parametrize("kind", [LlamaRMSNorm, Qwen3RMSNorm])
def test_answer_and_gradient_are_the_models_own(kind: type[nn.Module]) -> None:
    norm = frozen(kind(WIDTH))
    answer, gradient = run(norm)
    (fused,) = fuse_norms(norm)
    ours, our_gradient = run(norm)
    assert torch.allclose(ours, answer, rtol=1e-6)
    assert torch.allclose(our_gradient, gradient, rtol=1e-5, atol=1e-6)
    fused.undo()
    assert "forward" not in vars(norm)


def test_bf16_gradient_is_at_least_as_close_to_fp32() -> None:
    _, exact = run(frozen(LlamaRMSNorm(WIDTH), torch.bfloat16).float())
    norm = frozen(LlamaRMSNorm(WIDTH), torch.bfloat16)
    answer, theirs = run(norm, torch.bfloat16)
    fuse_norms(norm)
    ours_answer, ours = run(norm, torch.bfloat16)
    assert torch.equal(ours_answer, answer)
    assert (ours - exact).norm() <= 1.05 * (theirs - exact).norm()


def test_others_are_left_as_they_are() -> None:
    trained = LlamaRMSNorm(WIDTH)
    others = [GemmaRMSNorm(WIDTH), CohereLayerNorm(WIDTH), nn.RMSNorm(WIDTH), nn.Linear(2, 2)]
    model = nn.ModuleList([trained, *(other.requires_grad_(False) for other in others)])
    assert fuse_norms(model) == []
