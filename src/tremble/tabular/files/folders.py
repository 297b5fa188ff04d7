"""A folder of files of one kind, as programs write one for each person: read as one table."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tremble.disk.paths import why
from tremble.errors import UserError
from tremble.tabular.files.cells import cell, of_asked, positions, whole_numbers
from tremble.tabular.files.opened import OpenTable, ending_of, open_table
from tremble.tabular.table import Reading, Table
from tremble.text import counted

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Folder:
    """The tables of all files, one after another; a column that one lacks is empty there."""

    def __init__(self, folder: Path, how: Reading) -> None:
        self.source, self._how = str(folder), how
        files, others = _files(folder)
        self._tables = [open_table(file, how) for file in files]
        union: dict[str, int] = {}  # name -> how often it stands in one file at most
        for table in self._tables:
            for name, times in Counter(table.names).items():
                union[name] = max(times, union.get(name, 0))
        self.names: Sequence[str] = [name for name, times in union.items() for _ in range(times)]
        self.questions = {
            name: text for table in self._tables[::-1] for name, text in table.questions.items()
        }
        notes = [note for table in self._tables for note in table.notes]
        self.notes, self._first = notes[:1], frozenset(notes)
        if others:
            self.notes.append(
                f"{self.source} also has {counted(others, 'file')} of other kinds, which are "
                "ignored."
            )

    def read(self, names: Sequence[str]) -> Table:
        """As `OpenTable.read`."""
        positions(self.names, names, self.source)
        columns: list[list[str | None]] = [[] for _ in names]
        rows: array[int] = array("q")
        sources: list[tuple[str, int]] = []
        unit = "line"
        for table in self._tables:
            part = self._part(table, names)
            count = len(part.rows)
            for column, name in zip(columns, names, strict=True):
                column += part.columns.get(name, [None] * count)
            rows.extend(part.rows)
            sources += part.sources
            unit = part.unit
        found = (note for table in self._tables for note in table.notes)
        self.notes += [note for note in dict.fromkeys(found) if note not in self._first]
        read = {
            name: whole_numbers(_agreed(column, self._how), self._how)
            for name, column in zip(names, columns, strict=True)
        }
        return Table(read, rows, sources, unit, of_asked(self.questions, names))

    def _part(self, table: OpenTable, names: Sequence[str]) -> Table:
        held = set(table.names)
        return table.read([name for name in names if (cell(name) or "") in held])


def opened(folder: Path, how: Reading) -> Folder:
    """As `open_table`, for a folder. Raises UserError where it has no tables, or as many of one
    kind as of another."""
    return Folder(folder, how)


def natural(path: Path) -> list[tuple[int, int, str]]:
    """A key by which names are in the order in which people count: 2 before 10."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _files(folder: Path) -> tuple[list[Path], int]:
    """The files of the kind of which there are most, and how many tables of other kinds."""
    try:
        found = [path for path in folder.iterdir() if not path.name.startswith((".", "~$"))]
    except OSError as error:
        raise UserError(f"Cannot read {str(folder)!r} ({why(error)}); check the path.") from error
    kinds: dict[str, list[Path]] = {}
    for path in found:
        ending = ending_of(path)
        if ending is not None and path.is_file():
            kinds.setdefault(ending, []).append(path)
    if len(kinds) > 1:
        kinds.pop(".txt", None)  # what people tell of their data, beside it
    if not kinds:
        raise UserError(
            f"{str(folder)!r} contains no tables, such as .csv or .json; give the folder that does."
        )
    ordered = sorted(kinds, key=lambda ending: -len(kinds[ending]))
    if len(ordered) > 1 and len(kinds[ordered[0]]) == len(kinds[ordered[1]]):
        raise UserError(
            f"{str(folder)!r} contains as many {ordered[0]} files as {ordered[1]} files; put the "
            "ones you mean into a separate folder."
        )
    files = sorted(kinds[ordered[0]], key=natural)
    return files, sum(len(kinds[ending]) for ending in ordered[1:])


def _agreed(column: list[str | None], how: Reading) -> list[str | None]:
    """A column of numbers of which one file writes 1 and another 1.0: as 1 throughout."""
    held = {text for text in column if text}
    if not any(text.endswith(".0") for text in held):
        return column
    numbers = {text for text in held if _NUMBER.fullmatch(text)}
    if not any(text.isdecimal() for text in numbers) or held - numbers - set(how.missing):
        return column
    return [text.removesuffix(".0") if text else None for text in column]
