"""Intervals of the ceiling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.support.ceilings import ceiling, rates, table
from tests.support.stat_frames import decision
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.inference.ceiling_interval import ceiling_interval
from tremble.stats.tables.ceiling import noise


def mixed_people() -> list[dict[str, Any]]:
    """Twelve people of one to eight choices in contexts of one, two and many, two games each;
    games are shared by neighbours, so that people and games cross."""
    rng = np.random.default_rng(11)
    rows = []
    for who in range(12):
        for i in range(1 + who % 8):
            c = int(rng.integers(14)) if i % 3 else i
            choice = "yes" if rng.random() < 0.15 + 0.05 * c else "no"
            more = {"participant": f"p{who}", "numbers": str(c), "choice": choice}
            rows.append(decision(f"{who}/{i}", cluster=f"g{(who + i % 2) % 12}", **more))
    return rows


def log_share(rows: list[dict[str, Any]]) -> float:
    """log v / s^2 from the variances that the table prints, of these decisions alone."""
    row = ceiling(rows)
    return math.log(row["noise"] / row["total"])


def jackknife(rows: list[dict[str, Any]], *names: str) -> tuple[float, int]:
    """The variance of `log_share` by leaving out every value of `names` in turn, and how many."""
    frame = table(rows)
    known = noise(Evidence(frame, outcomes(frame))).drop_nulls("noise")["decision"].to_list()
    rows = [row for row in rows if row["decision"] in known]

    def of(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in names)

    units = {of(row) for row in rows}
    left = [log_share([row for row in rows if of(row) != unit]) for unit in units]
    return (len(units) - 1) * float(np.var(left)), len(units)


def between(rows: list[dict[str, Any]], variance: float, count: int) -> list[float]:
    reach = stats.t.ppf(0.975, count - 1) * math.sqrt(variance)
    ends = (math.exp(log_share(rows) + side) for side in (reach, -reach))
    return [math.sqrt(max(0.0, 1 - end)) for end in ends]


@pytest.mark.slow
def test_the_interval_is_that_of_every_cluster_left_out() -> None:
    people = mixed_people()
    nested = [row | {"cluster": row["decision"]} for row in people]
    row = ceiling(nested)
    assert row["n"] < row["points"]  # somebody saw what nobody else did
    assert [row["low"], row["high"]] == pytest.approx(
        between(nested, *jackknife(nested, "participant"))
    )
    assert row["low"] <= row["ceiling"] <= row["high"] < 1
    assert "only 12 clusters, fewer than 20: interval rough" in row["note"]
    problems = rates(np.random.default_rng(2).beta(2, 2, 40).tolist(), n=9)
    row = ceiling(problems)
    assert [row["low"], row["high"]] == pytest.approx(
        between(problems, *jackknife(problems, "decision"))
    )
    assert 0 < row["low"] < row["ceiling"] < row["high"] and row["note"] is None


@pytest.mark.slow
def test_the_interval_where_people_and_games_cross() -> None:
    people = mixed_people()
    parts = [jackknife(people, *by) for by in (["participant"], ["cluster"])]
    cells, _ = jackknife(people, "participant", "cluster")
    (who, count), (game, games) = parts
    variance = max(who + game - cells, who, game)
    row = ceiling(people)
    assert [row["low"], row["high"]] == pytest.approx(between(people, variance, min(count, games)))


def test_why_a_ceiling_has_no_interval() -> None:
    few = [row | {"cluster": f"g{i % 4}"} for i, row in enumerate(rates([0.2, 0.6] * 15, n=9))]
    found = ceiling(few)
    assert (found["low"], found["high"]) == (None, None) and found["ceiling"] is not None
    assert found["note"] == "only 4 clusters (an interval needs 5)"
    # All rates but one game's are the same.
    flat = [
        row | {"cluster": "odd" if i < 2 else f"g{i % 9}"}
        for i, row in enumerate(rates([0.9, 0.8] + [0.5] * 38, n=99))
    ]
    found = ceiling(flat)
    assert (found["low"], found["high"]) == (None, None) and found["ceiling"] is not None
    assert found["note"] == "no interval: leaving out one cluster leaves nothing to compare"
    unknown = ceiling(rates([0.2, 0.6], n=30))
    assert (unknown["low"], unknown["high"]) == (None, None)
    assert ceiling(rates([0.49, 0.51] * 20, n=3))["low"] == 0  # below nought it is nought


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Rates of 40 problems by 10 people each, beta(2, 2): variances .05 and (.25 - .05) / 10."""
    rng = np.random.default_rng(8)
    truth, problems = math.sqrt(0.05 / 0.07), np.arange(40)
    held = 0
    for _ in range(400):
        seen = rng.binomial(10, rng.beta(2, 2, 40)) / 10
        low, high, _ = ceiling_interval(
            seen, seen * (1 - seen) / 9, np.full(40, -1), [problems, problems]
        )
        assert low is not None and high is not None
        held += low <= truth <= high
    assert 0.92 < held / 400 < 0.98  # two and a half standard errors of a share of .95
