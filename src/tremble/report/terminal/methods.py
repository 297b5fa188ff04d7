"""The methods of a study in a terminal: a paragraph, and a line for each thing known, wrapped."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from tremble.report.tables.table import Table
from tremble.report.terminal.tables import print_wrapped
from tremble.text import visible

_INDENT = "    "


def print_methods(paragraph: str, provenance: Table, console: Console) -> None:
    """Prints both, and the heading of the citations that follow; control characters of names are
    shown."""
    _head("Methods", console)
    print_wrapped(Text(visible(paragraph)), console, "")
    console.print()
    _head(provenance.title, console)
    print_wrapped(Text(provenance.caption), console, "")
    for section in provenance.sections:
        console.print()
        console.print(Text(visible(section.heading), style="underline"))
        for what, value in section.rows:
            print_wrapped(Text(visible(f"{what}: {value}")), console, _INDENT)
    console.print()
    _head("Citations", console)


def _head(title: str, console: Console) -> None:
    console.print(Text(title, style="bold"))
