from __future__ import annotations

import subprocess
import sys

import pytest

from engine.training.allocator import settings_for


def test_only_glibc_knows_the_options() -> None:
    assert settings_for("glibc") == {-4: 0, -1: 2**31 - 1}
    assert settings_for("") == settings_for("musl") == {}


@pytest.mark.parametrize("calls", [1, 2])
def test_process_goes_on_after_it_was_told(calls: int) -> None:
    program = "from engine.training.allocator import keep_freed_memory as keep\n"
    program += "keep()\n" * calls + "print(len(bytearray(50_000_000)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "50000000\n")
