"""`backprop info`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from engine.cli import wording
from engine.cli.console import print_json
from engine.info import OptionalPart, SystemInfo, TorchBuild, collect


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show versions, GPU, paths and optional parts."""
    found = collect()
    if as_json:
        print_json({**asdict(found), **_paths(found)})
        return
    for name, value in _lines(found):
        print(f"{name:<12} {value}")
    if found.warning:
        print(f"\nwarning: {found.warning}")
        print(f"Mend it: {' '.join(found.warning_command)}")


def _lines(found: SystemInfo) -> list[tuple[str, str]]:
    gpus = ", ".join(f"{gpu.name} ({wording.size(gpu.memory_bytes)})" for gpu in found.gpus)
    return [
        ("backprop", found.version),
        ("Python", f"{found.python} ({found.executable})"),
        ("OS", found.system),
        ("CPU", f"{found.processor}, {found.cores} cores"),
        ("memory", wording.size(found.memory_bytes)),
        ("torch", _torch_words(found.torch)),
        ("GPU", gpus or "none"),
        ("driver", found.driver or "none"),
        *_paths(found).items(),
        *((f"[{part.name}]", _part_words(part)) for part in found.parts),
    ]


def _paths(found: SystemInfo) -> dict[str, str]:
    return {
        "home": str(found.home),
        "config": str(found.config),
        "run_store": str(found.run_store),
    }


def _torch_words(torch: TorchBuild | None) -> str:
    if torch is None:
        return "not installed"
    if torch.cuda:
        return f"{torch.version}, CUDA {torch.cuda}"
    return f"{torch.version}, ROCm {torch.hip}" if torch.hip else f"{torch.version}, CPU only"


def _part_words(part: OptionalPart) -> str:
    installed = [f"{name} {version}" for name, version in part.packages if version]
    missing = [name for name, version in part.packages if not version]
    words = ", ".join(installed)
    if not missing:
        return words
    absent = f"missing: {', '.join(missing)} (pip install 'backprop-ui[{part.name}]')"
    return f"{words}; {absent}" if words else absent
