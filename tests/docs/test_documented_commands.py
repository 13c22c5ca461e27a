"""Every command in the README and the handbook is run, or says why it cannot be run here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.commands import COMMANDS
from engine.cli.entry import load_command
from tests.docs.blocks import NEEDS, SHELLS, Block, Command, blocks
from tests.docs.workshop import Workshop

SHELL_BLOCKS = blocks(*SHELLS)
PYTHON_BLOCKS = [block for block in blocks("python") if not block.need]


def _needs_a_run(block: Block) -> bool:
    return any("RUN" in command.words for command in block.commands)


RUNNABLE = [block for block in SHELL_BLOCKS if not block.need]
QUICK = [block for block in RUNNABLE if not _needs_a_run(block)]
WITH_RUNS = [block for block in RUNNABLE if _needs_a_run(block)]
OURS = [
    pytest.param(command, id=f"{block} {command.words[0]}")
    for block in SHELL_BLOCKS
    for command in block.commands
    if command.is_ours
]


@pytest.fixture
def quick(tmp_path: Path) -> Workshop:
    """A workshop of its own, for commands that touch no run."""
    return Workshop.open(tmp_path / "work", tiny_model=Path())


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workshop")


@pytest.fixture(scope="module")
def shared_workshop(shared_folder: Path, tiny_model: Path) -> Workshop:
    return Workshop.open(shared_folder / "work", tiny_model)


@pytest.fixture
def workshop(
    shared_workshop: Workshop, shared_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workshop]:
    """One home for all blocks that need a run, so that one training serves many."""
    monkeypatch.setenv("BACKPROPAGATE_HOME", str(shared_folder / "home"))
    yield shared_workshop
    shared_workshop.close()


def test_blocks_are_found() -> None:
    assert QUICK
    assert WITH_RUNS
    assert PYTHON_BLOCKS


@pytest.mark.parametrize("block", SHELL_BLOCKS, ids=str)
def test_a_block_runs_or_says_why_not(block: Block) -> None:
    assert block.commands
    if block.need:
        assert block.need in NEEDS
    else:
        assert all(command.is_ours for command in block.commands)


@pytest.mark.parametrize("command", OURS)
def test_commands_and_flags_exist(command: Command) -> None:
    typed = " ".join(command.words) + " "
    entry = next(entry for entry in COMMANDS if typed.startswith(entry.name + " "))
    known = {name for parameter in load_command(entry).params for name in parameter.opts}
    used = {word.partition("=")[0] for word in command.words if word.startswith("-")}
    assert used <= known | {"--help", "--verbose"}


@pytest.mark.parametrize("block", QUICK, ids=str)
def test_quick_block(block: Block, quick: Workshop) -> None:
    for command in block.commands:
        done = quick.run(command)
        assert done.returncode == 0, done.stderr


@pytest.mark.train
@pytest.mark.parametrize("block", WITH_RUNS, ids=str)
def test_block_about_a_run(block: Block, workshop: Workshop) -> None:
    for command in block.commands:
        done = workshop.run(command)
        assert done.returncode == 0, done.stderr


@pytest.mark.train
@pytest.mark.parametrize("block", PYTHON_BLOCKS, ids=str)
def test_python_block(block: Block, workshop: Workshop) -> None:
    workshop.completed()
    done = workshop.run_python(block.text)
    assert done.returncode == 0, done.stderr
