"""The embedded categories of experiments against the source's file."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from tremble.published import figures, psych


def test_the_published_categories_are_those_of_the_source() -> None:
    known = psych.categories()
    assert len(figures.table("psych_categories")) == 157 and len(known) == 148
    assert known["thoma2025riskychoice"] == "Risky Choice"
    assert known["dezfouli2019"] == "Reinforcement Learning"
    assert "wu2023chunking" not in known  # in none


@pytest.mark.skipif("TREMBLE_DATA" not in os.environ, reason="set TREMBLE_DATA to the sources")
def test_the_published_categories_are_complete() -> None:
    root = Path(os.environ["TREMBLE_DATA"]).parent / "published" / "psych201"
    with (root / "psych_experiment_categories.csv").open(encoding="utf-8", newline="") as lines:
        source = list(csv.DictReader(lines))
    names = list(source[0])[2:]
    expected = {row["experiment"]: name for row in source for name in names if row[name] != "0"}
    assert psych.categories() == expected
    assert [row["experiment"] for row in figures.table("psych_categories")] == [
        row["experiment"] for row in source
    ]
