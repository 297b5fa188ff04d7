"""The tables of an analysis in a terminal, readable at 80 columns."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tremble.report.layout import Column, Table, layout
from tremble.stats import Analysis


def tables(analysis: Analysis, console: Console) -> None:
    """Prints models, pairs, tests and baselines; names are printed as they are, never as markup."""
    print_tables(layout(analysis), console)


def print_tables(found: Iterable[Table], console: Console) -> None:
    """Prints tables that are laid out."""
    for table in found:
        console.print(Text(table.title, style="bold"))
        if not table.sections:
            console.print(Text(table.empty))
        for section in table.sections:
            if section.heading:
                console.print(Text(section.heading, style="underline", overflow="fold"))
            console.print(_rich(table, section.rows))
        console.print()


def _rich(table: Table, rows: list[list[str]]) -> RichTable:
    result = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    last = len(table.columns) - 1
    for i, column in enumerate(table.columns):
        result.add_column(
            Text(_short(column)),
            justify="right" if column.number else "left",
            no_wrap=column.number,
            overflow="fold",
            ratio=1 if i == last else None,
        )
    for row in rows:
        result.add_row(*(Text(cell) for cell in row))
    return result


def _short(column: Column) -> str:
    """Headings that fit beside a note of a readable width."""
    return {"Decisions": "n", "In favour of": "Favours", "Why not counted, notes": "Why"}.get(
        column.name, column.name
    )
