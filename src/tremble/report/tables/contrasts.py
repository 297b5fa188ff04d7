"""The tables of contrasts: effects with their intervals in one cell each, and what they say
together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tremble.report.tables.captions import CONTRASTS
from tremble.report.tables.further import table_of
from tremble.report.tables.table import Column, Section, Table, count, family_name, run_heading
from tremble.text import MISSING, decimal, p_value

Row = dict[str, Any]
TITLES = {
    "contrasts": "Effects of treatments on people and on models",
    "effects": "Effects of all contrasts together",
    "effect_errors": "Whose effects are closer to people's, base or aligned?",
}
_COLUMNS = (
    Column("Effect of"),
    Column("People", True),
    Column("Model", True),
    Column("Difference", True),
    Column("p Holm", True),
    Column("Same sign", True),
    Column("Over"),
    Column("n", True),
    Column("Participants", True),
    Column("Items", True),
    Column("Mass", True),
    Column("Note", long=True),
)


def contrast_layout(tables: Mapping[str, Sequence[Row] | str]) -> list[Table]:
    """The tables of `api.results.contrast_analysis` that have rows; a sentence in place of rows
    says why there are none."""
    made = []
    for name, rows in tables.items():
        if isinstance(rows, str):
            made.append(Table(name, TITLES[name], "", [], [], rows))
        elif name == "contrasts":
            made.append(_contrasts(rows))
        elif rows:
            table = table_of(name, TITLES[name], rows, last=("note",))
            made.append(replace(table, caption=CONTRASTS[name]))
    return made


def _contrasts(rows: Sequence[Row]) -> Table:
    sections: dict[str, list[list[str]]] = {}
    for row in rows:
        about = f"{run_heading(row)} · {family_name(row['family'])}"
        sections.setdefault(about, []).append(_cells(row))
    noted = any(row["note"] for row in rows)
    columns = [column for column in _COLUMNS if noted or not column.long]
    return Table(
        "contrasts",
        TITLES["contrasts"],
        CONTRASTS["contrasts"],
        columns,
        [
            Section(about, [line[: len(columns)] for line in lines])
            for about, lines in sections.items()
        ],
        "Nothing has been scored yet.",
    )


def _cells(row: Row) -> list[str]:
    return [
        f"{row['contrast']}: {row['level']} against {row['control']}",
        with_interval(row["people"], row["people_low"], row["people_high"]),
        with_interval(row["effect"], row["low"], row["high"]),
        with_interval(row["difference"], row["difference_low"], row["difference_high"]),
        p_value(row["p_holm"]),
        decimal(row["same_sign"]),
        row["over"] or MISSING,
        count(row["n"]),
        count(row["people_n"]),
        count(row["items"]),
        decimal(row["mass"]),
        row["note"] or "",
    ]


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """An effect with its sign and its interval: "+.08 [.02, .14]"."""
    if value is None:
        return MISSING
    sign = "+" if value > 0 and float(decimal(value)) else ""
    ends = "" if low is None or high is None else f" [{decimal(low)}, {decimal(high)}]"
    return f"{sign}{decimal(value)}{ends}"
