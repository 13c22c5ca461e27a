"""Put the fused parts of a plan into a model, where the model allows them."""

from __future__ import annotations

import logging

from peft import PeftModel
from transformers import PreTrainedModel

from engine.training.attention import EACH_EXAMPLE, register, why_not_each_example
from engine.training.fused_lora import fuse_lora
from engine.training.fused_loss import add_fused_loss, why_not_fused
from engine.training.fused_norm import fuse_norms
from engine.training.plan import DevicePlan

logger = logging.getLogger(__name__)


def use_attention(model: PreTrainedModel, plan: DevicePlan) -> None:
    """Set the attention of the plan, before the trainer wraps the model."""
    if plan.attention == EACH_EXAMPLE:
        reason = why_not_each_example(model.config)
        if reason:
            logger.info("attention over the joined row with a mask: %s", reason)
            return
        register()
    if plan.attention:
        model.set_attn_implementation(plan.attention)


def use_fused_parts(model: PeftModel, plan: DevicePlan) -> bool:
    """Fuse the adapter's layers, the norms and the loss. Returns whether the loss is fused.

    To be called after the trainer has wrapped the model, whose forward it extends.
    """
    if plan.fused_lora:
        fused = fuse_lora(model)
        logger.info("%d adapted layers are computed in one product each", len(fused))
        if fused:
            _leave_the_file(model)
    if plan.fused_norms:
        logger.info("%d norms keep their input only", len(fuse_norms(model)))
    base = model.get_base_model()
    reason = why_not_fused(base) if plan.fused_loss else "it is not planned on this device"
    if reason:
        logger.info("the loss is TRL's: %s", reason)
        return False
    add_fused_loss(base)
    return True


def _leave_the_file(model: PeftModel) -> None:
    """Copy what still lies in the file of weights, which stays in memory while any part is used.

    The fused layers have moved out of it, and they are most of it.
    """
    for parameter in model.parameters():
        if not parameter.requires_grad and parameter.is_contiguous():
            parameter.data = parameter.data.clone()
