"""What goes over the pipes between a process and its worker: one JSON object a line.

to the worker      {"job": "preflight", "request": {…}}
from the worker    {"result": {…}}   or   {"error": {"code": …, "message": …, …}}
"""

from __future__ import annotations

import json

from engine.errors import BackpropError


def error_reply(error: BackpropError) -> str:
    described = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "cause": error.cause,
        "retryable": error.retryable,
    }
    return json.dumps({"error": described})


def result_of(line: str) -> object:
    """The result of a reply, still unchecked. Raises the error that the worker told."""
    reply = json.loads(line)
    if "error" in reply:
        described = reply["error"]
        raise BackpropError(described.pop("code"), described.pop("message"), **described)
    result: object = reply["result"]
    return result
