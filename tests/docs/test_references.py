"""The committed references say what the code says; every link and heading they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.errors import CATALOGUE
from engine.handbook import BEGIN, DOCS, END, PAGES, errors, with_generated
from tests.docs.blocks import documents, without_code

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_committed_page_is_what_the_code_makes(name: str) -> None:
    committed = (DOCS / name).read_text(encoding="utf-8")
    assert committed == with_generated(committed, PAGES[name]()), "run: python -m engine.handbook"


def test_every_code_is_listed() -> None:
    assert [code for code in CATALOGUE if f"`{code}`" not in errors()] == []


def test_the_words_around_the_generated_part_stay() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert with_generated(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        with_generated("no marks here", "new")


@pytest.mark.parametrize("document", documents(), ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    broken = [link for link in _links(document) if not _exists(document, link)]
    assert broken == []


def _links(document: Path) -> list[str]:
    found = _LINK.findall(without_code(document.read_text(encoding="utf-8")))
    return [link for link in found if "://" not in link]


def _exists(document: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target)


def _anchors(document: Path) -> set[str]:
    """The anchors that a Markdown viewer makes of the headings."""
    headings = _HEADING.findall(without_code(document.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
