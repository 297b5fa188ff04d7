"""The further tables of an analysis, laid out by their columns: names left, numbers right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tremble.report.layout import Column, Section, Table, count, family_name
from tremble.stats.further import FURTHER
from tremble.stats.numbers import MISSING, decimal, p_value

Row = dict[str, Any]
# Columns that make up the heading of a section, in this order; the others are cells.
_HEADING = ("model", "base", "aligned", "format", "mode", "formulation")
_COUNTS = {"n", "pairs", "kept", "ties", "clusters", "undefined", "undecided", "clipped", "points"}
_COUNTS |= {"bin", "resamples"}
_P = {"p", "p_holm", "p_bh", "williams_p", "steiger_p"}
_HIDDEN = {"by", "effective"}  # said by the title, or by a note where it matters


def further_layout(tables: Mapping[str, Sequence[Row]]) -> list[Table]:
    """A table for each name, by `FURTHER`; the columns are those of its rows."""
    return [
        table_of(name, FURTHER[name], rows, last=("spellings", "note"))
        for name, rows in tables.items()
    ]


def table_of(id: str, title: str, rows: Sequence[Row], last: Sequence[str] = ()) -> Table:
    """Rows with equal columns; those named in `last` are texts and stand at the end, if any of
    them says something."""
    shown = [
        key
        for key in (rows[0] if rows else ())
        if key not in _HEADING and key not in _HIDDEN and key not in last
    ]
    numeric = {
        key: all(row[key] is None or isinstance(row[key], int | float) for row in rows)
        and any(row[key] is not None for row in rows)
        for key in shown
    }
    ends = [key for key in last if any(row.get(key) for row in rows)]
    columns = [Column(key.replace("_", " "), numeric[key]) for key in shown]
    columns += [Column(key) for key in ends]
    sections: dict[str, list[list[str]]] = {}
    for row in rows:
        heading = " · ".join(str(row[key]) for key in _HEADING if key in row)
        cells = [cell(key, row[key]) for key in shown] + [row[key] or "" for key in ends]
        sections.setdefault(heading, []).append(cells)
    return Table(
        id,
        title,
        "",
        columns,
        [Section(heading, lines) for heading, lines in sections.items()],
        "Nothing to show.",
    )


def cell(name: str, value: Any) -> str:
    """One value as people read it, by the name of its column."""
    if value is None:
        return MISSING
    if name == "family":
        return family_name(value)
    if name in _P:
        return p_value(value)
    if name in _COUNTS and isinstance(value, float):  # options share the weight of a problem
        return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    if name in _COUNTS or isinstance(value, int):
        return count(value)
    return decimal(value) if isinstance(value, float) else str(value)
