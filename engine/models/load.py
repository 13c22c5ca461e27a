"""Put a model and its tokenizer into memory. Loads torch: only child processes import this."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Literal, cast

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from engine.config import Precision
from engine.errors import BackpropError
from engine.models.folder import check_model_folder
from engine.models.resolve import ResolvedModel, unknown_on_hub
from engine.models.starter import gguf_folder

Device = Literal["cuda", "mps", "cpu"]
ExactPrecision = Literal["fp32", "bf16", "fp16"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_HUB_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
# The same weights a second time, in another layout.
_HUB_DUPLICATES = ["consolidated*", "original/*", "onnx/*"]
_LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError)


def model_folder(resolved: ResolvedModel) -> Path:
    """The local folder with the model: converted from GGUF, or fetched from the hub, if need be.

    Raises INPUT_MODEL_UNKNOWN when the hub does not have it or cannot be reached.
    """
    if resolved.source == "hub":
        return _fetched(str(resolved.hub_id))
    if resolved.path is None:
        raise ValueError(f"{resolved.source} without a path")
    return gguf_folder(resolved.path) if resolved.source == "gguf" else resolved.path


def load_tokenizer(resolved: ResolvedModel) -> PreTrainedTokenizerBase:
    """The model's tokenizer; it always has a padding token."""
    folder = model_folder(resolved)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=_may_run_code(resolved, folder)
        )
    except _LOAD_ERRORS as error:
        raise _load_failed(resolved, "its tokenizer", error) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return cast(PreTrainedTokenizerBase, tokenizer)


def load_model(
    resolved: ResolvedModel, precision: ExactPrecision, device: Device
) -> PreTrainedModel:
    """The base model on its device, in the given number format.

    Raises DEP_MODEL_LOAD_FAILED (also when the file lacks weights, which would be random
    numbers otherwise) and RUNTIME_GPU_OOM.
    """
    folder = model_folder(resolved)
    try:
        model, report = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=_DTYPES[precision],
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=_may_run_code(resolved, folder),
            output_loading_info=True,
        )
        _refuse_missing_weights(resolved, sorted(report["missing_keys"]))
        return cast(PreTrainedModel, model.to(device))
    except torch.OutOfMemoryError as error:
        raise BackpropError(
            "RUNTIME_GPU_OOM",
            f"{resolved.name} does not fit into the memory of the graphics card.",
            hint="Choose a smaller model, or close other programs that use the card.",
            cause=str(error),
        ) from error
    except _LOAD_ERRORS as error:
        raise _load_failed(resolved, "its weights", error) from error


def pick_device() -> Device:
    """The best device that torch can use here."""
    return choose_device(cuda=torch.cuda.is_available(), mps=torch.backends.mps.is_available())


def choose_device(*, cuda: bool, mps: bool) -> Device:
    if cuda:
        return "cuda"
    return "mps" if mps else "cpu"


def pick_precision(precision: Precision, device: Device) -> ExactPrecision:
    """The number format to compute in: what was asked for, or what is fastest and safe here.

    Raises INPUT_VALIDATION_FAILED for a format that the device cannot train in.
    """
    if device == "cuda":
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        bf16 = device == "cpu" and (precision != "auto" or cpu_prefers_bf16())
    return choose_precision(precision, device, bf16=bf16)


def choose_precision(precision: Precision, device: Device, *, bf16: bool) -> ExactPrecision:
    """The decision of `pick_precision`; `bf16` tells whether bfloat16 is worth using."""
    if precision == "auto":
        if bf16:
            return "bf16"
        return "fp16" if device == "cuda" else "fp32"
    if precision == "fp16" and device == "cpu":
        raise _wrong_precision(precision, "a CPU", "fp32 or bf16")
    if precision == "bf16" and not bf16:
        raise _wrong_precision(precision, f"this {device} device", "fp32 or fp16")
    return precision


@cache
def cpu_prefers_bf16() -> bool:
    """Does this CPU multiply bfloat16 matrices faster than float32 ones? (Measured: 50 ms.)

    Where it does, training in it was 1.5 times as fast as in fp32, at the same loss, because an
    adapted layer rounds once (engine.training.fused_lora).
    """
    return _matmul_seconds(torch.bfloat16) < _matmul_seconds(torch.float32)


def _matmul_seconds(dtype: torch.dtype) -> float:
    left, right = torch.ones(256, 1024, dtype=dtype), torch.ones(1024, 1024, dtype=dtype)
    torch.matmul(left, right)  # the first call sets up kernels
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        torch.matmul(left, right)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _fetched(hub_id: str) -> Path:
    try:
        folder = Path(
            snapshot_download(hub_id, allow_patterns=_HUB_FILES, ignore_patterns=_HUB_DUPLICATES)
        )
    except GatedRepoError as error:
        raise BackpropError(
            "INPUT_MODEL_UNKNOWN",
            f"{hub_id} may only be fetched after its licence was accepted.",
            hint="Accept the licence on the model's page on the hub, then set HF_TOKEN.",
            cause=str(error),
        ) from error
    except (
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        HfHubHTTPError,
        HFValidationError,
    ) as error:
        raise unknown_on_hub(hub_id, cause=str(error)) from error
    return folder


def _may_run_code(resolved: ResolvedModel, folder: Path) -> bool:
    """Checked at the last moment: a folder may have changed since it was resolved."""
    return check_model_folder(folder, resolved.trust_code_sha256)


def _refuse_missing_weights(resolved: ResolvedModel, missing: list[str]) -> None:
    if missing:
        raise BackpropError(
            "DEP_MODEL_LOAD_FAILED",
            f"The weights of {resolved.name} are not complete: {missing[0]} "
            f"and {len(missing) - 1} more are missing.",
            hint="Copy or download the model again.",
        )


def _load_failed(resolved: ResolvedModel, what: str, error: Exception) -> BackpropError:
    return BackpropError(
        "DEP_MODEL_LOAD_FAILED",
        f"{resolved.name} was found, but {what} could not be loaded.",
        hint="The files may be damaged, or newer than the installed transformers: "
        "copy or download the model again, or upgrade transformers.",
        cause=f"{type(error).__name__}: {error}",
    )


def _wrong_precision(precision: str, device: str, instead: str) -> BackpropError:
    return BackpropError(
        "INPUT_VALIDATION_FAILED",
        f"model.precision {precision} cannot be used for training on {device}.",
        hint=f"Use auto, or {instead}.",
    )
