"""The worker's child process: `python -m engine.worker --idle-seconds 300`.

It takes one request a line and answers each with one line. It ends when it was idle for long
enough, and at once, whatever it is doing, when its parent is gone.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import threading
import traceback
from typing import IO

from engine.errors import BackpropError, Exit
from engine.worker.jobs import do
from engine.worker.protocol import error_reply

PARENT_GONE = 3


def main() -> int:
    # Libraries print to stdout; the replies must stay clean.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle-seconds", type=float, required=True)
    idle_seconds = parser.parse_args().idle_seconds
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin, requests), daemon=True).start()
    while True:
        try:
            line = requests.get(timeout=idle_seconds)
        except queue.Empty:
            return Exit.OK
        replies.write(_reply(line) + "\n")
        replies.flush()


def _listen(stdin: IO[str], requests: queue.Queue[str]) -> None:
    for line in stdin:
        requests.put(line)
    os._exit(PARENT_GONE)


def _reply(line: str) -> str:
    asked = json.loads(line)
    try:
        return f'{{"result": {do(asked["job"], asked["request"])}}}'
    except BackpropError as error:
        return error_reply(error)
    except Exception as error:  # noqa: BLE001 - the process boundary
        traceback.print_exc()
        cause = f"{type(error).__name__}: {error}"
        return error_reply(BackpropError("RUNTIME_UNEXPECTED", cause, cause=cause))


if __name__ == "__main__":
    sys.exit(main())
