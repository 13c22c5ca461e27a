from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import BackpropError
from engine.training.checkpoints import (
    MANIFEST,
    find_resumable,
    outdated,
    protect,
    prune,
    save_checkpoint,
    steps_in,
    verify,
)


def save(run_dir: Path, step: int) -> Path:
    return save_checkpoint(run_dir, step, write_weights).path


def write_weights(folder: Path) -> None:
    (folder / "weights").write_bytes(b"0123456789")


def test_saved_checkpoint_verifies(tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path, 20, write_weights)
    assert saved.path == tmp_path / "checkpoints" / "step-000020"
    assert verify(saved.path) == saved
    manifest = json.loads((saved.path / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["step"] == 20
    assert manifest["files"]["weights"]["bytes"] == 10
    assert manifest["versions"].keys() == {"torch", "transformers", "peft", "trl"}


def test_failed_save_leaves_the_earlier_checkpoint(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write_weights(folder)
        raise OSError("the disk broke")

    path = save(tmp_path, 20)
    for step in (20, 30):
        with pytest.raises(OSError, match="broke"):
            save_checkpoint(tmp_path, step, fail)
    assert list((tmp_path / "checkpoints").iterdir()) == [path]
    assert verify(path)


def change(path: Path) -> None:
    (path / "weights").write_bytes(b"0123456780")


def remove(path: Path) -> None:
    (path / "weights").unlink()


def remove_manifest(path: Path) -> None:
    (path / MANIFEST).unlink()


def cut_manifest(path: Path) -> None:
    text = (path / MANIFEST).read_text(encoding="utf-8")
    (path / MANIFEST).write_text(text[:40], encoding="utf-8")


def write_newer_format(path: Path) -> None:
    text = (path / MANIFEST).read_text(encoding="utf-8")
    (path / MANIFEST).write_text(text.replace('"format": 1', '"format": 2'), encoding="utf-8")


def name_a_file_outside(path: Path) -> None:
    text = (path / MANIFEST).read_text(encoding="utf-8")
    (path / MANIFEST).write_text(text.replace('"weights"', '"../weights"'), encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [change, remove, remove_manifest, cut_manifest, write_newer_format, name_a_file_outside],
)
def test_damaged_checkpoint_is_set_aside(damage, tmp_path: Path) -> None:
    older, newer = save(tmp_path, 20), save(tmp_path, 30)
    damage(newer)
    with pytest.raises(BackpropError) as raised:
        verify(newer)
    assert raised.value.code == "STATE_CHECKPOINT_INVALID"

    found = find_resumable(tmp_path)
    assert found.checkpoint is not None
    assert found.checkpoint.path == older
    assert "step-000030" in found.problems[0]
    assert list(steps_in(tmp_path)) == [20]
    assert newer.with_name("step-000030.damaged").is_dir()


def test_same_step_damaged_twice_keeps_both(tmp_path: Path) -> None:
    for _ in range(2):
        change(save(tmp_path, 30))
        assert find_resumable(tmp_path).checkpoint is None
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["step-000030.damaged", "step-000030.damaged-2"]


def test_leftovers_of_an_interrupted_save_are_removed(tmp_path: Path) -> None:
    path = save(tmp_path, 20)
    leftover = path.with_name("step-000030.partial")
    leftover.mkdir()
    write_weights(leftover)
    assert find_resumable(tmp_path).problems == ()
    assert list((tmp_path / "checkpoints").iterdir()) == [path]


def test_run_without_checkpoints(tmp_path: Path) -> None:
    assert find_resumable(tmp_path).checkpoint is None


def test_the_newest_the_best_and_protected_ones_stay(tmp_path: Path) -> None:
    for step in range(10, 80, 10):
        save(tmp_path, step)
    protect(steps_in(tmp_path)[20])
    prune(tmp_path, keep=2, best_step=30)
    assert list(steps_in(tmp_path)) == [20, 30, 60, 70]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 4


@pytest.mark.parametrize(
    ("keep", "spare", "expected"),
    [(1, set(), [1, 2]), (2, {1}, []), (5, set(), []), (1, {None}, [1, 2])],
)
def test_outdated(keep: int, spare: set[int | None], expected: list[int]) -> None:
    assert outdated([3, 1, 2], keep=keep, spare=spare) == expected
