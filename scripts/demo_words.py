"""The tables of a study, and the parts that sentences about them are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tremble.report.tables.table import count, family_name
from tremble.stats.tables.analysis import Analysis
from tremble.stats.verdict.answer import MARGINS, Margins
from tremble.text import decimal, p_value

Row = dict[str, Any]
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Results:
    """All tables of a study: the four first ones, the further ones, the verdict and its margins."""

    analysis: Analysis
    decisions: pl.DataFrame
    further: dict[str, list[Row]]
    verdicts: list[Row] = field(default_factory=list)
    margins: Margins = MARGINS


def listed(parts: Iterable[str]) -> str:
    """'a', 'a and b', 'a, b and c'; each part once."""
    once = list(dict.fromkeys(parts))
    return " and ".join([", ".join(once[:-1]), once[-1]] if len(once) > 1 else once)


def of(number: int, rows: Sequence[Any], names: str = "rows") -> str:
    return f"{count(number)} of {count(len(rows))} {names}"


def where(row: Row) -> str:
    """The family, with the model and the format where the row is about one."""
    family = family_name(row["family"])
    name = f"{family} of {row['model']}" if "model" in row else family
    return f"{name} in {row['format']}" if row.get("format") else name


def because(rows: Iterable[Row], reason: str = "note") -> str:
    """Families with their reason, each once: 'persuasion (all 60 choices are yes)'."""
    return listed(f"{family_name(row['family'])} ({row[reason]})" for row in rows)


def smallest_p(rows: Iterable[Row], one: str, several: str) -> str:
    """What the largest of some one-sided tests of signs or signed ranks can show at most."""
    n = max((row["n"] for row in rows), default=0)
    least = 0.5**n
    sentence = f"The largest test has {count(n)} {one if n == 1 else several}; if all agreed, p "
    sentence += f"would be {p_value(least)}"
    return (
        f"{sentence}: no test here can reach {decimal(LEVEL)}." if least > LEVEL else f"{sentence}."
    )


def best(rows: Iterable[Row]) -> dict[str, Row]:
    """The row with the highest r of each family that has one."""
    best_of: dict[str, Row] = {}
    for row in rows:
        family = row["family"]
        if row["r"] is not None and (family not in best_of or row["r"] > best_of[family]["r"]):
            best_of[family] = row
    return best_of


def less_wrong(rows: Iterable[Row]) -> str:
    """Where the higher of two r is below zero."""
    wrong = [row for row in rows if max(row["r_base"], row["r_aligned"]) < 0]
    return (
        f"In {listed(map(where, wrong))} both r are below zero: the higher one is only less wrong."
        if wrong
        else ""
    )
