"""The door of the page's server: who may ask, decided before anything is routed.

A web page from elsewhere that is open in the same browser can reach `localhost` too. Three
checks keep it out: the Host must be a loopback name (against DNS rebinding), an Origin must be
this very page (against cross-site sockets and requests), and what the browser itself marks as
cross-site may only be a plain visit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({"", "same-origin", "none"})
_SCHEMES = {"ws": "http", "wss": "https"}
_WORDS = {
    400: b"The request names no host, or more than one.",
    403: b"This page answers only itself: the request came from another site.",
    421: b"This server answers only to localhost.",
}


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let in."""

    status: int


def loopback_hosts(port: int) -> frozenset[str]:
    """The Host values that mean this server when it listens on `port`."""
    names = ("localhost", "127.0.0.1", "[::1]")
    return frozenset({f"{name}:{port}" for name in names} | (set(names) if port == 80 else set()))


def judge(scope: Scope, hosts: frozenset[str]) -> Refusal | None:
    """Decide on one HTTP request or WebSocket handshake; None lets it in."""
    host = _header(scope, b"host")
    if len(host) != 1:
        return Refusal(400)
    if host[0].lower() not in hosts:
        return Refusal(421)
    scheme = _SCHEMES.get(scope["scheme"], scope["scheme"])
    own_origin = f"{scheme}://{host[0].lower()}"
    if any(origin.lower() != own_origin for origin in _header(scope, b"origin")):
        return Refusal(403)
    if set(_header(scope, b"sec-fetch-site")) <= _OWN_SITE or _is_visit(scope):
        return None
    return Refusal(403)


def _is_visit(scope: Scope) -> bool:
    """A link from elsewhere that opens the page in a tab: it reads nothing back."""
    return (
        scope["type"] == "http"
        and scope["method"] in _SAFE_METHODS
        and _header(scope, b"sec-fetch-mode") == ["navigate"]
        and _header(scope, b"sec-fetch-dest") == ["document"]
    )


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def security_headers(script_hashes: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """Headers for every answer. Styles may stand inline because Reflex's components set them."""
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {' '.join(script_hashes)}".rstrip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
    return [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    ]


class Gate:
    """ASGI app around the whole server."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], script_hashes: Iterable[str]) -> None:
        self._app = app
        self._hosts = hosts
        self._headers = security_headers(script_hashes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = judge(scope, self._hosts)
        if refusal is not None:
            await self._refuse(refusal, scope, receive, send)
            return
        await self._app(scope, receive, self._adding_headers(scope, send))

    def _adding_headers(self, scope: Scope, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message["headers"] if not _is_cors(pair[0])]
                cache = _cache_control(scope["path"], message["status"])
                message = {**message, "headers": [*kept, *self._headers, cache]}
            await send(message)

        return send_with_headers

    async def _refuse(self, refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            # Closing before accepting makes the server answer the handshake with 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        words = _WORDS[refusal.status]
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(words)).encode()),
            (b"connection", b"close"),
            *self._headers,
        ]
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": words})


def _is_cors(name: bytes) -> bool:
    return name.lower().startswith(b"access-control-")


def _cache_control(path: str, status: int) -> tuple[bytes, bytes]:
    """Files with a hash in their name never change; everything else is asked for again."""
    never_changes = path.startswith("/assets/") and status == 200
    return (b"cache-control", b"max-age=31536000, immutable" if never_changes else b"no-cache")
