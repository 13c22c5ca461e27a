"""What this machine and this installation are, told without loading torch."""

from __future__ import annotations

import importlib.util
import platform
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import psutil
import pynvml

from engine.governor.telemetry import nvml_is_there, read_machine
from engine.home import home
from engine.user_config import config_path

DISTRIBUTION = "backprop-ui"

OPTIONAL_PARTS: dict[str, tuple[str, ...]] = {
    "train": ("torch", "transformers", "peft", "trl", "datasets", "accelerate"),
    "ui": ("reflex", "uvicorn", "fastapi", "pyjwt", "cryptography"),
    "export": ("gguf",),
    "tracking": ("tensorboard",),
}


@dataclass(frozen=True)
class TorchBuild:
    """The installed torch. `cuda` and `hip` are empty where the build has none."""

    version: str
    cuda: str
    hip: str

    @property
    def is_cpu_only(self) -> bool:
        return not self.cuda and not self.hip


@dataclass(frozen=True)
class Gpu:
    """One card that the driver shows."""

    name: str
    memory_bytes: int


@dataclass(frozen=True)
class OptionalPart:
    """An extra of our distribution and the packages it needs (version, or None if absent)."""

    name: str
    packages: tuple[tuple[str, str | None], ...]

    @property
    def is_complete(self) -> bool:
        return all(version for _, version in self.packages)


@dataclass(frozen=True)
class SystemInfo:
    """All that `backprop info` prints."""

    version: str
    python: str
    executable: str
    system: str
    processor: str
    cores: int
    memory_bytes: int
    torch: TorchBuild | None
    driver: str
    gpus: tuple[Gpu, ...]
    home: Path
    config: Path
    run_store: Path
    parts: tuple[OptionalPart, ...]
    warning: str
    warning_command: tuple[str, ...]


def collect() -> SystemInfo:
    """Look at everything once; takes milliseconds."""
    torch = torch_build()
    driver = _driver_version()
    is_warned = is_mismatched(driver, torch)
    return SystemInfo(
        version=_version_of(DISTRIBUTION) or "from a checkout",
        python=platform.python_version(),
        executable=sys.executable,
        system=platform.platform(),
        processor=platform.processor() or platform.machine(),
        cores=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        torch=torch,
        driver=driver,
        gpus=tuple(Gpu(gpu.name, gpu.memory_total_bytes) for gpu in read_machine().gpus),
        home=home(),
        config=config_path(),
        run_store=home() / "runs.db",
        parts=tuple(_part(name) for name in OPTIONAL_PARTS),
        warning=_CPU_ONLY_WARNING if is_warned else "",
        warning_command=cuda_torch_command(sys.platform, sys.executable) if is_warned else (),
    )


def is_mismatched(driver: str, torch: TorchBuild | None) -> bool:
    """A driver is there, and a torch that cannot use the GPU behind it."""
    return bool(driver) and torch is not None and torch.is_cpu_only


_CPU_ONLY_WARNING = (
    "An NVIDIA driver is there, but this torch computes on the CPU only: training would not "
    "use the GPU."
)


def cuda_torch_command(platform_name: str, executable: str) -> tuple[str, ...]:
    """The command that puts torch's CUDA build in the place of its CPU build.

    Linux wheels of torch bring CUDA; for Windows they do not, and uv knows where the right
    build lies (`pip install uv` first).
    """
    if platform_name == "win32":
        return ("uv", "pip", "install", "--reinstall", "--torch-backend=auto", "torch")
    return (executable, "-m", "pip", "install", "--force-reinstall", "torch")


@lru_cache(maxsize=1)
def torch_build() -> TorchBuild | None:
    """The installed torch's build, read from its `version.py` alone; None without torch."""
    package = importlib.util.find_spec("torch")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).with_name("version.py")
    spec = importlib.util.spec_from_file_location("_torch_version", path)
    if spec is None or spec.loader is None or not path.is_file():
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    told = vars(module)
    return TorchBuild(
        version=str(told.get("__version__", "")),
        cuda=str(told.get("cuda") or ""),
        hip=str(told.get("hip") or ""),
    )


def _driver_version() -> str:
    return str(pynvml.nvmlSystemGetDriverVersion()) if nvml_is_there() else ""


def _part(name: str) -> OptionalPart:
    packages = OPTIONAL_PARTS[name]
    return OptionalPart(name, tuple((package, _version_of(package)) for package in packages))


def _version_of(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
