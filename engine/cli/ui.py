"""`backprop ui`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Annotated

import typer

from engine.errors import BackpropError

SERVER_MODULE = "backprop_ui.serve"
NEEDED = ("reflex", "uvicorn")


def ui(
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port the page listens on.")
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address the page listens on (loopback only).")
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")] = False,
) -> int:
    """Open the page in your browser."""
    missing = missing_packages(NEEDED)
    if missing:
        raise BackpropError(
            "DEP_NOT_INSTALLED",
            f"The page needs {' and '.join(missing)}, which is not installed.",
            hint="Install it with: pip install 'backprop-ui[ui]'",
        )
    argv = server_argv(sys.executable, port=port, host=host, no_open=no_open)
    if replaces_process(sys.platform):
        os.execv(sys.executable, argv)  # noqa: S606 - no shell is meant
    return _run_server(argv)


def missing_packages(names: tuple[str, ...]) -> list[str]:
    """Those that are not installed; looks without importing."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def server_argv(executable: str, *, port: int | None, host: str | None, no_open: bool) -> list[str]:
    """The command that serves the page; what is not given is left to the settings."""
    argv = [executable, "-m", SERVER_MODULE]
    if port is not None:
        argv += ["--port", str(port)]
    if host is not None:
        argv += ["--host", host]
    return [*argv, "--no-open"] if no_open else argv


def replaces_process(platform_name: str) -> bool:
    """On Windows exec starts a second process and the shell's prompt comes back at once."""
    return platform_name != "win32"


def _run_server(argv: list[str]) -> int:
    server = subprocess.Popen(argv)
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:
            # The server gets the same Ctrl-C and ends by itself.
            continue
