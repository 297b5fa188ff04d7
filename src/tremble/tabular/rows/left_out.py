"""Rows that a map leaves out, counted by column and value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tremble.tabular.cells import NoAnswer, matched, same
from tremble.tabular.maps.map_file import Cells as Values
from tremble.tabular.maps.map_file import Map
from tremble.tabular.maps.names import find_column
from tremble.tabular.rows.places import brief, seen
from tremble.tabular.table import Cells, Table


def rows_kept(
    table: Table, map_: Map, file: str, dropped: Counter[str], odd: list[str] | None = None
) -> list[int]:
    """The rows of a table that [drop] leaves in, from 0; in `dropped` the others are counted by the
    first column of the map that leaves them out. `odd` gets a sentence on values that no row has.
    """
    names = list(table.columns)
    columns = []
    for name, values in map_.drop.items():
        cells = table.columns[find_column(map_, name, file, names)]
        found = Matching(values, map_, cells)
        if odd is not None:
            odd += found.odd(name, "[drop]")
        columns.append((name, cells, found))
    kept = []
    for row in range(len(table.rows)):
        for name, cells, found in columns:
            if cells[row] in found:
                dropped[f"{name} is {found.shown(cells[row])}"] += 1
                break
        else:
            kept.append(row)
    return kept


class Matching:
    """The cells of a column that are one of some values; the value "" is a missing cell."""

    def __init__(self, values: Values, map_: Map, cells: Cells) -> None:
        self._values, self._cells, self._decimal = values, cells, map_.reading.decimal
        missing = NoAnswer(map_.reading.missing, self._decimal)
        given = set(cells)
        texts = {cell for cell in given if cell is not None}
        some = [value for value in values if value]
        self._found: dict[str | None, str] = {}
        self._found.update(matched(texts, some, self._decimal).items())
        if "" in values:
            for cell in given - self._found.keys():
                if cell is None or cell in missing:
                    self._found[cell] = ""

    def __contains__(self, cell: str | None) -> bool:
        return cell in self._found

    def shown(self, cell: str | None) -> str:
        """The value that a cell is, as a reason names it."""
        value = self._found[cell]
        return repr(value) if value else "missing"

    def odd(self, column: str, key: str) -> Iterator[str]:
        """What a user should know of the values, a sentence each: those that no cell is, and cells
        that are the same number as one, but are not written so."""
        if not self._cells:
            return
        there = set(self._found.values())
        lacking = [value for value in self._values if value and value not in there]
        if lacking:
            counts = Counter("" if cell is None else cell for cell in self._cells)
            yield (
                f"{key} has {', '.join(map(brief, lacking))} for {column!r}, but no row has that "
                f"value; the values are {seen(counts)}"
            )
        alike = {same(value, self._decimal): value for value in self._values if value}
        for cell in _others(self._cells, self._found):
            value = alike.get(same(cell, self._decimal))
            if value is not None:
                yield (
                    f"{key} has {value!r} for {column!r}, and rows with {cell!r} are not "
                    f"included, because both values exist; add {cell!r} if you mean it, too"
                )


def _others(cells: Cells, found: dict[str | None, str]) -> list[str]:
    """The different cells that are none of the values, in the order of the file."""
    return [cell for cell in dict.fromkeys(cells) if cell is not None and cell not in found]
