"""`make bench`: measure speed and size, print tables. Ratios within one run matter most.

python -m benchmarks [startup] [overhead] [data [--full]] [training]
"""

from __future__ import annotations

import sys

from benchmarks import data, overhead, startup, training

PARTS = {
    "startup": startup.measure,
    "overhead": overhead.measure,
    "data": data.measure,
    "training": training.measure,
}
FULL = "--full"


def main(names: list[str]) -> None:
    chosen = [name for name in names if name != FULL]
    for name in chosen or list(PARTS):
        if name == "data":
            data.measure(full=FULL in names)
        else:
            PARTS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
