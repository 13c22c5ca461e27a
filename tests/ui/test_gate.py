"""Who is let in: the decision itself, and a real server that makes it."""

from __future__ import annotations

import httpx
import pytest
import websockets
from starlette.types import Scope
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from backprop_ui.gate import Refusal, judge, loopback_hosts, security_headers
from tests.ui.conftest import Served

HOSTS = loopback_hosts(7862)
OWN = {"host": "localhost:7862"}


def request(kind: str = "http", method: str = "GET", **headers: str) -> Scope:
    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scheme = "ws" if kind == "websocket" else "http"
    return {"type": kind, "scheme": scheme, "method": method, "path": "/", "headers": pairs}


@pytest.mark.parametrize(
    "host", ["localhost:7862", "127.0.0.1:7862", "[::1]:7862", "LOCALHOST:7862"]
)
def test_loopback_names_are_let_in(host: str) -> None:
    assert judge(request(host=host), HOSTS) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7862",
        "localhost",
        "localhost:80",
        "localhost.evil.example:7862",
        "127.0.0.1.nip.io:7862",
        "0.0.0.0:7862",
        "",
    ],
)
def test_other_names_are_misdirected(host: str) -> None:
    assert judge(request(host=host), HOSTS) == Refusal(421)


def test_a_request_must_name_one_host() -> None:
    assert judge(request(), HOSTS) == Refusal(400)
    twice = request(**OWN)
    twice["headers"] *= 2
    assert judge(twice, HOSTS) == Refusal(400)


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://evil.example",
        "https://localhost:7862",
        "http://localhost:7863",
        "http://localhost",
        "http://127.0.0.1:7862",
        "file://",
        "",
    ],
)
def test_an_origin_must_be_this_page(kind: str, origin: str) -> None:
    assert judge(request(kind, origin=origin, **OWN), HOSTS) == Refusal(403)


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_its_own_origin_is_let_in(method: str) -> None:
    assert judge(request("http", method, origin="http://localhost:7862", **OWN), HOSTS) is None
    assert judge(request("websocket", origin="http://localhost:7862", **OWN), HOSTS) is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_browser_marks_as_foreign_is_refused(site: str, method: str) -> None:
    assert judge(request("http", method, sec_fetch_site=site, **OWN), HOSTS) == Refusal(403)


def test_a_link_from_elsewhere_may_open_the_page_but_not_post_or_frame_it() -> None:
    visit = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert judge(request(sec_fetch_dest="document", **visit, **OWN), HOSTS) is None
    posted = request("http", "POST", sec_fetch_dest="document", **visit, **OWN)
    assert judge(posted, HOSTS) == Refusal(403)
    assert judge(request(sec_fetch_dest="iframe", **visit, **OWN), HOSTS) == Refusal(403)


def test_scripts_come_from_the_page_or_are_known_by_their_hash() -> None:
    policy = dict(security_headers(["'sha256-abc='"]))[b"content-security-policy"].decode()
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts == "script-src 'self' 'sha256-abc='"
    assert "frame-ancestors 'none'" in policy


def test_the_server_answers_only_to_its_own_name(served: Served) -> None:
    answer = httpx.get(f"{served.address}/", headers={"host": "evil.example"})
    assert answer.status_code == 421


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/api/upload?name=a", "/_event/?EIO=4&transport=polling"])
@pytest.mark.parametrize("origin", ["null", "http://evil.example"])
def test_the_server_refuses_foreign_origins_everywhere(
    served: Served, method: str, path: str, origin: str
) -> None:
    answer = httpx.request(method, f"{served.address}{path}", headers={"origin": origin})
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_answers_carry_security_headers_and_none_of_cors(served: Served) -> None:
    answer = httpx.get(f"{served.address}/", headers={"origin": served.address})
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "'unsafe-eval'" not in answer.headers["content-security-policy"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://127.0.0.1:1"])
def test_the_event_socket_is_refused_before_it_opens(served: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, _socket(served, origin):
        pass
    assert refused.value.response.status_code == 403


def test_the_event_socket_opens_for_the_page_itself(served: Served) -> None:
    with _socket(served, served.address) as socket:
        assert str(socket.recv(timeout=10)).startswith("0{")


def _socket(served: Served, origin: str) -> websockets.sync.client.ClientConnection:
    address = f"ws://{served.host}/_event/?EIO=4&transport=websocket&token=test"
    return connect(address, additional_headers={"origin": origin}, proxy=None)
