"""`make bench`: measure speed and size, print tables. Ratios within one run matter most.

python -m benchmarks [startup] [overhead]
"""

from __future__ import annotations

import sys

from benchmarks import overhead, startup

PARTS = {"startup": startup.measure, "overhead": overhead.measure}


def main(names: list[str]) -> None:
    for name in names or list(PARTS):
        PARTS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
