"""A supervisor around a child that follows a few lines of script, as a process to kill.

    python -m tests.runs.scripted STORE RUN_ID SCRIPT

The script is Python with `say(event)` and `wait_for(command)`; it stands in for hours of
training, not for any part of ours: pipe, commands, supervisor and store are the real ones.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine.runs.processes import python_path
from engine.runs.records import Run
from engine.runs.store import Store
from engine.runs.supervisor import Supervisor

PRELUDE = """
import os, sys, time
from engine.runs.child import Channel
from engine.runs.events import *
channel = Channel.take_stdio()
say = channel.emit
def step(n): say(Step(n, 100, n / 100, 4.0 - n / 100, 1e-4, 0.5, n * 10, 5.0, 1.0))
"""


def scripted_child(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": python_path(), "PATH": ""},
    )


def supervise(store: Store, run: Run, script: str) -> Run:
    """Claim the run, supervise the scripted child to its end, and give the run as it is then."""
    assert store.claim(run.id)
    Supervisor(store, store.get(run.id), scripted_child(script)).supervise()
    return store.get(run.id)


if __name__ == "__main__":
    store = Store(Path(sys.argv[1]))
    supervise(store, store.get(sys.argv[2]), sys.argv[3])
