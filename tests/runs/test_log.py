from __future__ import annotations

from pathlib import Path

from engine.runs.log import CUT, CappedLog, LogFollower, read_log


def test_a_small_log_is_kept_whole(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "log.txt")
    log.write(b"one\n")
    CappedLog(tmp_path / "log.txt").write(b"two\n")
    assert read_log(tmp_path / "log.txt") == "one\ntwo\n"


def test_a_flood_keeps_head_and_tail_within_the_limit(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "log.txt", limit_bytes=4000)
    for number in range(10_000):
        log.write(f"line {number}\n".encode())
    text = read_log(tmp_path / "log.txt")
    assert text.startswith("line 0\n")
    assert CUT in text
    assert text.endswith("line 9999\n")
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 4100


def test_no_log_yet_reads_as_empty(tmp_path: Path) -> None:
    assert read_log(tmp_path / "log.txt") == ""


def test_a_follower_misses_nothing_across_the_turns_of_the_tail(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "log.txt", limit_bytes=4000)
    follower = LogFollower(tmp_path / "log.txt")
    lines = [f"line {number}\n" for number in range(1000)]
    heard = follower.read_new()
    for start in range(0, len(lines), 50):
        for line in lines[start : start + 50]:
            log.write(line.encode())
        heard += follower.read_new()
    assert heard == "".join(lines)
