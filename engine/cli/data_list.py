"""`backprop data list`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from engine import api
from engine.cli.console import open_console, print_json


def list_sets(
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the named data sets, the newest first."""
    found = api.list_data_sets()
    if as_json:
        print_json([saved.model_dump(mode="json") for saved in found])
        return
    if not found:
        print("There are no named data sets yet. The page's Data section saves them.")
        return
    table = Table("name", "format", "file", box=None)
    for saved in found:
        table.add_row(saved.name, saved.data.format, str(saved.data.path))
    open_console().print(table)
