"""The export child: `python -m engine.export --run-id ID --run-dir DIR --attempt N`."""

from __future__ import annotations

import sys

from engine.export.adapter import export_adapter
from engine.runs.child import run_child

if __name__ == "__main__":
    sys.exit(run_child(export_adapter))
