"""Processes that outlive their parent, and telling whether one still lives."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil

from engine.runs.records import ProcessId

# psutil rounds to clock ticks; two processes with one pid cannot start this close together.
SAME_START_SECONDS = 0.5


def identify(process: psutil.Process) -> ProcessId:
    """The pid with a start time that a change of the system clock does not move."""
    started = process.create_time()
    if sys.platform == "linux":
        started -= psutil.boot_time()
    return ProcessId(process.pid, started)


def this_process() -> ProcessId:
    return identify(psutil.Process())


def is_alive(wanted: ProcessId | None) -> bool:
    """Whether exactly this process (not a later one with its number) is running."""
    return _find(wanted) is not None


def kill_tree(wanted: ProcessId | None) -> None:
    """End a process and everything it started, at once."""
    process = _find(wanted)
    if process is None:
        return
    for member in [*_children(process), process]:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue


def detached_options(platform: str) -> dict[str, Any]:
    """What Popen needs on this platform so that the process survives its parent's terminal."""
    if platform == "win32":
        detached, new_group, no_window = 0x00000008, 0x00000200, 0x08000000
        return {"creationflags": detached | new_group | no_window}
    return {"start_new_session": True}


def start_detached(module: str, *arguments: str, log: Path) -> ProcessId:
    """Start `python -m module` on its own; its output goes to the end of `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | {"PYTHONPATH": python_path()},
            **detached_options(sys.platform),
        )
    # Collect the exit status when it ends: a long-lived parent must not gather zombies.
    threading.Thread(target=process.wait, daemon=True).start()
    return identify(psutil.Process(process.pid))


def python_path() -> str:
    """PYTHONPATH under which a child finds this very `engine`, wherever it is started."""
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(part for part in (here, os.environ.get("PYTHONPATH", "")) if part)


def _find(wanted: ProcessId | None) -> psutil.Process | None:
    if wanted is None:
        return None
    try:
        process = psutil.Process(wanted.pid)
        same = abs(identify(process).created_at - wanted.created_at) < SAME_START_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
