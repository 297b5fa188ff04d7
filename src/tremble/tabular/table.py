"""A table as it is read: columns of texts, whatever file they were in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PACKED = ".gz"
Cells = Sequence[str | None]  # None: the cell is empty


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read, as [file] of a map says (docs/tables.md); None: as it is found."""

    sheet: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    decimal: str = "."
    header_rows: int | None = None
    missing: tuple[str, ...] = ()
    codes: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Some columns of one file or of several.

    `columns`: name -> a cell for each row, without space round it, letters composed, None where it
    is empty; missing codes stand as they are. `rows`: the line of a text file, the row of a
    spreadsheet, the case from 1 of others. `sources`: of each file, in their order, its path as
    errors name it and how many rows are its own. `unit` is what `rows` counts: "line", "row".
    """

    columns: Mapping[str, Cells]
    rows: Sequence[int]
    sources: Sequence[tuple[str, int]]
    unit: str = "line"
    questions: Mapping[str, str] = field(default_factory=dict)  # column -> text of its question

    def place(self, row: int) -> str:
        """Where a row, counted from 0, stands: "answers.csv, line 3"."""
        last = 0
        for source, count in self.sources:
            last += count
            if row < last:
                return f"{source}, {self.unit} {self.rows[row]}"
        raise IndexError(row)


def stem_of(source: Path | str) -> str:
    """What a file is called without its ending, which of a packed one is .csv.gz."""
    path = Path(source)
    return Path(path.stem if path.suffix.lower() == PACKED else path.name).stem
