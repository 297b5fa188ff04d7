"""Tables in a terminal. No number and no name is ever cut: columns that do not fit beside each
other are printed below each other, and long texts as lines below their table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tremble.report.layout import Table, layout
from tremble.stats import Analysis

_GAP = 2  # between columns, and at both ends together
_WRAPPED = 24  # columns of a text that is wrapped, where it has that much to say
_INDENT = "  "


def tables(analysis: Analysis, console: Console) -> None:
    """Prints models, pairs, tests and baselines; names are printed as they are, never as markup."""
    print_tables(layout(analysis), console)


def print_tables(found: Iterable[Table], console: Console) -> None:
    """Prints tables that are laid out, within the width of the console."""
    for table in found:
        console.print(Text(table.title, style="bold", overflow="fold"))
        if table.caption:
            console.print(Text(table.caption, style="dim", overflow="fold"))
        if not table.sections:
            console.print(Text(table.empty, overflow="fold"))
        parts = _parts(table, console.width)
        below = _below(table, parts)
        keys = key_columns(table)
        for section in table.sections:
            if section.heading:
                console.print(Text(section.heading, style="underline", overflow="fold"))
            for part in parts:
                console.print(_rich(table, section.rows, part, console.width))
            _lines(table, section.rows, keys, below, console)
        console.print()


def key_columns(table: Table) -> list[int]:
    """The columns that say what a row is about: the texts it begins with, and as many more as tell
    the rows of a section apart. Of a table without numbers, the first."""
    columns = table.columns
    if not any(column.number for column in columns):
        return [0] if columns else []
    keys = []
    for place, column in enumerate(columns):
        if column.number or column.long:
            break
        keys.append(place)
    rows = [(n, row) for n, section in enumerate(table.sections) for row in section.rows]

    def apart(by: list[int]) -> int:
        return len({(n, *(row[place] for place in by)) for n, row in rows})

    found = apart(keys)
    for place, column in enumerate(columns):
        if found == len(rows):
            break
        if place not in keys and not column.long and (more := apart([*keys, place])) > found:
            keys, found = [*keys, place], more
    return sorted(keys)


def _parts(table: Table, width: int) -> list[list[int]]:
    """The columns of each of the tables that are printed below each other, keys repeated; long
    texts are left out where not all fit. Empty where not even the keys and one column fit."""
    every = list(range(len(table.columns)))
    if sum(_natural(table, place) + _GAP for place in every) <= width:
        return [every]
    keys = key_columns(table)
    rest = [n for n in every if n not in keys and not table.columns[n].long]
    taken = sum(_least(table, place) + _GAP for place in keys)
    found: list[list[int]] = []
    room = 0
    for place in rest:
        needed = _least(table, place) + _GAP
        if taken + needed > width:
            return []
        if needed > room:
            found.append(list(keys))
            room = width - taken
        found[-1].append(place)
        room -= needed
    return [sorted(part) for part in found]


def _below(table: Table, parts: list[list[int]]) -> list[int]:
    """The columns that stand in none of the tables."""
    shown = {place for part in parts for place in part}
    keys = key_columns(table)
    return [n for n in range(len(table.columns)) if n not in shown and n not in keys]


def _cells(table: Table, place: int) -> Iterable[str]:
    return (row[place] for section in table.sections for row in section.rows)


def _widest(texts: Iterable[str]) -> int:
    return max((cell_len(text) for text in texts), default=0)


def _natural(table: Table, place: int) -> int:
    lines = [line for text in _cells(table, place) for line in text.split("\n")]
    return _widest([*lines, table.columns[place].name])


def _least(table: Table, place: int) -> int:
    """The width below which a number or a word would be cut."""
    column = table.columns[place]
    words = column.name.split()
    if column.number:
        return _widest([*_cells(table, place), *words])
    words += [word for text in _cells(table, place) for word in text.split()]
    return max(_widest(words), min(_WRAPPED, _natural(table, place)))


def _rich(table: Table, rows: list[list[str]], part: Sequence[int], width: int) -> RichTable:
    result = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    least = [_least(table, place) for place in part]
    natural = [_natural(table, place) for place in part]
    room = width - sum(least) - _GAP * len(part)
    if sum(natural) + _GAP * len(part) <= width:  # a text that is not wrapped needs less
        least, room = natural, 0
    for place, narrow, wide in zip(part, least, natural, strict=True):
        column = table.columns[place]
        more = max(0, min(room, wide - narrow))
        room -= more
        result.add_column(
            Text(column.name),
            justify="right" if column.number else "left",
            width=narrow + more,
            overflow="fold",
        )
    for row in rows:
        result.add_row(*(Text(row[place]) for place in part))
    return result


def _lines(
    table: Table,
    rows: list[list[str]],
    keys: Sequence[int],
    places: Sequence[int],
    console: Console,
) -> None:
    """What stands in no table: a line for each text, which begins with what its row is about."""
    for row in rows:
        about = [row[place] for place in keys if row[place]]
        for place in places:
            if row[place]:
                name = [table.columns[place].name] if len(places) > 1 else []
                line = Text(f"{', '.join([*about, *name])}: {row[place]}")
                first, *more = line.wrap(console, console.width - len(_INDENT), overflow="fold")
                first.rstrip()
                console.print(first)
                for text in more:
                    text.rstrip()
                    console.print(Text(_INDENT) + text)
