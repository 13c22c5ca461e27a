"""What goes over plain HTTP beside Reflex: health, curves, events, logs, uploads."""

from __future__ import annotations

import json
from pathlib import PurePath

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from starlette.requests import ClientDisconnect

from backprop_ui import uploads
from backprop_ui.wording import event_words
from engine import api
from engine.errors import BackpropError, Exit

_BATCH = 1000
_STATUS_OF_CODE = {"INPUT_RUN_NOT_FOUND": 404, "STATE_RUN_BUSY": 409, "RUNTIME_DISK_FULL": 507}


def make_routes() -> FastAPI:
    """The app that is mounted at `/api`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/runs/{run_id}/curve", read_curve, methods=["GET"])
    app.add_api_route("/runs/{run_id}/events", read_events, methods=["GET"])
    app.add_api_route("/runs/{run_id}/log", read_log, methods=["GET"])
    app.add_api_route("/upload", upload, methods=["POST"])
    app.add_exception_handler(BackpropError, _tell)
    return app


def health(_request: Request) -> Response:
    """Bare on purpose: it tells nothing but that the server answers."""
    return PlainTextResponse("ok")


def read_curve(run_id: str) -> Response:
    """The loss curve: {revision, steps, losses, evals}; losses to five significant digits."""
    curve = api.curve(api.get_run(run_id).id)
    return _compact(
        {
            "revision": curve.revision,
            "steps": curve.steps,
            "losses": [float(f"{loss:.5g}") for loss in curve.losses],
            "evals": [(step, float(f"{loss:.5g}")) for step, loss in curve.evals],
        }
    )


def read_events(run_id: str, after: int = Query(0, ge=0)) -> Response:
    """What happened, in words, without the single steps: {events, last}."""
    run_id = api.get_run(run_id).id
    found, last = [], after
    while batch := api.events(run_id, last, _BATCH):
        for stored in batch:
            words = event_words(stored.event)
            if words is not None:
                found.append(
                    {"seq": stored.seq, "at": stored.at, "text": words.text, "tone": words.tone}
                )
        last = batch[-1].seq
    return _compact({"events": found, "last": last})


def read_log(
    run_id: str, lines: int = Query(200, ge=1, le=10_000), download: bool = False
) -> Response:
    """The end of the run's log as text, or the whole file to keep."""
    run = api.get_run(run_id)
    if download and run.log_path.is_file():
        return FileResponse(run.log_path, media_type="text/plain", filename=f"{run.id}.log")
    return PlainTextResponse(api.log_tail(run.id, lines))


async def upload(request: Request, name: str = Query(min_length=1, max_length=1000)) -> Response:
    """Take the body as a file. Returns {token, name, path}."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > uploads.LIMIT_BYTES:
        raise uploads.too_large(uploads.LIMIT_BYTES)
    try:
        token = await uploads.store(name, request.stream())
    except ClientDisconnect:
        return Response(status_code=499)
    path = uploads.path_of(token)
    return _compact({"token": token, "name": PurePath(name).name, "path": str(path)})


def _tell(_request: Request, error: Exception) -> Response:
    if not isinstance(error, BackpropError):
        raise error
    by_exit = 400 if error.exit_code == Exit.INPUT else 500
    status = _STATUS_OF_CODE.get(error.code, by_exit)
    body = {"code": error.code, "message": error.message, "hint": error.hint}
    return JSONResponse(body, status)


def _compact(value: dict[str, object]) -> Response:
    return Response(json.dumps(value, separators=(",", ":")), media_type="application/json")
