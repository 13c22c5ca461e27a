"""RMS norms with a gradient of their own, which keep their input and nothing else.

Written as five operations, a norm keeps two fp32 copies of what it saw for its gradient; a
transformer has two norms a layer, and together they are a large share of what it keeps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_PROBE_ROWS = 4
_TOLERANCE = 1e-5


class _RmsNorm(torch.autograd.Function):  # type: ignore[misc]  # untyped
    """`weight * x / rms(x)`, where the quotient is rounded to the format of `x` first.

    Shapes: x [..., width], weight [width], which is frozen. Zhang and Sennrich, "Root Mean Square
    Layer Normalization", 2019, equation 4.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        exact = x.float()
        inverse = torch.rsqrt(exact.pow(2).mean(-1, keepdim=True) + epsilon)
        ctx.save_for_backward(x, weight, inverse)
        return weight * (exact * inverse).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        x, weight, inverse = ctx.saved_tensors
        toward = (upstream[0] * weight).float()
        normed = x.float().mul_(inverse)
        along = torch.linalg.vecdot(toward, normed).div_(x.shape[-1]).unsqueeze(-1)
        return toward.addcmul_(normed, along, value=-1).mul_(inverse).to(x.dtype), None, None


class FusedNorm:
    """Stands in for the forward of one norm, until `undo`."""

    def __init__(self, norm: nn.Module, epsilon: float) -> None:
        self._norm = norm
        self._epsilon = epsilon
        norm.forward = self

    def __call__(self, x: Tensor) -> Tensor:
        return _RmsNorm.apply(x, self._norm.weight, self._epsilon)

    def undo(self) -> None:
        del self._norm.forward


def fuse_norms(model: nn.Module) -> list[FusedNorm]:
    """Fuse every frozen norm of `model` that computes what ours does."""
    norms = ((module, _epsilon(module)) for module in model.modules())
    return [FusedNorm(norm, epsilon) for norm, epsilon in norms if epsilon is not None]


def _epsilon(module: nn.Module) -> float | None:
    """The constant of an RMS norm as Llama has it; None for all else.

    Models share the name and differ in what they do (Gemma adds one to the weight), so a norm is
    taken by what it answers.
    """
    epsilon = vars(module).get("variance_epsilon")
    if epsilon is None or list(module.state_dict()) != ["weight"]:
        return None
    weight = module.get_parameter("weight")
    if weight.requires_grad:
        return None
    probe = torch.linspace(-2, 3, _PROBE_ROWS * len(weight), device=weight.device)
    x = probe.view(_PROBE_ROWS, -1).to(weight.dtype)
    with torch.no_grad():
        theirs, ours = module(x), _RmsNorm.apply(x, weight, epsilon)
    is_same = theirs.dtype == ours.dtype and torch.allclose(ours, theirs, rtol=_TOLERANCE)
    return float(epsilon) if is_same else None
