"""Missing values have their reason; close values are told apart."""

from __future__ import annotations

from typing import Any

from tests.support.pages import study
from tremble.report.page.study import not_scored
from tremble.report.tables.table import layout
from tremble.stats.tables.analysis import Analysis


def cells(analysis: Analysis, table: str, family: str) -> list[list[str]]:
    (found,) = [t for t in layout(analysis) if t.id == table]
    return [row for s in found.sections for row in s.rows if row[0] == family]


def test_every_missing_value_stands_beside_its_reason() -> None:
    analysis, *_ = study()
    for table in layout(analysis):
        for section in table.sections:
            for row in section.rows:
                assert len(row) == len(table.columns)
                if "–" in row:
                    assert row[-1]
    (row,) = cells(analysis, "pairs", "persuasion")
    assert row[2:] == ["–", "–", "–", "all 40 choices are yes"]
    (row,) = cells(analysis, "pairs", "negotiation")
    assert row[4:] == ["base, dropped", "mass of aligned .05 below .80"]


def test_missing_decisions_are_shown_as_counts() -> None:
    analysis, scores, _ = study()
    assert [row[1:3] for row in cells(analysis, "models", "bargaining")] == [
        ["39", "1"],
        ["40", "0"],
    ]
    (failure,) = not_scored(scores)
    assert failure["rows"] == 1


def test_close_values_are_told_apart() -> None:
    row: dict[str, Any] = {
        "base": "b",
        "aligned": "a",
        "mode": "plain",
        "formulation": "standard",
        "family": "lottery",
        "r_base": 0.412,
        "r_aligned": 0.409,
        "winner": "base",
        "kept": True,
        "why": None,
    }
    (found,) = cells(Analysis([], [row], [], []), "pairs", "lottery")
    assert found[2:4] == [".412", ".409"]
