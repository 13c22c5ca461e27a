"""The fenced blocks of our Markdown files, and the commands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELLS = ("sh", "console", "powershell")
NEEDS = ("gpu", "hub", "account", "browser", "make", "install")
"""Why a block is not run here. install: it puts packages into an environment."""

_FENCE = re.compile(
    r"^(?:<!-- needs: (?P<need>\S+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_VARIABLE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")


@dataclass(frozen=True)
class Command:
    """One line of a shell block: its variables, its program and the words after it."""

    variables: tuple[tuple[str, str], ...]
    program: str
    words: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        return re.split(r"[/\\]", self.program)[-1] == "backprop"


@dataclass(frozen=True)
class Block:
    """A fenced block; `need` is the reason in the comment before it, empty without one."""

    document: Path
    line: int
    language: str
    need: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def commands(self) -> list[Command]:
        joined = self.text.replace("\\\n", " ")
        lines = [line.removeprefix("$ ").strip() for line in joined.splitlines()]
        shown = [line for line in lines if line and not line.startswith("#")]
        return [_parse(line, posix=self.language != "powershell") for line in shown]


def documents() -> list[Path]:
    """Every Markdown file of ours."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(*languages: str) -> list[Block]:
    """All blocks in these languages, in the order of the pages."""
    return [
        block
        for document in documents()
        for block in _blocks_of(document)
        if block.language in languages
    ]


def without_code(text: str) -> str:
    """Markdown without its fenced blocks."""
    return _FENCE.sub("", text)


def _blocks_of(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(
            document,
            text.count("\n", 0, match.start()) + 1,
            match["language"],
            match["need"] or "",
            match["text"],
        )
        for match in _FENCE.finditer(text)
    ]


def _parse(line: str, *, posix: bool) -> Command:
    words = shlex.split(line, posix=posix)
    variables = []
    while words and (found := _VARIABLE.fullmatch(words[0])):
        variables.append((found[1], found[2]))
        words = words[1:]
    return Command(tuple(variables), words[0], tuple(words[1:]))
