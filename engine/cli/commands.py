"""The table of commands: what `backprop --help` needs without importing any of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CommandEntry:
    """One command: where its function lies, and the first line of that function's docstring.

    The name is what is typed after `backprop`: "train", or "data report" for one of a group.
    """

    name: str
    module: str
    function: str
    panel: str
    help: str
    hidden: bool = False

    @property
    def group(self) -> str:
        """The words before the last: "data" of "data report", empty for "train"."""
        return self.name.rpartition(" ")[0]


@dataclass(frozen=True)
class GroupEntry:
    """A command that only holds others."""

    name: str
    panel: str
    help: str


GROUPS: tuple[GroupEntry, ...] = (
    GroupEntry("data", "Make", "Look at a file of examples, clean it, split it."),
)

COMMANDS: tuple[CommandEntry, ...] = (
    CommandEntry(
        "quickstart",
        "quickstart",
        "quickstart",
        "Make",
        "Fine-tune the small starter model in a minute and compare its answers.",
    ),
    CommandEntry(
        "train", "train", "train", "Make", "Fine-tune a model on your examples, watching it learn."
    ),
    CommandEntry(
        "validate",
        "validate",
        "validate_file",
        "Make",
        "Tell every bad row of a file: where it stands, what is wrong, how to mend it.",
    ),
    CommandEntry("export", "export", "export", "Make", "Write what a run made into a folder."),
    CommandEntry(
        "data report",
        "data_report",
        "report",
        "Look",
        "Tell what a file of examples holds: lengths, languages, duplicates, leaks.",
    ),
    CommandEntry(
        "data xray",
        "data_xray",
        "xray",
        "Look",
        "Show rows token by token as the trainer gets them: trained, context, cut off.",
    ),
    CommandEntry(
        "data list",
        "data_list",
        "list_sets",
        "Look",
        "List the named data sets, the newest first.",
    ),
    CommandEntry(
        "data clean", "data_clean", "clean", "Shape", "Write a copy with the unfit rows left out."
    ),
    CommandEntry(
        "data dedupe", "data_clean", "dedupe", "Shape", "Write a copy in which nothing is twice."
    ),
    CommandEntry(
        "data split",
        "data_split",
        "split",
        "Shape",
        "Write two files: one to train on, one to measure on.",
    ),
    CommandEntry("ui", "ui", "ui", "Make", "Open the page in your browser."),
    CommandEntry("list-runs", "runs", "list_runs", "Runs", "List runs, the newest first."),
    CommandEntry("list", "runs", "list_runs", "Runs", "List runs, the newest first.", hidden=True),
    CommandEntry(
        "show-run", "runs", "show_run", "Runs", "Show a run: summary, curve, configuration, error."
    ),
    CommandEntry("logs", "logs", "logs", "Runs", "Print what a run's process wrote."),
    CommandEntry("stop", "control", "stop", "Runs", "Ask a run to save and end."),
    CommandEntry("pause", "control", "pause", "Runs", "Let a run wait at its next step."),
    CommandEntry(
        "resume", "control", "resume", "Runs", "Go on with a run that is paused or has ended."
    ),
    CommandEntry("delete", "control", "delete", "Runs", "Delete an ended run and its files."),
    CommandEntry(
        "info", "info", "info", "This machine", "Show versions, GPU, paths and optional parts."
    ),
    CommandEntry("config", "config", "config", "This machine", "Show or change settings."),
    CommandEntry(
        "setup", "setup", "setup", "This machine", "Install what a plain pip install leaves out."
    ),
)
