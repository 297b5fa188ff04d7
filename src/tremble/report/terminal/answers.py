"""The answers of a verdict in a terminal: a sentence for each question, wrapped, none cut."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tremble.report.tables.table import Table
from tremble.report.terminal.tables import print_wrapped
from tremble.text import visible

_INDENT = "    "


def print_answers(table: Table, console: Console) -> None:
    """Prints the rows of `report.tables.answers`: question, answer and why, under their headings;
    control characters of names are shown, before widths are measured."""
    console.print(Text(visible(table.title), style="bold", overflow="fold"))
    if not table.sections:
        console.print(Text(table.empty, overflow="fold"))
    for section in table.sections:
        console.print()
        console.print(Text(visible(section.heading), style="underline", overflow="fold"))
        for question, answer, why in section.rows:
            line = Text(visible(f"{question}: {answer}. {why}"))
            line.stylize("bold", 0, len(question) + len(answer) + 3)
            print_wrapped(line, console, _INDENT)
    console.print()


def print_sentences(title: str, sentences: Sequence[str], console: Console) -> None:
    """Prints a question and its answers, a paragraph each, wrapped; nothing without an answer."""
    if not sentences:
        return
    console.print(Text(visible(title), style="bold", overflow="fold"))
    for sentence in sentences:
        print_wrapped(Text(visible(sentence)), console, "")
    console.print()
