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
    return [_table(name, rows) for name, rows in tables.items()]


def _table(name: str, rows: Sequence[Row]) -> Table:
    shown = [
        key
        for key in (rows[0] if rows else ())
        if key not in _HEADING and key not in _HIDDEN and key != "note"
    ]
    noted = any(row.get("note") for row in rows)
    numeric = {
        key: all(row[key] is None or isinstance(row[key], int | float) for row in rows)
        and any(row[key] is not None for row in rows)
        for key in shown
    }
    columns = [Column(key.replace("_", " "), numeric[key]) for key in shown]
    if noted:
        columns.append(Column("note"))
    sections: dict[str, list[list[str]]] = {}
    for row in rows:
        cells = [cell(key, row[key]) for key in shown]
        heading = " · ".join(str(row[key]) for key in _HEADING if key in row)
        sections.setdefault(heading, []).append([*cells, row.get("note") or ""][: len(columns)])
    return Table(
        name,
        FURTHER[name],
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
    if name in _COUNTS or isinstance(value, int):
        return count(value)
    return decimal(value) if isinstance(value, float) else str(value)
