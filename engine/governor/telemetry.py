"""Readings of the machine: processor and memory through psutil, NVIDIA GPUs through NVML."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache

import psutil
import pynvml


@dataclass(frozen=True)
class GpuReading:
    """One GPU. None where the card does not tell."""

    name: str
    memory_used_bytes: int
    memory_total_bytes: int
    utilisation_percent: float | None
    temperature_celsius: float | None
    power_watts: float | None


@dataclass(frozen=True)
class Reading:
    """The machine at one moment (`at` in Unix seconds)."""

    at: float
    cpu_percent: float
    memory_used_bytes: int
    memory_total_bytes: int
    gpus: tuple[GpuReading, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Reading:
        data = json.loads(text)
        gpus = tuple(GpuReading(**gpu) for gpu in data.pop("gpus"))
        return cls(**data, gpus=gpus)


class _Processor:
    """The share of all cores in use since the last question (at first: since the import)."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def percent(self) -> float:
        now = psutil.cpu_times()
        passed = sum(now) - sum(self._before)
        idle = now.idle - self._before.idle
        self._before = now
        return 0.0 if passed <= 0 else min(100.0, max(0.0, 100 * (1 - idle / passed)))


_processor = _Processor()


def read_machine() -> Reading:
    """Take a reading now. `cpu_percent` is the share since this process's previous reading."""
    memory = psutil.virtual_memory()
    return Reading(
        at=time.time(),
        cpu_percent=_processor.percent(),
        memory_used_bytes=memory.total - memory.available,
        memory_total_bytes=memory.total,
        gpus=_read_gpus(),
    )


@lru_cache(maxsize=1)
def nvml_is_there() -> bool:
    """Whether an NVIDIA driver answers; asked once a process."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    return True


def _read_gpus() -> tuple[GpuReading, ...]:
    if not nvml_is_there():
        return ()
    return tuple(_read_gpu(index) for index in range(pynvml.nvmlDeviceGetCount()))


def _read_gpu(index: int) -> GpuReading:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return GpuReading(
        name=str(pynvml.nvmlDeviceGetName(handle)),
        memory_used_bytes=int(memory.used),
        memory_total_bytes=int(memory.total),
        utilisation_percent=_told(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
        temperature_celsius=_told(
            lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
        ),
        power_watts=_told(lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000),
    )


def _told(ask: Callable[[], float]) -> float | None:
    """Cards leave out what they do not measure; that is an error in NVML, a gap for us."""
    try:
        return float(ask())
    except pynvml.NVMLError:
        return None
