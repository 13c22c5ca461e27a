"""The report with a model's tokenizer: `python -m engine.data.report_child REQUEST`.

A process of its own, because the tokenizer's library loads torch. REQUEST is JSON; the answer is
one line of JSON on stdout: the report, or {"error": …}.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from engine.data.report import make_report
from engine.errors import BackpropError
from engine.models.load import load_tokenizer
from engine.models.resolve import resolve


def main(request: str) -> int:
    # Libraries print to stdout too, and the answer must stand there alone.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    given = json.loads(request)
    try:
        report = make_report(
            Path(given["path"]),
            given["layout"],
            load_tokenizer(resolve(given["model"])),
            given["max_length"],
            Path(given["against"]) if given["against"] else None,
            given["near_threshold"],
        )
    except BackpropError as error:
        told = {"code": error.code, "message": error.message, "hint": error.hint}
        print(json.dumps({"error": told}), file=answer, flush=True)
        return error.exit_code
    print(report.to_json(), file=answer, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
