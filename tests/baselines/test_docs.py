"""The figures that docs/baselines.md gives for the embedded data are those of the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.places import ROOT
from tremble.baselines.base import BASELINES, baseline_predictions
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.tables.baselines import baseline_table
from tremble.study.data import load_data
from tremble.study.decision_frame import decision_frame
from tremble.text import decimal

PAGE = ROOT / "docs" / "baselines.md"


def test_the_page_has_an_entry_for_every_baseline() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in BASELINES if f"**{name}** " not in text] == []


@pytest.mark.slow
def test_the_figures_of_the_page() -> None:
    decisions = decision_frame(load_data("demo", Path()))
    said = baseline_predictions(decisions)
    evidence = Evidence(decisions, outcomes(decisions), baseline_predictions=said)
    rows = baseline_table(evidence)
    r = {(row["family"], row["baseline"]): row["r"] for row in rows}
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    top = next(i for i, line in enumerate(lines) if line.startswith("| family |"))
    columns = [c.strip().replace(" ", "_") for c in lines[top].split("|")[3:-1]]
    family = {
        "repeated matrix": "repeated_matrix",
        "one-shot matrix": "one_shot_matrix",
        "lottery": "lottery",
        "persuasion, seller": "persuasion_seller",
    }
    for name, line in zip(family, lines[top + 2 :], strict=False):
        cells = [c.strip() for c in line.split("|")[1:-1]]
        assert cells[0] == name
        found = [r.get((family[name], column)) for column in columns]
        assert cells[2:] == ["" if value is None else decimal(value) for value in found]
    # Repeating the last choice beats nothing at all, and learning
    # from both moves beats repeating.
    assert r["repeated_matrix", "attraction"] > r["repeated_matrix", "last_choice"] > 0.3
