"""Contrasts: what belongs together, what marks an interval, which values are one level."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.support.treatments import Built, welch, yes
from tremble.stats.frames.treatments import Contrast
from tremble.stats.tables.contrasts import contrast_rows

TREATED = Contrast(("condition",), ("control",))


def numbers(row: dict[str, Any], *names: str) -> list[float]:
    return [row[name] for name in names]


def test_versions_of_an_item_are_compared_with_each_other_also_in_rates() -> None:
    """Rates of items in two versions each: the paired t test of the items' differences."""
    rng = np.random.default_rng(4)
    base = rng.uniform(0.1, 0.7, 12)
    people = np.stack([base, base + 0.1 + rng.normal(0, 0.02, 12)])
    built = Built()
    for arm, condition in enumerate(("control", "treated")):
        for i in range(12):
            share = float(people[arm, i])
            built.add(
                {"condition": condition},
                f"{condition} {i}",
                {"m": 0.5 + 0.01 * i * arm},
                item=f"i{i}",
                rates=[share, 1 - share],
                n=50,
            )
    (row,) = contrast_rows(built.evidence(), [TREATED])
    test = scipy_stats.ttest_rel(people[1], people[0])
    interval = test.confidence_interval(0.95)
    expected = [people[1].mean() - people[0].mean(), interval.low, interval.high]
    assert numbers(row, "people", "people_low", "people_high") == pytest.approx(expected)
    assert (row["items"], row["people_n"]) == (12, 1200)


@pytest.mark.parametrize(("yeses", "note"), [(4, "only 4 of the rarer answer"), (5, None)])
def test_an_arm_that_hardly_has_one_of_the_answers_is_marked(yeses: int, note: str | None) -> None:
    built = Built()
    for condition, hits in (("control", yeses), ("treated", 20)):
        for i in range(40):
            name = f"{condition} {i}"
            chose = yes(i < hits)
            said: dict[str, float | None] = {"m": 0.3 + 0.01 * (i % 7)}
            built.add({"condition": condition}, name, said, participant=name, choice=chose)
    (row,) = contrast_rows(built.evidence(), [TREATED])
    assert row["note"] == (note and f"{note} in an arm: interval rough")


def test_a_whole_number_that_became_a_float_is_the_same_level() -> None:
    built = Built()
    for arm in (0, 1):
        for i in range(40):
            name = f"treated {i}" if arm else f"control {i}"
            chose = yes(i % 3 == arm)
            said: dict[str, float | None] = {"m": 0.3 + 0.01 * (i % 7)}
            built.add({}, name, said, participant=name, choice=chose)
    for place, made in enumerate(built.decisions):
        level = 5 if "treated" in made["numbers"] else 1
        made["config"] = json.dumps({"condition": float(level) if place % 2 else level})
    (row,) = contrast_rows(built.evidence(), [Contrast(("condition",), ("1",))])
    assert (row["level"], row["control"], row["n"]) == ("5", "1", 80)


def test_people_within_plays_are_taken_with_their_plays() -> None:
    """Round one of a game, one text an arm: both people of a play stand in one cluster."""
    rng = np.random.default_rng(7)
    built = Built()
    sums: dict[str, list[float]] = {"control": [], "treated": []}
    for condition, base in (("control", 0.5), ("treated", 0.8)):
        for play in range(15):
            both = rng.random() < base
            sums[condition].append(float(both))
            for seat in "ab":  # both did the same: there is no more in two than in one
                built.add(
                    {"condition": condition},
                    condition,
                    {"m": 0.6 if condition == "treated" else 0.4},
                    participant=f"{condition} {play} {seat}",
                    choice=yes(bool(both)),
                    game=f"{condition} {play}",
                    cluster=f"{condition} {play}",
                    numbers=json.dumps({"payoffs": condition}),
                )
    (row,) = contrast_rows(built.evidence(), [TREATED])
    value, low, high, _ = welch(*(np.array(sums[c]) for c in ("treated", "control")))
    found = numbers(row, "people", "people_low", "people_high")
    assert found == pytest.approx([value, low, high])
    assert (row["over"], row["n"], row["people_n"], row["items"]) == ("people", 60, 60, 2)


# What is refused, and what is noted.
