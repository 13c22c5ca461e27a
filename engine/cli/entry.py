"""Entry of the `backprop` command: a group that imports a command only when it is called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from engine.cli.commands import COMMANDS, GROUPS, CommandEntry, GroupEntry
from engine.cli.guard import run_guarded

VERBOSE_FLAG = "--verbose"
HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


class LazyCommands(TyperGroup):
    """Knows its commands' names and help from the table and imports the one that is called."""

    # Any: these are typer's own keyword arguments, handed on as they are.
    def __init__(self, *, group: str = "", **attributes: Any) -> None:
        super().__init__(**attributes)
        self._entries = {_last_word(entry): entry for entry in COMMANDS if entry.group == group}
        for entry in self._entries.values():
            self.add_command(_stub(entry))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, stub, rest = super().resolve_command(ctx, args)
        entry = self._entries.get(str(name))
        return name, load_command(entry) if entry else stub, rest


class LazySubGroup(LazyCommands):
    """A command that only holds others; alone it shows its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])


class LazyGroup(LazyCommands):
    """The whole command line."""

    # Any: as above.
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for group in GROUPS:
            self.add_command(_group(group))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run and exit with our codes; typer's own handling would give 2 for usage errors."""
        given = list(sys.argv[1:] if args is None else args)
        rest = [word for word in given if word != VERBOSE_FLAG]

        def call() -> object:
            return super(LazyGroup, self).main(
                args=rest, prog_name="backprop", complete_var=complete_var,
                standalone_mode=False, windows_expand_args=windows_expand_args, **extra,
            )  # fmt: skip

        sys.exit(run_guarded(call, verbose=VERBOSE_FLAG in given, help_command=_help_for(rest)))


def load_command(entry: CommandEntry) -> Any:
    """Import a command's module and build the command from its function."""
    function = getattr(importlib.import_module(f"engine.cli.{entry.module}"), entry.function)
    single = typer.Typer(add_completion=False, rich_markup_mode="rich")
    single.command(name=_last_word(entry), context_settings=HELP_OPTIONS)(function)
    return get_command(single)


def _stub(entry: CommandEntry) -> TyperCommand:
    return TyperCommand(
        _last_word(entry), help=entry.help, hidden=entry.hidden, rich_help_panel=entry.panel
    )


def _group(group: GroupEntry) -> LazyCommands:
    return LazySubGroup(
        group=group.name,
        name=group.name,
        help=group.help,
        rich_help_panel=group.panel,
        rich_markup_mode="rich",
        context_settings=HELP_OPTIONS,
    )


def _last_word(entry: CommandEntry) -> str:
    return entry.name.rpartition(" ")[2]


def _help_for(args: list[str]) -> str:
    """The command that shows the help of what was typed.

    >>> _help_for(["data", "report", "--nonsense"])
    'backprop data report --help'
    """
    names = {entry.name for entry in COMMANDS} | {group.name for group in GROUPS}
    words: list[str] = []
    for word in args:
        if " ".join([*words, word]) in names:
            words.append(word)
    return " ".join(["backprop", *words, "--help"])


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings=HELP_OPTIONS,
)


@app.callback(invoke_without_command=True)
def backprop(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[
        bool, typer.Option(VERBOSE_FLAG, help="Print the traceback of an error (any command).")
    ] = False,
) -> None:
    """Fine-tune a language model on your own machine."""
    if version:
        importlib.import_module("engine.cli.version").print_version()
    elif context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """What the `backprop` script calls."""
    app()
