"""Parameters and facts of a row: numbers where a column holds numbers alone, else texts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tremble.tabular.cells import named, number_of
from tremble.tabular.rows.columns import Columns

_NOTHING: dict[str, Any] = {}


class Values:
    """What the names of `config` or `facts` hold, for the rows and places of a task; equal rows
    share one mapping. A missing cell has no entry."""

    def __init__(self, columns: Columns, wanted: Mapping[str, str]) -> None:
        names = columns.names
        self.keys = list(wanted)
        cells = [[columns.cells(name, place) for name in wanted.values()] for place in names.places]
        self._cells = cells
        self._numbers = [
            _are_numbers(columns, name, {cell for at_place in cells for cell in at_place[key]})
            for key, name in enumerate(wanted.values())
        ]
        self._decimal = columns.decimal
        self._made: dict[tuple[str | None, ...], dict[str, Any]] = {}

    def at(self, row: int, place: int) -> dict[str, Any]:
        if not self.keys:
            return _NOTHING
        key = tuple([cells[row] for cells in self._cells[place]])
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = {
                name: self._value(cell, numbers)
                for name, cell, numbers in zip(self.keys, key, self._numbers, strict=True)
                if cell is not None
            }
        return found

    def _value(self, cell: str, numbers: bool) -> Any:
        return number_of(cell, self._decimal) if numbers else str(cell)


def _are_numbers(columns: Columns, name: str, cells: Collection[str | None]) -> bool:
    """Whether a column is one of numbers. One in which two cells are the same number but not
    written alike, as versions 1.1 and 1.10 are, is none, and this is noted."""
    written: dict[int | float, set[str]] = {}
    for cell in cells:
        number = None if cell is None else number_of(cell, columns.decimal)
        if cell is not None and number is not None:
            written.setdefault(number, set()).add(named(cell, columns.decimal))
        elif cell is not None:
            return False
    apart = [sorted(names, key=len) for names in written.values() if len(names) > 1]
    if apart:
        one, other, *_ = min(apart)
        columns.notes.append(
            f"{name!r} contains {one!r} and {other!r}, so its cells count as texts; if the two "
            "are the same number, write them in the same way"
        )
    return not apart


def round_of(cell: str, decimal: str) -> int | None:
    """The round that a cell holds; None where it holds no whole number from 1."""
    number = number_of(cell, decimal)
    return number if isinstance(number, int) and number >= 1 else None
