"""Starting and ending the page's server."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import psutil
import pytest

from backprop_ui import build, serve
from engine.errors import BackpropError, Exit
from tests.ui.conftest import Served, end_server, start_server, wait_for_address


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.53", "::1", "[::1]"])
def test_loopback_is_allowed(host: str) -> None:
    serve.refuse_other_hosts(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.4", "example.org", ""])
def test_any_other_host_is_refused_until_there_is_a_sign_in(host: str) -> None:
    with pytest.raises(BackpropError) as refused:
        serve.refuse_other_hosts(host)
    assert refused.value.code == "INPUT_AUTH_REQUIRED"
    assert serve.main(["--host", host, "--no-open"]) == Exit.INPUT


def test_a_taken_port_names_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BackpropError) as refused:
            serve.listen("127.0.0.1", port)
    assert refused.value.code == "RUNTIME_PORT_IN_USE"
    named = int(refused.value.hint.rpartition(" ")[2])
    assert named > port


def test_one_process_serves_everything_and_ctrl_c_ends_it(
    pages: build.Manifest, tmp_path: Path
) -> None:
    folder = tmp_path / "anywhere"
    folder.mkdir()
    process = start_server(tmp_path / "home", folder)
    served = wait_for_address(process, tmp_path / "home")
    answers = {path: httpx.get(served.address + path) for path in ("/", "/runs/", "/healthz")}
    children = psutil.Process(process.pid).children()
    code = end_server(process)
    assert {path: answer.status_code for path, answer in answers.items()} == {
        "/": 200,
        "/runs/": 200,
        "/healthz": 200,
    }
    assert children == []
    assert code == Exit.OK
    assert list(folder.iterdir()) == []


def test_a_run_s_address_opens_without_a_file_of_its_own(served: Served) -> None:
    assert httpx.get(f"{served.address}/runs/20260101-000000-none").status_code == 200
    assert httpx.get(f"{served.address}/no-such-page").status_code == 404


def test_the_port_may_come_from_the_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("BACKPROPAGATE_UI__PORT", str(port))
        assert serve.main(["--no-open"]) == Exit.RUNTIME
    assert f"Port {port} cannot be used" in capsys.readouterr().err
