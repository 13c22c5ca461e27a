"""`config` and `info`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from engine import info
from engine.home import home
from tests.cli.conftest import Backprop


def test_config_shows_values_and_where_they_come_from(
    backprop: Backprop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPROPAGATE_LORA__R", "8")
    told = json.loads(backprop("config", "--json").stdout)
    assert told["lora.r"] == {
        "value": 8, "from": "environment", "variable": "BACKPROPAGATE_LORA__R",
    }  # fmt: skip
    assert told["training.learning_rate"]["from"] == "default"
    shown = backprop("config", "--show").stdout
    assert "BACKPROPAGATE_TRAINING__LEARNING_RATE" in shown


def test_config_sets_unsets_and_resets(backprop: Backprop) -> None:
    assert backprop("config", "--set", "lora.r=4", "--set", "training.seed=7").exit_code == 0
    kept = json.loads((home() / "config.json").read_text())
    assert kept == {"lora": {"r": 4}, "training": {"seed": 7}}
    backprop("config", "--unset", "lora.r")
    assert json.loads((home() / "config.json").read_text()) == {"training": {"seed": 7}}
    backprop("config", "--reset")
    assert not (home() / "config.json").exists()


def test_config_refuses_a_wrong_value(backprop: Backprop) -> None:
    result = backprop("config", "--set", "lora.r=none")
    assert result.exit_code == 1
    assert result.stderr.startswith("[CONFIG_INVALID]: lora.r: ")


def test_reset_mends_a_broken_file(backprop: Backprop) -> None:
    home().mkdir(parents=True)
    (home() / "config.json").write_text("{")
    assert backprop("config", "--show").stderr.startswith("[CONFIG_INVALID]")
    backprop("config", "--reset")
    assert backprop("config", "--show").exit_code == 0


def test_info_prints_what_the_machine_is(backprop: Backprop) -> None:
    told = backprop("info").stdout
    for name in ("backprop", "Python", "torch", "GPU", "driver", "OS", str(home()), "[train]"):
        assert name in told
    found = json.loads(backprop("info", "--json").stdout)
    assert found["home"] == str(home())
    assert found["python"] == ".".join(str(part) for part in sys.version_info[:3])


def test_info_reads_torchs_version_without_loading_it() -> None:
    program = (
        "import sys\nfrom engine.info import collect\n"
        "print(collect().torch.version, 'torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    build = info.torch_build()
    assert build is not None
    assert told.stdout.split() == [build.version, "False"]


@pytest.mark.parametrize(
    ("driver", "torch", "is_warned"),
    [
        ("580.1", info.TorchBuild("2.13.0+cpu", "", ""), True),
        ("580.1", info.TorchBuild("2.13.0", "13.0", ""), False),
        ("580.1", None, False),
        ("", info.TorchBuild("2.13.0+cpu", "", ""), False),
    ],
)
def test_a_driver_with_a_cpu_only_torch_is_a_warning(
    driver: str, torch: info.TorchBuild | None, is_warned: bool
) -> None:
    assert info.is_mismatched(driver, torch) is is_warned


@pytest.mark.parametrize(
    ("platform", "first"), [("linux", "python"), ("darwin", "python"), ("win32", "uv")]
)
def test_the_command_that_mends_it(platform: str, first: str) -> None:
    command = info.cuda_torch_command(platform, "python")
    assert command[0] == first
    assert command[-1] == "torch"
