"""Rows that a map leaves out, counted by column and value."""

from __future__ import annotations

from collections import Counter

from tremble.tabular.cells import NoAnswer, same
from tremble.tabular.maps.map_file import Cells, Map
from tremble.tabular.maps.names import find_column
from tremble.tabular.table import Table


def rows_kept(table: Table, map_: Map, file: str, dropped: Counter[str]) -> list[int]:
    """The rows of a table that [drop] leaves in, from 0; in `dropped` the others are counted by the
    first column of the map that leaves them out."""
    names = list(table.columns)
    columns = [
        (name, table.columns[find_column(map_, name, file, names)], Matching(values, map_))
        for name, values in map_.drop.items()
    ]
    kept = []
    for row in range(len(table.rows)):
        for name, cells, values in columns:
            if cells[row] in values:
                shown = values.shown(cells[row])
                dropped[f"{name} is {shown}"] += 1
                break
        else:
            kept.append(row)
    return kept


class Matching:
    """The cells that are one of some values; the value "" is a missing cell."""

    def __init__(self, values: Cells, map_: Map) -> None:
        self._decimal = map_.reading.decimal
        self._missing = NoAnswer(map_.reading.missing, self._decimal)
        self._values = {same(value, self._decimal): value for value in values}
        self._found: dict[str | None, bool] = {}

    def __contains__(self, cell: str | None) -> bool:
        if cell not in self._found:
            self._found[cell] = self._value(cell) is not None
        return self._found[cell]

    def shown(self, cell: str | None) -> str:
        """The value that a cell is, as a reason names it."""
        value = self._value(cell)
        return repr(value) if value else "missing"

    def _value(self, cell: str | None) -> str | None:
        if cell is not None:
            value = self._values.get(same(cell, self._decimal))
            if value is not None:
                return value
        return "" if "" in self._values and (cell is None or cell in self._missing) else None
