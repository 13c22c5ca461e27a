"""The process that fetches a data set: `python -m engine.data.hub_child NAME_JSON FILE`.

The last line of stderr tells what went wrong. Data sets with code of their own are refused by
`datasets` itself.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from datasets import Dataset, load_dataset


def main(wanted: dict[str, str], target: Path) -> None:
    found = load_dataset(
        wanted["name"],
        wanted["config"] or None,
        split=wanted["split"],
        revision=wanted["revision"],
    )
    if not isinstance(found, Dataset):
        raise SystemExit("the split has no rows")
    partial = target.with_suffix(".partial")
    found.to_parquet(str(partial))
    partial.replace(target)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]))
