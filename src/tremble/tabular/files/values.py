"""Values that programs hold (numbers, dates, lists, objects) as columns of texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from tremble.decisions.files import DEEPEST
from tremble.errors import UserError
from tremble.tabular.files.cells import cell, of_asked, whole_numbers
from tremble.tabular.table import Cells, Reading, Table

_EXACT = 2**53  # above it, not every whole number is a float


def text_of(value: Any) -> str | None:
    """A value as a cell: whole numbers without .0, dates as ISO 8601 has them, True and False;
    None for a missing one (None, NaN, pandas' NaT and NA)."""
    if isinstance(value, str):
        return cell(value)
    if value is None or isinstance(value, bool):
        return None if value is None else str(value)
    if hasattr(value, "item") and not isinstance(value, float):  # a scalar of numpy
        return text_of(value.item())
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if type(value).__name__ in {"NaTType", "NAType"}:
        return None
    if isinstance(value, datetime):
        return date_text(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return cell(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


def date_text(value: datetime) -> str:
    """A moment as ISO 8601 has it; a day where it is midnight."""
    if value.time() == time() and value.tzinfo is None:
        return value.date().isoformat()
    return value.isoformat(sep=" ")


Column = tuple[str, Sequence[Any]]  # its name and its values


def flattened(name: str, values: Sequence[Any]) -> list[Column]:
    """A column, or where it holds lists and objects one for each place in them: `response.Q0`,
    `choices.0`. A list that never has more than one member stands for that (R writes so).

    Raises UserError where they are nested too deeply.
    """
    if not any(isinstance(value, list | tuple | dict) for value in values):
        return [(name, values)]
    spread: dict[tuple[str | int, ...], list[Any]] = {}
    members: dict[tuple[str | int, ...], int] = {}  # of lists, the most that one has

    def walk(path: tuple[str | int, ...], value: Any, row: int) -> None:
        if len(path) > DEEPEST:
            raise UserError(
                f"Column {name!r} is nested too deeply to be read (at most {DEEPEST} levels)."
            )
        if isinstance(value, dict):
            for key, inner in value.items():
                walk((*path, str(key)), inner, row)
        elif isinstance(value, list | tuple):
            members[path] = max(members.get(path, 0), len(value))
            for place, inner in enumerate(value):
                walk((*path, place), inner, row)
        elif value is not None:
            spread.setdefault(path, [None] * len(values))[row] = value

    for row, value in enumerate(values):
        walk((), value, row)
    if not spread:
        return [(name, [None] * len(values))]
    return [(_dotted(name, path, members), column) for path, column in spread.items()]


def _dotted(name: str, path: tuple[str | int, ...], members: Mapping[Any, int]) -> str:
    parts = [
        str(part)
        for depth, part in enumerate(path)
        if isinstance(part, str) or members[path[:depth]] > 1
    ]
    return ".".join([name, *parts])


def finished(
    asked: Sequence[str],
    cells: Sequence[Cells],
    rows: Sequence[int],
    bare: Callable[[int], bool],
    bound: tuple[str, str, Mapping[str, str], Reading],
) -> Table:
    """A table of the columns that are asked for, without rows that are empty throughout the file:
    `bare` tells of a row, counted from 0, whether no column holds anything. `bound`: the source,
    the unit of `rows`, the texts of questions, and how the file is read."""
    source, unit, questions, how = bound
    some = [any(held) for held in zip(*cells, strict=True)] if cells else [False] * len(rows)
    kept = [row for row, filled in enumerate(some) if filled or not bare(row)]
    if len(kept) < len(rows):
        cells = [[column[row] for row in kept] for column in cells]
        rows = [rows[row] for row in kept]
    columns = {name: whole_numbers(column, how) for name, column in zip(asked, cells, strict=True)}
    return Table(columns, rows, [(source, len(rows))], unit, of_asked(questions, asked))
