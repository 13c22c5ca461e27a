"""Which model a run takes when nobody names one."""

from __future__ import annotations

from functools import lru_cache

from engine.governor.telemetry import read_machine

LARGE_MODEL = "Qwen/Qwen2.5-7B-Instruct"
SMALL_MODEL = "starter"
LARGE_MODEL_NEEDS_BYTES = 20 * 10**9
"""GPU memory from which the 7B model is the default.

7.6 billion weights in bf16 take 15.2 GB, the adapter with its gradients and Adam state 0.6 GB,
the logits and activations of two examples of 1,024 tokens about 3 GB, CUDA itself about 1 GB.
A card sold as 16 GB does not hold that; one of 20 or 24 GB does.
"""


def pick_default_model(gpu_memory_bytes: tuple[int, ...]) -> str:
    """The 7B model where one GPU holds it, the starter where none does."""
    largest = max(gpu_memory_bytes, default=0)
    return LARGE_MODEL if largest >= LARGE_MODEL_NEEDS_BYTES else SMALL_MODEL


@lru_cache(maxsize=1)
def default_model() -> str:
    """The default model of this machine; asked once a process."""
    return pick_default_model(tuple(gpu.memory_total_bytes for gpu in read_machine().gpus))
