"""Sentences in a terminal: wrapped, none cut."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from tremble.report.terminal.tables import print_wrapped
from tremble.text import visible

INDENT = "    "


def print_sentences(lines: Iterable[str], console: Console) -> None:
    """Each a paragraph, indented from its second line on; control characters are shown."""
    for line in lines:
        print_wrapped(Text(visible(line)), console, INDENT)
