"""Data files that come through the page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from backprop_ui import uploads
from engine.errors import BackpropError
from tests.ui.conftest import Served


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("chats.jsonl", "chats.jsonl"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/etc/shadow", "shadow"),
        ("My data (final).jsonl", "My_data_final_.jsonl"),
        ("..", "data"),
        ("", "data"),
        (".bashrc", "bashrc"),
        ("a\x00b\nc.jsonl", "a_b_c.jsonl"),
        ("<script>.jsonl", "script_.jsonl"),
        ("Gespräche.jsonl", "Gespräche.jsonl"),
        ("会話.jsonl", "会話.jsonl"),
        ("trailing. . .", "trailing"),
        ("n" * 300 + ".jsonl", "n" * 74 + ".jsonl"),
        ("x." + "e" * 300, "x." + "e" * 10),
    ],
)
def test_names_become_plain_ones(given: str, stored: str) -> None:
    assert uploads.clean_name(given) == stored


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def stored(name: str, parts: AsyncIterator[bytes], limit_bytes: int = uploads.LIMIT_BYTES) -> str:
    """Store an upload in a loop of its own: the browser tests keep one in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, uploads.store(name, parts, limit_bytes)).result()


def test_an_upload_lies_in_the_page_folder() -> None:
    token = stored("../chats.jsonl", chunks(b"one\n", b"two\n"))
    path = uploads.path_of(token)
    assert path.parent == uploads.uploads_dir()
    assert path.read_bytes() == b"one\ntwo\n"
    assert [entry.name for entry in path.parent.iterdir()] == [token]


def test_the_same_name_twice_is_two_files() -> None:
    first = stored("a.jsonl", chunks(b"1"))
    second = stored("a.jsonl", chunks(b"2"))
    assert first != second
    assert uploads.path_of(first).read_bytes() == b"1"


@pytest.mark.parametrize(("parts", "words"), [((b"123", b"456"), "larger"), ((), "empty")])
def test_nothing_of_a_refused_upload_stays(parts: tuple[bytes, ...], words: str) -> None:
    with pytest.raises(BackpropError, match=words):
        stored("a.jsonl", chunks(*parts), limit_bytes=5)
    assert list(uploads.uploads_dir().iterdir()) == []


def test_nothing_of_an_upload_that_broke_off_stays() -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError("gone")

    with pytest.raises(BackpropError, match="cannot be stored"):
        stored("a.jsonl", breaking())
    assert list(uploads.uploads_dir().iterdir()) == []


@pytest.mark.parametrize("token", ["", "..", "../runs.db", "0a1b2c3d-none.jsonl", "/etc/passwd"])
def test_a_token_is_a_name_of_an_upload_and_nothing_else(token: str) -> None:
    with pytest.raises(BackpropError, match="not there"):
        uploads.path_of(token)


def test_an_upload_over_http(served: Served) -> None:
    body = b'{"text": "hello"}\n' * 5000
    answer = httpx.post(f"{served.address}/api/upload?name=big%20one.jsonl", content=body)
    assert answer.status_code == 200
    path = Path(answer.json()["path"])
    assert path.parent == served.home / "ui-outputs" / "uploads"
    assert path.read_bytes() == body


def test_a_declared_size_beyond_the_limit_is_refused_at_once(served: Served) -> None:
    connection = HTTPConnection("127.0.0.1", served.port)
    connection.putrequest("POST", "/api/upload?name=a")
    connection.putheader("content-length", str(uploads.LIMIT_BYTES + 1))
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    assert answer.status == 400
    assert "larger than 4 GB" in body


def test_uploads_are_never_served_back(served: Served) -> None:
    answer = httpx.post(f"{served.address}/api/upload?name=secret.html", content=b"<h1>x</h1>")
    token = answer.json()["token"]
    for folder in ("uploads", "_upload", "api/upload", "api/uploads", "ui-outputs/uploads"):
        assert httpx.get(f"{served.address}/{folder}/{token}").status_code == 404
    assert httpx.post(f"{served.address}/_upload").status_code in (404, 405)
