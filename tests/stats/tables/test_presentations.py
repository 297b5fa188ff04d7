"""The average and the spread over presentations."""

from __future__ import annotations

import statistics

import pytest

from tests.support.stat_frames import decision as person
from tests.support.stat_frames import frames, loop_r, score
from tremble.stats.tables.analysis import analyze
from tremble.stats.tables.further import further_tables


def test_average_and_spread_by_hand() -> None:
    """Three decisions in two presentations, one in one, one of which a presentation failed."""
    shares = {"a": (0.9, 0.5), "b": (0.2, 0.6), "c": (0.7, 0.8)}
    chosen = {"a": "yes", "b": "no", "c": "yes", "single": "no", "failed": "yes"}
    rows = [
        score(name, [p / 2, (1 - p) / 2], presentation=number, family="lottery")
        for name, both in shares.items()
        for number, p in enumerate(both)
    ]
    rows += [score("single", [0.1, 0.3])]
    rows += [
        score("failed", [0.1, 0.3]),
        score("failed", [0.1, 0.3], presentation=1, error="too long"),
    ]
    people = [
        person(name, choice=choice, family="lottery" if name in shares else "bargaining")
        for name, choice in chosen.items()
    ]
    found, known = frames(rows, people)
    (row,) = further_tables(analyze(found, known), names=["presentations"])["presentations"]
    spreads = [statistics.stdev(both) for both in shares.values()]
    outcome = [1.0, 0.0, 1.0]
    assert (row["family"], row["n"], row["presentations"]) == ("lottery", 3, 2)
    assert row["prediction"] == pytest.approx((0.7 + 0.4 + 0.75) / 3)
    assert row["sd"] == pytest.approx(statistics.mean(spreads))
    assert row["sd_largest"] == pytest.approx(max(spreads))
    assert row["r"] == pytest.approx(loop_r([0.7, 0.4, 0.75], outcome))
    alone = [loop_r([both[n] for both in shares.values()], outcome) for n in (0, 1)]
    assert row["r_lowest"] == pytest.approx(min(alone))
    assert row["r_highest"] == pytest.approx(max(alone))
