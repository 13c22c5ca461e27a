from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from engine.errors import BackpropError
from engine.runs.events import (
    CheckpointSaved,
    Evaluated,
    Finished,
    RunStarted,
    Step,
    WarningRaised,
)
from engine.runs.records import ProcessId
from engine.runs.store import Store
from tests.runs.conftest import MakeRun


def a_step(number: int, loss: float) -> Step:
    return Step(number, 10, number / 10, loss, 1e-4, 0.5, number * 100, 50.0, 3.0)


def test_a_run_goes_through_its_life(store: Store, make_run: MakeRun) -> None:
    run = make_run()
    assert (run.status, run.attempt) == ("queued", 0)
    assert store.claim(run.id)
    assert not store.claim(run.id), "a run can be claimed once"
    store.append(run.id, [(1.0, RunStarted(run.id, 1)), (2.0, a_step(1, 3.5))])
    running = store.get(run.id)
    assert (running.status, running.attempt, running.step, running.loss) == ("running", 1, 1, 3.5)
    finished = Finished("completed", "/adapter", steps=1, loss=3.5)
    store.append(run.id, [(3.0, finished)])
    assert store.end(run.id, "completed")
    assert not store.end(run.id, "failed"), "the first end stands"
    assert store.get(run.id).status == "completed"
    assert store.get(run.id).result == finished


def test_only_one_of_many_processes_claims_a_run(store: Store, make_run: MakeRun) -> None:
    run = make_run()
    wins: list[bool] = []

    def claim() -> None:
        own = Store(store.path)
        wins.append(own.claim(run.id))
        own.close()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == [False] * 7 + [True]


def test_only_one_resume_wins(store: Store, make_run: MakeRun) -> None:
    run = make_run()
    store.claim(run.id)
    store.end(run.id, "failed")
    assert store.requeue(run.id).status == "queued"
    with pytest.raises(BackpropError, match="queued: cannot resume") as caught:
        store.requeue(run.id)
    assert caught.value.code == "STATE_RUN_BUSY"


def test_a_resumed_curve_has_each_step_once(store: Store, make_run: MakeRun) -> None:
    run = make_run()
    first = [a_step(n, 4.0 - n / 10) for n in range(1, 7)]
    events = [RunStarted(run.id, 1), *first[:3], Evaluated(3, 3.6, True)]
    events += [CheckpointSaved(3, "c", "00"), *first[3:5], Evaluated(5, 3.4, True)]
    events += [RunStarted(run.id, 2, resumed_from_step=3), *first[3:], Evaluated(6, 3.2, True)]
    store.append(run.id, [(float(n), event) for n, event in enumerate(events)])
    curve = store.curve(run.id)
    assert curve.steps == [1, 2, 3, 4, 5, 6]
    assert curve.losses == [step.loss for step in first]
    assert curve.evals == [(3, 3.6), (6, 3.2)]
    assert curve.revision == 2


def test_events_are_read_on_from_a_place(store: Store, make_run: MakeRun) -> None:
    run, other = make_run(), make_run("20260101-000000-bbbb")
    for n in range(5):
        store.append(run.id, [(float(n), WarningRaised(str(n)))])
        store.append(other.id, [(float(n), WarningRaised("other"))])
    first = store.events(run.id, limit=2)
    rest = store.events(run.id, after_seq=first[-1].seq)
    assert [e.event.message for e in first + rest if isinstance(e.event, WarningRaised)] == list(
        "01234"
    )


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("20260101-000000-a", "20260101-000000-aaaa"),
        ("20260101-000000-ab", None),
        ("2026", None),
        ("%", None),
        ("", None),
        ("_0260101", None),
    ],
)
def test_a_prefix_finds_its_run_or_nothing(
    store: Store, make_run: MakeRun, prefix: str, found: str | None
) -> None:
    make_run("20260101-000000-aaaa")
    make_run("20260101-000000-bbbb")
    if found:
        assert store.find(prefix).id == found
    else:
        with pytest.raises(BackpropError) as caught:
            store.find(prefix)
        assert caught.value.code == "INPUT_RUN_NOT_FOUND"


def test_commands_reach_the_supervisor_once_and_stop_wins(store: Store, make_run: MakeRun) -> None:
    run = make_run()
    with pytest.raises(BackpropError, match="queued: cannot pause"):
        store.request(run.id, "pause")
    store.claim(run.id)
    store.request(run.id, "stop")
    store.request(run.id, "pause")
    assert store.beat(run.id) == "stop"
    assert store.beat(run.id) is None


def test_stopping_a_queued_run_ends_it(store: Store, make_run: MakeRun) -> None:
    run = make_run()
    assert store.request(run.id, "stop").status == "stopped"
    assert not store.claim(run.id)


def test_a_live_run_cannot_be_deleted(store: Store, make_run: MakeRun) -> None:
    run = make_run()
    store.append(run.id, [(0.0, WarningRaised("kept"))])
    with pytest.raises(BackpropError, match="cannot delete"):
        store.delete(run.id)
    assert len(store.events(run.id)) == 1
    store.request(run.id, "stop")
    store.delete(run.id)
    assert store.events(run.id) == []


def test_a_heartbeat_saves_a_run_from_being_called_interrupted(
    store: Store, make_run: MakeRun
) -> None:
    run = make_run()
    store.claim(run.id)
    seen = store.get(run.id)
    store.beat(run.id)
    assert not store.interrupt(seen), "it showed itself after we looked"
    assert store.interrupt(store.get(run.id))
    assert store.get(run.id).status == "interrupted"


def test_the_dispatcher_leaves_only_an_empty_queue(store: Store, make_run: MakeRun) -> None:
    me, other = ProcessId(1, 1.0), ProcessId(2, 2.0)
    run = make_run()
    assert store.take_dispatch(me, gone=None)
    assert not store.take_dispatch(other, gone=None)
    assert not store.leave_dispatch(me)
    store.claim(run.id)
    assert store.leave_dispatch(me)
    assert store.take_dispatch(other, gone=None)
    assert store.take_dispatch(me, gone=other), "a dispatcher that died is replaced"


def test_a_damaged_store_is_moved_aside_with_its_name_told(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(BackpropError, match=r"moved to .*runs\.db\.corrupt-") as caught:
        Store(path)
    assert caught.value.code == "STATE_STORE_CORRUPT"
    (aside,) = tmp_path.glob("runs.db.corrupt-*")
    assert aside.read_bytes().startswith(b"this is no database")
    assert Store(path).count() == 0


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    Store(path).close()
    connection = sqlite3.connect(path)
    connection.execute("pragma user_version = 99")
    connection.close()
    with pytest.raises(BackpropError) as caught:
        Store(path)
    assert caught.value.code == "STATE_STORE_NEWER"
    assert path.exists()


@pytest.mark.parametrize("attempt", range(10))
def test_many_can_open_a_new_store_at_once(tmp_path: Path, attempt: int) -> None:
    path = tmp_path / f"runs{attempt}.db"
    failures: list[Exception] = []

    def open_it() -> None:
        try:
            Store(path).close()
        except BackpropError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
