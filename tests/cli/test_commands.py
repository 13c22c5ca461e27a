"""The table of commands agrees with the commands, and the names people know are kept."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

from engine.cli.commands import COMMANDS, GROUPS, CommandEntry, GroupEntry
from engine.cli.entry import load_command
from tests.cli.conftest import Backprop

KEPT = {
    "train": ["--data", "--model", "--steps", "--resume", "--batch-size", "--lr", "--lora-r",
              "--output", "--epochs", "--max-length", "--name", "--seed", "--detach", "--json"],
    "export": ["--format", "--checkpoint", "--output"],
    "ui": ["--port", "--host", "--no-open"],
    "info": ["--json"],
    "config": ["--show", "--set", "--reset"],
    "list-runs": ["--status", "--limit", "--json"],
    "list": ["--status", "--limit", "--json"],
    "show-run": ["--json"],
    "resume": ["--json"],
    "logs": ["--follow"],
    "stop": [],
    "pause": [],
    "delete": [],
    "setup": [],
}  # fmt: skip


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_help_in_the_table_is_the_docstrings_first_line(entry: CommandEntry) -> None:
    function = getattr(importlib.import_module(f"engine.cli.{entry.module}"), entry.function)
    assert (inspect.getdoc(function) or "").splitlines()[0] == entry.help


@pytest.mark.parametrize(("name", "flags"), KEPT.items())
def test_names_from_the_older_tools_are_kept(name: str, flags: list[str]) -> None:
    entry = next(entry for entry in COMMANDS if entry.name == name)
    options = {option for parameter in load_command(entry).params for option in parameter.opts}
    assert set(flags) <= options


@pytest.mark.parametrize("group", ["", *(group.name for group in GROUPS)])
def test_help_lists_every_shown_command(backprop: Backprop, group: str) -> None:
    result = backprop(*group.split(), "--help")
    assert result.exit_code == 0
    for entry in COMMANDS:
        if entry.group == group:
            assert (f" {entry.name.split()[-1]} " in result.stdout) is not entry.hidden


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_a_group_alone_prints_its_help(backprop: Backprop, group: GroupEntry) -> None:
    assert f" {group.name} " in backprop("--help").stdout
    alone = backprop(group.name)
    assert alone.exit_code == 0
    assert group.help in alone.stdout


def test_an_error_names_the_help_of_the_command_in_the_group(backprop: Backprop) -> None:
    assert "backprop data report --help" in backprop("data", "report", "--nonsense").stderr
    assert "backprop data --help" in backprop("data", "nonsense").stderr


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_has_help(backprop: Backprop, entry: CommandEntry) -> None:
    result = backprop(*entry.name.split(), "--help")
    assert result.exit_code == 0
    assert entry.help in result.stdout


def test_no_command_prints_the_help(backprop: Backprop) -> None:
    assert backprop().exit_code == 0
    assert "list-runs" in backprop().stdout


def test_version(backprop: Backprop) -> None:
    assert backprop("--version").stdout.strip().count(".") >= 1


def test_the_help_imports_no_command_and_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from engine.cli import main\n"
        "sys.argv = ['backprop', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    heavy = ['torch', 'pydantic_settings', 'engine.api', 'engine.cli.train', 'psutil']\n"
        "    print('LOADED', [name for name in heavy if name in sys.modules])\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert "LOADED []" in told.stdout
