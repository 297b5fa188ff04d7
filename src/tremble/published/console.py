"""The catalogue and the recounted wins on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tremble.pairs import Pair
from tremble.stats.numbers import decimal


def pair_table(pairs: Sequence[Pair]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("no.", justify="right")
    for name in ("family", "base", "aligned"):
        table.add_column(name, overflow="fold")
    table.add_column("size", justify="right")
    table.add_column("hub (not verified)", overflow="fold")
    table.add_column("licence")
    for pair in pairs:
        cells = (pair.family, pair.base, pair.aligned, pair.size_label, pair.hub_org, pair.licence)
        table.add_row(str(pair.number), *map(escape, cells))
    return table


def filter_text(value: float | None) -> str:
    """A threshold, or none."""
    return "none" if value is None else decimal(value, max(2, len(repr(value).partition(".")[2])))


def bounds(row: dict[str, Any], side: str) -> str:
    """The fewest and most wins of one side."""
    return f"{row[f'{side}_min']} to {row[f'{side}_max']}"


def show_wins(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """A table per family of games, a line per filter."""
    for games in dict.fromkeys(row["games"] for row in rows):
        table = Table(title=escape(games), title_justify="left", box=None, pad_edge=False)
        for name in ("mass", "min r", "base", "aligned", "ties", "base can be", "aligned can be"):
            table.add_column(name, justify="right")
        for row in rows:
            if row["games"] == games:
                table.add_row(
                    filter_text(row["mass"]),
                    filter_text(row["min_corr"]),
                    *(str(row[name]) for name in ("base", "aligned", "ties")),
                    bounds(row, "base"),
                    bounds(row, "aligned"),
                )
        console.print(table)
        console.print()
    console.print(
        "base, aligned, ties: counted from the printed two decimals. can be: what stays possible "
        "when every printed mass and r may be off by .005."
    )
