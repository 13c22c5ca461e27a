"""`backprop config`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from engine.cli.console import open_console, print_json
from engine.errors import BackpropError
from engine.settings import SettingSource, reset_value, set_value, sources
from engine.user_config import config_path, remove_user_config


def config(
    show: Annotated[
        bool, typer.Option("--show", help="List every setting and where its value comes from.")
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Keep a setting; may be repeated."),
    ] = None,
    forgotten: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="KEY", help="Forget a kept setting; may be repeated."),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget all kept settings.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the settings as JSON.")] = False,
) -> None:
    """Show or change settings."""
    if reset:
        remove_user_config()
        print(f"Removed {config_path()}.")
    for key in forgotten or ():
        reset_value(key)
        print(f"Took {key} out of {config_path()}.")
    for change in changes or ():
        _set(change)
    if as_json:
        print_json({source.key: _json_of(source) for source in sources()})
    elif show or not (changes or forgotten or reset):
        _print_table(sources())


def _set(change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise BackpropError(
            "INPUT_VALIDATION_FAILED",
            f"--set takes KEY=VALUE, not {change!r}.",
            hint="For example: backprop config --set training.learning_rate=1e-4",
        )
    set_value(key.strip(), text.strip())
    print(f"Set {key.strip()} to {text.strip()} in {config_path()}.")


def _print_table(found: list[SettingSource]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("setting", "value", "from", "environment variable"):
        table.add_column(name, no_wrap=name != "value", overflow="fold")
    for source in found:
        value = "" if source.value is None else str(source.value)
        table.add_row(source.key, value, source.place, source.variable)
    open_console().print(table)


def _json_of(source: SettingSource) -> dict[str, object]:
    plain = source.value
    if not isinstance(plain, int | float | str | list | tuple | None):
        plain = str(plain)
    return {"value": plain, "from": source.place, "variable": source.variable}
