"""The export child: `python -m engine.export --run-id ID --run-dir DIR --attempt N`."""

from __future__ import annotations

import sys

from engine.export.adapter import export_adapter
from engine.logs import start_logging
from engine.runs.child import run_child
from engine.settings import load_settings

if __name__ == "__main__":
    start_logging(load_settings())
    sys.exit(run_child(export_adapter))
