"""Data files that come through the page."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
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


def appended(upload_id: str, offset: int, size: int, parts: AsyncIterator[bytes]) -> uploads.Upload:
    """Append in a loop of its own: the browser tests keep one in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, uploads.append(upload_id, offset, size, parts)).result()


def send(name: str, *parts: bytes) -> uploads.Upload:
    """A whole file, one request a part."""
    size = sum(map(len, parts))
    upload = uploads.begin(name, size, "1")
    for part in parts:
        upload = appended(upload.id, upload.received_bytes, size, chunks(part))
    return upload


def test_an_upload_lies_in_the_page_folder() -> None:
    path = uploads.path_of(send("../chats.jsonl", b"one\n", b"two\n").token)
    assert path.parent == uploads.uploads_dir()
    assert path.read_bytes() == b"one\ntwo\n"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_same_name_twice_is_two_files() -> None:
    first, second = send("a.jsonl", b"1"), send("a.jsonl", b"2")
    assert first.token != second.token
    assert uploads.path_of(first.token).read_bytes() == b"1"


def test_an_empty_or_too_large_file_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROPAGATE_UI__MAX_UPLOAD_GB", "0.000001")
    with pytest.raises(BackpropError, match="empty"):
        uploads.begin("a.jsonl", 0, "1")
    with pytest.raises(BackpropError, match="larger"):
        uploads.begin("a.jsonl", 2000, "1")


def test_nothing_stays_of_a_file_that_is_larger_than_announced() -> None:
    upload = uploads.begin("a.jsonl", 3, "1")
    with pytest.raises(BackpropError, match="larger"):
        appended(upload.id, 0, 3, chunks(b"12", b"34"))
    assert list(uploads.uploads_dir().iterdir()) == []


def test_an_upload_that_broke_off_goes_on_where_it_was() -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError("gone")

    upload = uploads.begin("a.jsonl", 8, "1")
    with pytest.raises(BackpropError, match="cannot be stored"):
        appended(upload.id, 0, 8, breaking())
    again = uploads.begin("a.jsonl", 8, "1")
    assert (again.id, again.received_bytes) == (upload.id, 4)
    assert uploads.begin("a.jsonl", 8, "2").received_bytes == 0
    with pytest.raises(BackpropError, match="cannot go on at 0"):
        appended(upload.id, 0, 8, chunks(b"half"))
    done = appended(upload.id, 4, 8, chunks(b" end"))
    assert uploads.path_of(done.token).read_bytes() == b"half end"


def test_parts_that_nobody_went_on_with_are_removed() -> None:
    upload = uploads.begin("old.jsonl", 8, "1")
    appended(upload.id, 0, 8, chunks(b"half"))
    (part,) = uploads.uploads_dir().iterdir()
    os.utime(part, (0, 0))
    uploads.begin("new.jsonl", 8, "1")
    assert not part.exists()


@pytest.mark.parametrize("token", ["", "..", "../runs.db", "0a1b2c3d-none.jsonl", "/etc/passwd"])
def test_a_token_is_a_name_of_an_upload_and_nothing_else(token: str) -> None:
    with pytest.raises(BackpropError, match="not there"):
        uploads.path_of(token)


def over_http(served: Served, name: str, body: bytes) -> dict[str, str]:
    about = {"name": name, "size": str(len(body))}
    begun = httpx.post(f"{served.address}/api/upload", params=about).json()
    where = f"{served.address}/api/upload/{begun['id']}"
    answer = httpx.patch(where, params={"offset": 0, "size": len(body)}, content=body)
    assert answer.status_code == 200
    return answer.json()


def test_an_upload_over_http(served: Served) -> None:
    body = b'{"text": "hello"}\n' * 5000
    stored = Path(over_http(served, "big one.jsonl", body)["path"])
    assert stored.parent == served.home / "ui-outputs" / "uploads"
    assert stored.read_bytes() == body


def test_a_size_beyond_the_limit_is_refused_at_once(served: Served) -> None:
    about = {"name": "a", "size": str(5 * 1024**3)}
    answer = httpx.post(f"{served.address}/api/upload", params=about)
    assert answer.status_code == 400
    assert "larger than 4 GB" in answer.json()["message"]


def test_a_part_at_the_wrong_place_is_a_conflict(served: Served) -> None:
    about = {"name": "b.jsonl", "size": "10"}
    begun = httpx.post(f"{served.address}/api/upload", params=about).json()
    where = f"{served.address}/api/upload/{begun['id']}"
    assert httpx.patch(where, params={"offset": 4, "size": 10}, content=b"x").status_code == 409


def test_uploads_are_never_served_back(served: Served) -> None:
    token = over_http(served, "secret.html", b"<h1>x</h1>")["token"]
    for folder in ("uploads", "_upload", "api/uploads", "ui-outputs/uploads"):
        assert httpx.get(f"{served.address}/{folder}/{token}").status_code == 404
    assert httpx.get(f"{served.address}/api/upload/{token}").status_code == 405
    assert httpx.post(f"{served.address}/_upload").status_code in (404, 405)
