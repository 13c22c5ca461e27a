"""One way to print a measurement, with what it should be beside what it is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

Row = tuple[str, str, str]


def show(title: str, rows: Sequence[Row]) -> None:
    """Print rows of (what, measured, wanted)."""
    table = Table("what", "measured", "wanted", title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
