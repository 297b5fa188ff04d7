"""Tables in memory, and what a map makes of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tremble.datasets.base import Notes
from tremble.decisions.record import Decision
from tremble.tabular.maps.map_file import map_from
from tremble.tabular.rows.load import decisions_of
from tremble.tabular.table import Table

Columns = Mapping[str, Sequence[str | None]]


class MemoryTable:
    """An open table of columns; line 2 is the first row, as in a file with one line of names."""

    def __init__(self, columns: Columns, questions: Mapping[str, str] | None = None) -> None:
        self.source = "answers.csv"
        self.names: Sequence[str] = list(columns)
        self.questions: Mapping[str, str] = questions or {}
        self.notes: list[str] = []
        self._columns = columns

    def read(self, names: Sequence[str]) -> Table:
        height = len(next(iter(self._columns.values())))
        columns = {name: list(self._columns[name]) for name in names}
        rows = range(2, height + 2)
        return Table(columns, rows, [(self.source, height)], "line", self.questions)


def task(**keys: Any) -> dict[str, Any]:
    """A task with what every task needs, and these keys."""
    given = {"rate", "rates", "counts"}.intersection(keys)
    outcome = {} if given else {"outcome": "choice"}
    return {"options": ["yes", "no"], "prompt": "Yes or no?", **outcome, **keys}


def a_map(*tasks: Mapping[str, Any], **top: Any) -> dict[str, Any]:
    return {**top, "task": list(tasks)}


def decided(
    columns: Columns, content: Mapping[str, Any], questions: Mapping[str, str] | None = None
) -> list[Decision]:
    return noted(columns, content, questions)[0]


def noted(
    columns: Columns, content: Mapping[str, Any], questions: Mapping[str, str] | None = None
) -> tuple[list[Decision], Notes]:
    """The decisions, and what was left out or is odd."""
    notes = Notes()
    opened = MemoryTable(columns, questions)
    return list(decisions_of(opened, map_from(content, "map.toml"), notes, "mine")), notes


def write_csv(path: Path, columns: Columns, delimiter: str = ",") -> Path:
    """The columns as a file; None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow(["" if cell is None else cell for cell in row])
    path.write_text(out.getvalue(), "utf-8")
    return path
