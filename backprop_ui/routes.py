"""What goes over plain HTTP beside Reflex: health, curves, events, logs, uploads."""

from __future__ import annotations

import json

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from starlette.requests import ClientDisconnect

from backprop_ui import uploads
from backprop_ui.wording import event_words
from engine import api
from engine.errors import BackpropError, Exit

_BATCH = 1000
_STATUS_OF_CODE = {
    "INPUT_RUN_NOT_FOUND": 404, "STATE_RUN_BUSY": 409, "STATE_UPLOAD_ELSEWHERE": 409,
    "RUNTIME_DISK_FULL": 507,
}  # fmt: skip


def make_routes() -> FastAPI:
    """The app that is mounted at `/api`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/runs/{run_id}/curve", read_curve, methods=["GET"])
    app.add_api_route("/runs/{run_id}/events", read_events, methods=["GET"])
    app.add_api_route("/runs/{run_id}/log", read_log, methods=["GET"])
    app.add_api_route("/upload", begin_upload, methods=["POST"])
    app.add_api_route("/upload/{upload_id}", append_upload, methods=["PATCH"])
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


def begin_upload(
    name: str = Query(min_length=1, max_length=1000),
    size: int = Query(ge=0),
    modified: str = Query("", max_length=40),
) -> Response:
    """Where to go on with a file. Returns {id, received, token, path}."""
    return _upload(uploads.begin(name, size, modified))


async def append_upload(
    request: Request,
    upload_id: str,
    offset: int = Query(ge=0),
    size: int = Query(gt=0),
) -> Response:
    """Take the body as the next part of a file. The last part brings the token and the path."""
    try:
        return _upload(await uploads.append(upload_id, offset, size, request.stream()))
    except ClientDisconnect:
        return Response(status_code=499)


def _upload(upload: uploads.Upload) -> Response:
    path = str(uploads.path_of(upload.token)) if upload.token else ""
    return _compact(
        {
            "id": upload.id,
            "received": upload.received_bytes,
            "token": upload.token,
            "path": path,
        }
    )


def _tell(_request: Request, error: Exception) -> Response:
    if not isinstance(error, BackpropError):
        raise error
    by_exit = 400 if error.exit_code == Exit.INPUT else 500
    status = _STATUS_OF_CODE.get(error.code, by_exit)
    body = {"code": error.code, "message": error.message, "hint": error.hint}
    return JSONResponse(body, status)


def _compact(value: dict[str, object]) -> Response:
    return Response(json.dumps(value, separators=(",", ":")), media_type="application/json")
