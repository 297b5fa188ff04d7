"""The cells of one task's names, for the rows that it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from tremble.tabular.cells import NoAnswer, matched
from tremble.tabular.maps.names import Names, Parts, Source
from tremble.tabular.maps.wide import ROUND
from tremble.tabular.rows.places import seen
from tremble.tabular.table import Table, stem_of
from tremble.tabular.templates.printed import Cell

Column = list[Cell | None]  # a cell for each row of the task, None where it is missing


class _Made(dict[str | None, Cell | None]):
    """Cells by their texts, each made once."""

    def __init__(self, make: Callable[[str], Cell | None]) -> None:
        super().__init__({None: None})
        self._make = make

    def __missing__(self, text: str | None) -> Cell | None:
        assert text is not None
        made = self[text] = self._make(text)
        return made


class Columns:
    """The columns that a task's names stand for, of some rows of a table."""

    def __init__(self, names: Names, table: Table, rows: Sequence[int]) -> None:
        """`rows` count from 0 and are in the order of the file."""
        self.names, self.table, self.rows = names, table, rows
        self.decimal = names.map.reading.decimal
        self.missing = NoAnswer(names.map.reading.missing, self.decimal)
        self.notes: list[str] = []  # what is odd about their cells, a sentence each
        self._all = len(rows) == len(table.rows)
        self._made: dict[tuple[str, str | None], Column] = {}
        self._texts = _Made(lambda text: None if text in self.missing else self._cell(text))
        self._files = self._file_of_rows() if len(table.sources) > 1 else []

    def raw(self, source: Source, place: Parts) -> list[str | None]:
        """The texts of a source as they stand in the file, also missing codes."""
        column = self.names.column(source, place)
        if column is None:
            return [None] * len(self.rows)
        cells = self.table.columns[column]
        return list(cells) if self._all else [cells[row] for row in self.rows]

    def cells(self, name: str, place: Parts) -> Column:
        """The cells of a name, in the words that the map has for them.

        Raises UserError for cells that these words leave out."""
        return self.of(self.names.find(name), place, name)

    def of(self, source: Source, place: Parts, name: str | None = None) -> Column:
        """The cells of a source; `name`: under which the map has words for it."""
        words = self.names.task.words.get(name) if name is not None else None
        if source.kind in ("part", "file", "row"):
            return self._about(source, place)
        column = self.names.column(source, place)
        if column is None:
            return [None] * len(self.rows)
        key = (column, name if words is not None else None)
        if key not in self._made:
            raw = self.raw(source, place)
            made = self._texts if words is None else self._worded(words, column, raw)
            self._made[key] = list(map(made.__getitem__, raw))
        return self._made[key]

    def number(self, position: int) -> int:
        """The line or row of the file where a row of the task stands."""
        return self.table.rows[self.rows[position]]

    def first_rows(self) -> list[int]:
        """Which rows of the task are the first of a file."""
        starts, start = set(), 0
        for _, count in self.table.sources:
            starts.add(start)
            start += count
        return [at for at, row in enumerate(self.rows) if row in starts]

    def file(self, position: int) -> str:
        """The name of a row's file without its ending."""
        if not self._files:
            return stem_of(self.table.sources[0][0])
        return self._files[self.rows[position]]

    def _about(self, source: Source, place: Parts) -> Column:
        if source.kind == "part":
            text = place[source.name]
            one = self._cell(str(int(text)) if source.name == ROUND else text)
            return [one] * len(self.rows)
        if source.kind == "row":
            return [Cell(str(self.number(at))) for at in range(len(self.rows))]
        made = _Made(self._cell)
        return [made[self.file(at)] for at in range(len(self.rows))]

    def _cell(self, text: str) -> Cell:
        return Cell(text, self.decimal)

    def _worded(self, words: Mapping[str, str], column: str, raw: list[str | None]) -> _Made:
        """Cells in the map's words; a code that a word stands for is not missing."""
        known = matched([text for text in set(raw) if text is not None], words, self.decimal)
        unknown: set[str] = set()

        def word(text: str) -> Cell | None:
            if text in known:
                return self._cell(words[known[text]])
            if text not in self.missing:
                unknown.add(text)
            return None

        made = _Made(word)
        for text in set(raw):
            made[text]
        if unknown:
            counts = Counter(text for text in raw if text in unknown)
            self.names.map.fail(
                f"{column!r} of {self.names.file} has values that are not in words, "
                f"{seen(counts)}; add them"
            )
        return made

    def _file_of_rows(self) -> list[str]:
        stems = [stem_of(source) for source, _ in self.table.sources]
        if len(set(stems)) < len(stems):  # files of several folders, or of several endings
            stems = [source for source, _ in self.table.sources]
        counts = [count for _, count in self.table.sources]
        return [stem for stem, count in zip(stems, counts, strict=True) for _ in range(count)]
