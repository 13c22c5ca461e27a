"""The border of the command line: errors become words and exit codes, secrets stay inside."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import typer

from engine.errors import BackpropError, Exit
from engine.security.redact import RedactingStream


def run_guarded(call: Callable[[], object], *, verbose: bool, help_command: str) -> int:
    """Run a command and return its exit code; whatever goes wrong is told on stderr."""
    with _safe_streams():
        try:
            result = call()
        except BackpropError as error:
            _show(error, verbose)
            return error.exit_code
        except typer.TyperException as error:
            _show(_as_usage_error(error, help_command), verbose)
            return Exit.INPUT
        except typer.Abort:
            return Exit.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the process boundary
            _show(_as_unexpected(error), verbose)
            return Exit.RUNTIME
    return result if isinstance(result, int) else Exit.OK


def _show(error: BackpropError, verbose: bool) -> None:
    if verbose:
        traceback.print_exc()
    print(error, file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


def _as_usage_error(error: typer.TyperException, help_command: str) -> BackpropError:
    return BackpropError(
        "INPUT_VALIDATION_FAILED",
        error.format_message().replace("Value error, ", ""),
        hint=f"{help_command} shows what can be given.",
    )


def _as_unexpected(error: Exception) -> BackpropError:
    return BackpropError(
        "RUNTIME_UNEXPECTED",
        f"{type(error).__name__}: {error}",
        hint="Add --verbose to see where it happened.",
    )


@contextmanager
def _safe_streams() -> Iterator[None]:
    """Consoles that cannot show a character show a substitute; stderr is redacted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    original = sys.stderr
    # RedactingStream has all that print, logging and traceback need of a text stream.
    redacting = RedactingStream(original)
    sys.stderr = cast("io.TextIOWrapper", redacting)
    try:
        yield
    finally:
        redacting.flush()
        sys.stderr = original
