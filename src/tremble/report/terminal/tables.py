"""Tables in a terminal. No number and no name is ever cut: columns that do not fit beside each
other are printed below each other, and long texts as lines below their table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tremble.report.tables.table import Section, Table, layout
from tremble.stats.tables.analysis import Analysis
from tremble.text import visible

_GAP = 2  # between columns, and at both ends together
_WRAPPED = (24, 12, 0)  # columns of a wrapped text, at least; of 0, those of its longest word
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class _Fit:
    """How a table is printed in so many columns of a terminal.

    `keys`: the columns that say what a row is about; `parts`: of each of the tables below each
    other the columns and their widths; `below`: the columns that stand in none of them.
    """

    keys: list[int]
    parts: list[list[tuple[int, int]]]
    below: list[int]


def show_tables(analysis: Analysis, console: Console) -> None:
    """Prints models, pairs, tests and baselines; names are printed as they are, never as markup."""
    print_tables(layout(analysis), console)


def print_tables(tables: Iterable[Table], console: Console) -> None:
    """Prints tables that are laid out, within the width of the console; control characters of
    names are shown, before widths are measured."""
    for table in map(_visible, tables):
        console.print(Text(table.title, style="bold", overflow="fold"))
        if table.caption:
            console.print(Text(table.caption, style="dim", overflow="fold"))
        if not table.sections:
            console.print(Text(table.empty, overflow="fold"))
        fit = _fit(table, console.width)
        for section in table.sections:
            if section.heading:
                console.print(Text(section.heading, style="underline", overflow="fold"))
            for part in fit.parts:
                console.print(_rich(table, section.rows, part))
            _lines(table, section.rows, fit, console)
        console.print()


def _visible(table: Table) -> Table:
    columns = [replace(column, name=visible(column.name)) for column in table.columns]
    sections = [
        Section(visible(section.heading), [[*map(visible, row)] for row in section.rows])
        for section in table.sections
    ]
    return replace(
        table,
        title=visible(table.title),
        caption=visible(table.caption),
        empty=visible(table.empty),
        columns=columns,
        sections=sections,
    )


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

    distinct = apart(keys)
    for place, column in enumerate(columns):
        if distinct == len(rows):
            break
        if place not in keys and not column.long and (more := apart([*keys, place])) > distinct:
            keys, distinct = [*keys, place], more
    return sorted(keys)


def _fit(table: Table, width: int) -> _Fit:
    """All columns beside each other; else long texts below, and the others in as many tables as
    it takes; else, where not even the keys and one column fit, everything in lines."""
    every = range(len(table.columns))
    keys = key_columns(table)
    natural = [_natural(table, place) for place in every]
    if sum(natural) + _GAP * len(natural) <= width:
        return _Fit(keys, [[*zip(every, natural, strict=True)]], [])
    rest = [n for n in every if n not in keys and not table.columns[n].long]
    for wrapped in _WRAPPED:
        least = [_least(table, place, min(wrapped, natural[place])) for place in every]
        room = width - sum(least[place] + _GAP for place in keys)
        if all(least[place] + _GAP <= room for place in rest):
            parts = [
                _widened(sorted([*keys, *chosen]), least, natural, width)
                for chosen in _packed(rest, least, room)
            ]
            return _Fit(keys, parts, [n for n in every if n not in keys and n not in rest])
    return _Fit(keys, [], [n for n in every if n not in keys])


def _packed(places: Iterable[int], widths: Sequence[int], room: int) -> list[list[int]]:
    """The columns in their order, as many to a table as there is room for."""
    parts: list[list[int]] = []
    left = 0
    for place in places:
        needed = widths[place] + _GAP
        if not parts or needed > left:
            parts.append([])
            left = room
        parts[-1].append(place)
        left -= needed
    return parts


def _widened(
    places: Sequence[int], least: Sequence[int], natural: Sequence[int], width: int
) -> list[tuple[int, int]]:
    """Columns with their widths; what is left of the terminal goes to those that have more."""
    room = width - sum(least[place] + _GAP for place in places)
    widths = []
    for place in places:
        more = min(room, natural[place] - least[place])
        widths.append((place, least[place] + more))
        room -= more
    return widths


def _cells(table: Table, place: int) -> list[str]:
    return [row[place] for section in table.sections for row in section.rows]


def _widest(texts: Iterable[str]) -> int:
    return max((cell_len(text) for text in texts), default=0)


def _natural(table: Table, place: int) -> int:
    lines = [line for text in _cells(table, place) for line in text.split("\n")]
    return _widest([*lines, table.columns[place].name])


def _least(table: Table, place: int, wrapped: int) -> int:
    """The width below which a number or a word would be cut; of texts at least `wrapped`."""
    column = table.columns[place]
    words = column.name.split()
    if column.number:
        return _widest([*_cells(table, place), *words])
    words += [word for text in _cells(table, place) for word in text.split()]
    return max(_widest(words), wrapped)


def _rich(table: Table, rows: list[list[str]], part: Sequence[tuple[int, int]]) -> RichTable:
    result = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for place, width in part:
        column = table.columns[place]
        result.add_column(
            Text(column.name),
            justify="right" if column.number else "left",
            width=width,
            overflow="fold",
        )
    for row in rows:
        result.add_row(*(Text(row[place]) for place, _ in part))
    return result


def _lines(table: Table, rows: list[list[str]], fit: _Fit, console: Console) -> None:
    """What stands in no table: a line for each text, which begins with what its row is about."""
    for row in rows:
        about = [row[place] for place in fit.keys if row[place]]
        for place in fit.below:
            if row[place]:
                name = [table.columns[place].name] if len(fit.below) > 1 else []
                print_wrapped(Text(f"{', '.join([*about, *name])}: {row[place]}"), console, _INDENT)


def print_wrapped(line: Text, console: Console, indent: str) -> None:
    """A line that is longer than the console in several, all but the first indented."""
    first, *more = line.wrap(console, console.width - len(indent), overflow="fold")
    for text in (first, *(Text(indent) + text for text in more)):
        text.rstrip()
        console.print(text)
