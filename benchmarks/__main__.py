"""`make bench`: measure speed and size, print tables. Ratios within one run matter most.

python -m benchmarks [startup] [latency] [overhead] [data [--full]] [duplicates [--full]] [training]
"""

from __future__ import annotations

import sys

from benchmarks import data, duplicates, latency, overhead, startup, training

PARTS = {
    "startup": startup.measure,
    "latency": latency.measure,
    "overhead": overhead.measure,
    "data": data.measure,
    "duplicates": duplicates.measure,
    "training": training.measure,
}
FULL = "--full"
WITH_FULL = {"data": data.measure, "duplicates": duplicates.measure}


def main(names: list[str]) -> None:
    chosen = [name for name in names if name != FULL]
    for name in chosen or list(PARTS):
        if name in WITH_FULL:
            WITH_FULL[name](full=FULL in names)
        else:
            PARTS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
