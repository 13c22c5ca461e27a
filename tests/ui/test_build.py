"""The built pages: they belong to no address, and what they are made of is recorded."""

from __future__ import annotations

import base64
import gzip
import hashlib
from pathlib import Path

import pytest

from backprop_ui import build
from engine.errors import BackpropError

BAKED = (
    "a=`http://localhost:7862/ping`,b=`http://localhost:7862/_upload`,c=`http://localhost:7862/a`,"
    "d=`http://localhost:7862/b`,e=`http://localhost:7862/c`,f=`ws://localhost:7862/_event`"
)


def client_with(folder: Path, text: str) -> Path:
    (folder / "assets").mkdir()
    (folder / "assets" / "reflex-env-abc.js").write_text(text, encoding="utf-8")
    return folder


def test_no_built_file_knows_a_port(pages: build.Manifest) -> None:
    scripts = list(build.STATIC.rglob("*.js"))
    assert scripts
    assert not [path.name for path in scripts if b"localhost:7862" in path.read_bytes()]
    zipped = list(build.STATIC.rglob("*.js.gz"))
    assert not [p.name for p in zipped if b"localhost:7862" in gzip.decompress(p.read_bytes())]


def test_no_built_file_asks_another_server_for_fonts_or_scripts(pages: build.Manifest) -> None:
    html = [path.read_text(encoding="utf-8") for path in build.STATIC.rglob("*.html")]
    assert html
    assert not [text for text in html if 'src="http' in text or 'href="http' in text]


def test_the_manifest_knows_every_script_inside_the_pages(pages: build.Manifest) -> None:
    assert pages.script_hashes == build.hash_inline_scripts(build.STATIC)
    assert pages.sources_sha256 == build.hash_sources()


def test_addresses_become_the_page_s_own_origin(tmp_path: Path) -> None:
    client = client_with(tmp_path, BAKED)
    build.make_origin_independent(client)
    script = client / "assets" / "reflex-env-abc.js"
    text = script.read_text(encoding="utf-8")
    assert "7862" not in text
    assert (
        "f=(globalThis.location?.origin??'http://localhost').replace(/^http/,'ws')+`/_event`"
        in text
    )
    assert gzip.decompress(script.with_name(script.name + ".gz").read_bytes()).decode() == text


@pytest.mark.parametrize("text", ["", BAKED + ",g=`http://localhost:7862/new`"])
def test_an_unknown_number_of_addresses_fails_the_build(tmp_path: Path, text: str) -> None:
    with pytest.raises(BackpropError, match="do not look as expected"):
        build.make_origin_independent(client_with(tmp_path, text))


def test_inline_scripts_are_hashed_and_linked_ones_are_not(tmp_path: Path) -> None:
    body = "let a = 1"
    page = f'<script src="/a.js"></script><script type="module">{body}</script>'
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    assert build.hash_inline_scripts(tmp_path) == (f"'sha256-{digest}'",)


def test_lock_files_name_no_registry() -> None:
    locks = list((build.CHECKOUT / "reflex.lock").glob("*.json"))
    assert locks
    assert not [path.name for path in locks if '"resolved"' in path.read_text(encoding="utf-8")]
