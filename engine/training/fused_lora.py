"""A linear layer and its LoRA adapter as one matrix product.

PEFT computes `x Wᵀ`, rounds it to the base's number format, and adds the adapter's small part,
which rounds again: in bfloat16 a part below half a unit in the last place is lost. Here both are
one product that rounds once (`r` more columns on either side):

    y = [x | x Aᵀ] · [W | s B]ᵀ

The columns of `s B` stand beside the base's weight in one block of memory, of which the base's
own weight becomes a view, so that joining them costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn

ADAPTER = "default"


class _LinearWithAdapter(torch.autograd.Function):  # type: ignore[misc]  # untyped
    """Shapes: x [rows, in], weight [out, in], a [r, in], b [out, r], joined [out, in + r].

    `joined` is `weight` with `b` times `scaling` beside it. The weight is frozen.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, a: Tensor, b: Tensor, scaling: float, joined: Tensor
    ) -> Tensor:
        low = x @ a.to(x.dtype).T
        ctx.save_for_backward(x, weight, a, b, low)
        ctx.scaling = scaling
        return torch.cat((x, low), dim=1) @ joined.T

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, a, b, low = ctx.saved_tensors
        (gradient,) = upstream
        low_gradient = (gradient @ b.to(x.dtype)).mul_(ctx.scaling)
        a_gradient = (low_gradient.T @ x).to(a.dtype)
        b_gradient = (gradient.T @ low).to(b.dtype).mul_(ctx.scaling)
        x_gradient = None
        if ctx.needs_input_grad[0]:
            x_gradient = (gradient @ weight).addmm_(low_gradient, a.to(x.dtype))
        return x_gradient, None, a_gradient, b_gradient, None, None


class FusedLinear:
    """Stands in for the forward of one of PEFT's layers, until `undo`."""

    def __init__(self, layer: LoraLinear) -> None:
        self._layer = layer
        self._base: nn.Linear = layer.base_layer
        self._original = layer.forward
        self._scaling = float(layer.scaling[ADAPTER])
        weight, rank = self._base.weight, layer.r[ADAPTER]
        self._joined = weight.new_empty(weight.shape[0], weight.shape[1] + rank)
        self._b_columns = self._joined[:, weight.shape[1] :]
        self._joined[:, : weight.shape[1]] = weight.data
        # In place of the old memory, so that the base is not there twice.
        weight.data = self._joined[:, : weight.shape[1]]
        layer.forward = self

    def __call__(self, x: Tensor, *args: Any, **words: Any) -> Tensor:
        layer, weight = self._layer, self._base.weight
        if layer.disable_adapters or layer.merged or x.dtype != weight.dtype:
            return self._original(x, *args, **words)
        a, b = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
        with torch.no_grad():
            torch.mul(b, self._scaling, out=self._b_columns)
        rows = x.reshape(-1, x.shape[-1])
        y = _LinearWithAdapter.apply(rows, weight, a, b, self._scaling, self._joined)
        return y.view(*x.shape[:-1], -1)

    def undo(self) -> None:
        """Give the layer its own forward and the base its own memory back."""
        del self._layer.forward
        self._base.weight.data = self._base.weight.data.contiguous()


def fuse_lora(model: nn.Module) -> list[FusedLinear]:
    """Fuse every layer of `model` that can be; the others stay PEFT's own."""
    return [FusedLinear(layer) for layer in _lora_layers(model) if can_fuse(layer)]


def unfuse_lora(fused: Iterable[FusedLinear]) -> None:
    for layer in fused:
        layer.undo()


def can_fuse(layer: LoraLinear) -> bool:
    """Is this one plain adapter on a plain, frozen linear layer?

    Not for dropout (which changes what the adapter sees), a bias, variants such as DoRA, several
    adapters, or quantised weights.
    """
    base = layer.base_layer
    # A subclass computes something else: quantised layers are subclasses of the plain ones.
    if type(layer) is not LoraLinear or type(base) is not nn.Linear:
        return False
    plain = not layer.lora_variant and not layer.lora_bias.get(ADAPTER, False)
    alone = list(layer.lora_A) == [ADAPTER] == layer.active_adapters
    keeps_all = isinstance(layer.lora_dropout[ADAPTER], nn.Identity)
    frozen = base.bias is None and not base.weight.requires_grad
    return bool(plain and alone and keeps_all and frozen and base.weight.is_floating_point())


def _lora_layers(model: nn.Module) -> Iterator[LoraLinear]:
    return (module for module in model.modules() if isinstance(module, LoraLinear))
