"""A table whose values are in memory: JSON, Parquet, data frames, files of SPSS and Stata."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tremble.tabular.files.cells import cell, positions
from tremble.tabular.files.values import Column, finished, text_of
from tremble.tabular.table import Reading, Table


class Held:
    """Columns of values, made texts when they are asked for."""

    def __init__(
        self,
        source: str,
        columns: Sequence[Column],
        how: Reading,
        unit: str,
        text: Callable[[Any], str | None] = text_of,
        questions: Mapping[str, str] | None = None,
    ) -> None:
        named = [(cell(name) or "", values) for name, values in columns]
        self._columns = [(name, values) for name, values in named if name]
        self.source, self._how, self._unit, self._text = source, how, unit, text
        self.names: Sequence[str] = [name for name, _ in self._columns]
        self.questions: Mapping[str, str] = questions or {}
        self.notes: list[str] = []
        self.odd: Mapping[str, str] = {}  # column -> what is odd about it, noted where it is read
        self._rows = len(columns[0][1]) if columns else 0

    def read(self, names: Sequence[str]) -> Table:
        """As `OpenTable.read`."""
        places = positions(self.names, names, self.source)
        self.notes += [
            self.odd[name] for name in map(self.names.__getitem__, places) if name in self.odd
        ]
        cells = [list(map(self._text, self._columns[place][1])) for place in places]

        def bare(row: int) -> bool:
            return all(self._text(values[row]) is None for _, values in self._columns)

        bound = (self.source, self._unit, self.questions, self._how)
        return finished(names, cells, range(1, self._rows + 1), bare, bound)
