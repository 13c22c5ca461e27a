"""The dispatcher: one process a store that starts queued runs in their order, then ends.

python -m engine.runs.queue STORE
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from engine.governor.policy import reason_to_wait
from engine.runs.history import write_history
from engine.runs.processes import is_alive, kill_tree, start_detached, this_process
from engine.runs.records import Run
from engine.runs.store import Store

POLL_SECONDS = 0.25
HEARTBEAT_GRACE_SECONDS = 10.0


def ensure_dispatcher(store: Store) -> None:
    """Start the dispatcher when runs are queued and none is at work."""
    if store.count(status="queued") and not is_alive(store.dispatcher()):
        start_detached("engine.runs.queue", str(store.path), log=_log(store))


def reap(store: Store) -> list[Run]:
    """Mark runs whose supervisor is gone as interrupted; returns them."""
    lost = [run for run in store.with_status("running", "paused") if _is_lost(run)]
    interrupted = [run for run in lost if store.interrupt(run)]
    for run in interrupted:
        kill_tree(run.child)
        write_history(store, run.output_dir)
    return interrupted


def dispatch(store: Store) -> None:
    """Start queued runs until the queue is empty. Returns at once when another does it."""
    me = this_process()
    present = store.dispatcher()
    if is_alive(present) or not store.take_dispatch(me, gone=present):
        return
    while not store.leave_dispatch(me):
        reap(store)
        start_admissible(store)
        time.sleep(POLL_SECONDS)


def start_admissible(store: Store) -> None:
    """Start every queued run that may start now; say of the others why they wait."""
    for run in store.with_status("queued"):
        running = [other.kind for other in store.with_status("running", "paused")]
        reason = reason_to_wait(run.kind, _max_parallel(run), running)
        if reason:
            store.set_reason(run.id, reason)
        elif store.claim(run.id):
            supervisor = start_detached(
                "engine.runs.supervisor", str(store.path), run.id, log=_log(store)
            )
            store.set_supervisor(run.id, supervisor)


def _max_parallel(run: Run) -> int:
    return int(json.loads(run.config_json)["limits"]["max_parallel"])


def _is_lost(run: Run) -> bool:
    """A run just claimed has no supervisor yet; its heartbeat speaks for it a while."""
    if run.supervisor is not None:
        return not is_alive(run.supervisor)
    return time.time() - (run.heartbeat_at or 0) > HEARTBEAT_GRACE_SECONDS


def _log(store: Store) -> Path:
    return store.path.parent / "logs" / "supervisors.txt"


if __name__ == "__main__":
    dispatch(Store(Path(sys.argv[1])))
