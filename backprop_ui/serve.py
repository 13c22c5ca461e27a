"""The page's server: one process, one port, no Node.

    browser ── Gate ── Reflex's event socket, /api (ours), built pages

Everything that Reflex would like to write goes to a private folder in our home.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import os
import shutil
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from backprop_ui import build
from backprop_ui.gate import Gate, loopback_hosts
from engine import api
from engine.errors import BackpropError
from engine.home import home

_PORTS_TO_TRY = 50
# python-engineio imports these where they are installed, for a client that a server never
# starts; they cost 0.2 s and 15 MB.
_CLIENT_LIBRARIES = ("aiohttp", "requests")


class Server(uvicorn.Server):
    """uvicorn, which says where the page is once it answers."""

    def __init__(self, config: uvicorn.Config, address: str, open_browser: bool) -> None:
        super().__init__(config)
        self._address = address
        self._open_browser = open_browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"The page is at {self._address}  (Ctrl-C ends it; runs go on)", flush=True)
        if self._open_browser:
            threading.Thread(target=webbrowser.open, args=(self._address,), daemon=True).start()


def serve(host: str, port: int, *, open_browser: bool) -> None:
    """Serve until Ctrl-C.

    Raises INPUT_AUTH_REQUIRED for a host that others could reach, RUNTIME_PORT_IN_USE, and
    RUNTIME_UI_BUILD_FAILED.
    """
    refuse_other_hosts(host)
    listener = listen(host, port)
    with contextlib.closing(listener):
        manifest = build.ensure_built()
        actual_port = listener.getsockname()[1]
        app = Gate(_make_app(), loopback_hosts(actual_port), manifest.script_hashes)
        config = uvicorn.Config(
            app,
            log_level="warning",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=2,
        )
        with contextlib.suppress(KeyboardInterrupt):
            Server(config, f"http://localhost:{actual_port}", open_browser).run([listener])


def refuse_other_hosts(host: str) -> None:
    """Only this machine may reach the page while there is no sign-in."""
    if not _is_loopback(host):
        raise BackpropError(
            "INPUT_AUTH_REQUIRED",
            f"The page would be reachable by others at {host}, and it has no sign-in yet.",
            hint="Leave --host away: the page then answers at localhost only.",
        )


def listen(host: str, port: int) -> socket.socket:
    """Bind the port at once, so that nothing can take it while the server starts."""
    try:
        return _bind(host, port)
    except OSError as error:
        free = _next_free_port(host, port)
        hint = f"backprop ui --port {free}" if free else "Give another port with --port."
        raise BackpropError(
            "RUNTIME_PORT_IN_USE",
            f"Port {port} cannot be used: {error.strerror or error}.",
            hint=hint,
            cause=str(error),
            retryable=True,
        ) from error


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _bind(host: str, port: int) -> socket.socket:
    name = "127.0.0.1" if host == "localhost" else host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((name, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def _next_free_port(host: str, port: int) -> int | None:
    for candidate in range(port + 1, min(port + _PORTS_TO_TRY, 65536)):
        with contextlib.suppress(OSError), contextlib.closing(_bind(host, candidate)):
            return candidate
    return None


def _make_app() -> ASGIApp:
    """Reflex's app with our routes and the built pages behind its own."""
    _prepare_reflex()
    # Reflex reads the environment while it is imported, so it cannot stand at the top.
    with _without(_CLIENT_LIBRARIES):
        app = import_module("backprop_ui.backprop_ui").app
    routes = import_module("backprop_ui.routes")
    static = import_module("reflex.utils.precompressed_staticfiles")
    pages = static.PrecompressedStaticFiles(
        directory=build.STATIC, html=True, encodings=["gzip"], router=app.router
    )

    def add_ours(reflex_api: Starlette) -> Starlette:
        reflex_api.routes.append(Route("/healthz", routes.health))
        reflex_api.routes.append(Mount("/api", routes.make_routes()))
        reflex_api.routes.append(Mount("/", pages))
        return reflex_api

    app.api_transformer = add_ours
    return app()


@contextlib.contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """Let these packages look as if they were not installed, while others are imported."""
    hidden = [name for name in names if name not in sys.modules]
    # None is the import system's own mark for "cannot be imported"; the stubs know only modules.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _prepare_reflex() -> None:
    """Private folders, no telemetry, no compiling: everything is built already."""
    private = home() / "ui-server"
    private.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copytree(build.BACKEND, private / "web" / "backend", dirs_exist_ok=True)
    os.environ.update(
        {
            "REFLEX_ENV_MODE": "prod",
            "REFLEX_BACKEND_ONLY": "true",
            "__REFLEX_SKIP_COMPILE": "true",
            "REFLEX_TELEMETRY_ENABLED": "false",
            "REFLEX_CHECK_LATEST_VERSION": "false",
            "REFLEX_WEB_WORKDIR": str(private / "web"),
            "REFLEX_STATES_WORKDIR": str(private / "states"),
            "REFLEX_UPLOADED_FILES_DIR": str(private / "uploads"),
            "REFLEX_DIR": str(private / "reflex"),
        }
    )
    # `rxconfig` is imported by its bare name, whatever the current folder is.
    root = str(Path(build.CHECKOUT))
    if root not in sys.path:
        sys.path.insert(0, root)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="backprop ui", description="Serve the page.")
    parser.add_argument("--host", help="loopback address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on; 0 takes a free one")
    parser.add_argument("--no-open", action="store_true", help="do not open the browser")
    given = parser.parse_args(argv)
    try:
        ui = api.settings().ui
        host = ui.host if given.host is None else given.host
        port = ui.port if given.port is None else given.port
        serve(host, port, open_browser=not given.no_open)
    except BackpropError as error:
        print(f"{error}\n{error.hint}".rstrip(), file=sys.stderr)
        return int(error.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
