"""Ceilings against simulations with known truth and small tables worked by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.ceilings import ceiling, rates, table
from tests.support.stat_frames import decision
from tremble.decisions.record import Decision, Option
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.tables.ceiling import ceiling_table, noise
from tremble.study.decision_frame import decision_frame


def test_known_spread_by_hand() -> None:
    # Thirty rates, half .2 and half .6: variance 30 * .2^2 / 29; noise .3^2 / 25 = .0036.
    row = ceiling(rates([0.2, 0.6] * 15, n=25, rate_sd=0.3))
    assert row["method"] == "rate_sd^2/n"
    assert row["noise"] == pytest.approx(0.0036)
    assert row["total"] == pytest.approx(30 * 0.04 / 29)
    assert row["ceiling"] == pytest.approx(math.sqrt(1 - 0.0036 * 29 / 1.2))


def test_one_choice_per_person_by_hand() -> None:
    # .2 * .8 / 20 = .008 and .6 * .4 / 20 = .012.
    row = ceiling(rates([0.2, 0.6] * 15, n=21))
    assert row["method"] == "rate(1-rate)/(n-1)"
    assert row["noise"] == pytest.approx(0.010)
    assert row["ceiling"] == pytest.approx(math.sqrt(1 - 0.010 * 29 / 1.2))


def test_repeated_contexts_by_hand() -> None:
    # Four contexts of ten, shares .9, .5, .5, .1: within-variance share (1 - share) 10 / 9.
    people = [
        decision(
            f"c{c}/{i}",
            participant=f"p{c}/{i}",
            choice="yes" if i < k else "no",
            numbers=json.dumps({"c": c}),
        )
        for c, k in enumerate((9, 5, 5, 1))
        for i in range(10)
    ]
    row = ceiling(people)
    v = (0.09 + 0.25 + 0.25 + 0.09) / 4 * 10 / 9
    assert row["method"] == "repeated contexts"
    assert row["noise"] == pytest.approx(v)
    assert row["total"] == pytest.approx(40 * 0.25 / 39)
    assert row["ceiling"] == pytest.approx(math.sqrt(1 - v / (40 * 0.25 / 39)))
    once = [*people, decision("lone", participant="lone", choice="yes", numbers='{"c": 99}')]
    again = ceiling(once)
    assert (again["points"], again["n"]) == (41, 40)
    assert again["ceiling"] == row["ceiling"]
    assert again["note"] == "excluded: context occurs only once (1)"


@pytest.mark.parametrize("people", [5, 30])
@pytest.mark.slow
def test_rates_with_known_truth(people: int) -> None:
    rng = np.random.default_rng(people)
    found, reached = [], []
    for _ in range(40):
        truth = rng.beta(2, 2, 300)
        seen = rng.binomial(people, truth) / people
        found.append(ceiling(rates(seen.tolist(), n=people))["ceiling"])
        reached.append(np.corrcoef(truth, seen)[0, 1])
    assert np.mean(found) == pytest.approx(np.mean(reached), abs=0.01)


@pytest.mark.slow
def test_several_choices_per_person_with_known_truth() -> None:
    """Five choices each by people who differ: only the spread between people has the noise."""
    rng = np.random.default_rng(3)
    found, reached = [], []
    for _ in range(30):
        truth = rng.beta(2, 2, 200)
        person = np.clip(rng.normal(truth[:, None], 0.25, (200, 15)), 0, 1)
        truth = np.clip(rng.normal(truth[:, None], 0.25, (200, 4000)), 0, 1).mean(axis=1)
        own = rng.binomial(5, person) / 5
        seen, sd = own.mean(axis=1), own.std(axis=1, ddof=1)
        rows = [
            decision(f"d{i}", rates=[v, 1 - v], n=15, rate_sd=float(s))
            for i, (v, s) in enumerate(zip(seen.tolist(), sd, strict=True))
        ]
        found.append(ceiling(rows)["ceiling"])
        reached.append(np.corrcoef(truth, seen)[0, 1])
    assert np.mean(found) == pytest.approx(np.mean(reached), abs=0.01)


@pytest.mark.parametrize("repeats", [2, 6])
@pytest.mark.slow
def test_choices_with_known_truth(repeats: int) -> None:
    """Squared: what is unbiased is the variance explained, not its root."""
    rng = np.random.default_rng(repeats)
    found, reached = [], []
    for _ in range(20):
        truth = np.repeat(rng.beta(1, 1, 2400 // repeats), repeats)
        y = rng.random(len(truth)) < truth
        people = [
            decision(f"d{i}", choice="yes" if v else "no", numbers=str(i // repeats))
            for i, v in enumerate(y)
        ]
        found.append(ceiling(people)["ceiling"] ** 2)
        reached.append(np.corrcoef(truth, y)[0, 1] ** 2)
    error = np.array(found) - np.array(reached)
    assert abs(error.mean()) < 3 * error.std(ddof=1) / math.sqrt(20)
    assert np.mean(found) == pytest.approx(1 / 3, abs=0.02)


def prompts(read: list[str], chosen: list[bool]) -> pl.DataFrame:
    """One person per prompt read, each with the choice beside it, as a study holds them."""
    options = (Option("yes", "yes"), Option("no", "no"))
    return decision_frame(
        Decision(
            f"d{i}",
            "mine",
            "custom",
            options,
            target="yes",
            choice="yes" if did else "no",
            participant=f"p{i}",
            prompt=text,
            config={"Messages": "Allowed"},  # whatever was said stands in the prompt
        )
        for i, (text, did) in enumerate(zip(read, chosen, strict=True))
    )


def test_own_prompts_that_were_read_again_by_hand() -> None:
    # Sixty people on six prompts, 9, 7, 6, 4, 3 and 1 of ten say yes: half of all.
    yes = [9, 7, 6, 4, 3, 1]
    read = [f"Offer {k}: take it?" for k in range(6) for _ in range(10)]
    frame = prompts(read, [i < k for k in yes for i in range(10)])
    (row,) = ceiling_table(Evidence(frame, outcomes(frame)))
    v = sum(k / 10 * (1 - k / 10) for k in yes) / 6 * 10 / 9
    total = 60 * 0.25 / 59
    assert (row["method"], row["n"], row["note"]) == ("repeated contexts", 60, None)
    assert (row["noise"], row["total"]) == (pytest.approx(v), pytest.approx(total))
    assert row["ceiling"] == pytest.approx(math.sqrt(1 - v / total))


@pytest.mark.slow
def test_own_prompts_with_known_noise() -> None:
    """What is bounded is reached by who knows the share of every prompt; squared, as above."""
    rng = np.random.default_rng(4)
    error = []
    for _ in range(15):
        truth = np.repeat(rng.beta(1, 1, 40), 25)
        did = rng.random(len(truth)) < truth
        frame = prompts([f"Offer {i // 25}" for i in range(len(truth))], did.tolist())
        (row,) = ceiling_table(Evidence(frame, outcomes(frame)))
        error.append(row["ceiling"] ** 2 - np.corrcoef(truth, did)[0, 1] ** 2)
    assert abs(np.mean(error)) < 3 * np.std(error, ddof=1) / math.sqrt(15)
    assert np.abs(error).max() < 0.1


def test_one_prompt_for_all_bounds_the_brier_score() -> None:
    # 28 of 40 say yes: .7 * .3 * 40 / 39 is what the best constant is wrong by on average.
    frame = prompts(["Take it?"] * 40, [i < 28 for i in range(40)])
    (row,) = ceiling_table(Evidence(frame, outcomes(frame)))
    assert row["ceiling"] is None
    assert row["noise"] == pytest.approx(0.7 * 0.3 * 40 / 39)
    assert row["note"] == (
        "one situation for all: every prediction is constant and r undefined; no Brier score is "
        "expected below .22"
    )


def test_more_noise_than_variation_is_a_ceiling_of_nought_with_a_note() -> None:
    row = ceiling(rates([0.49, 0.51] * 20, n=3))
    assert row["ceiling"] == 0
    assert row["note"] == "more noise than variation: set to 0"


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (rates([0.2, 0.6] * 20), "unknown: the number of people is not reported (40)"),
        (
            rates([0.2, 0.6] * 20, n=30, choices_each=5),
            "unknown: several choices per person, and the spread between people is not known (40)",
        ),
        (
            [decision(f"d{i}", choice="yes") for i in range(40)],
            "unknown: it is not recorded in numbers what the person saw (40)",
        ),
        (
            [
                decision(f"d{i}", choice="yes", numbers="{}", config='{"Messages": "Allowed"}')
                for i in range(40)
            ],
            "unknown: players exchanged messages (40)",
        ),
        (
            [decision(f"d{i}", choice="yes", numbers=str(i % 2)) for i in range(40)],
            "unknown: only 2 contexts occur more than once, below 3",
        ),
        (
            [decision(f"d{i}", choice="yes", numbers=str(i % 4)) for i in range(40)],
            "unknown: one outcome only",
        ),
        (rates([0.2, 0.6], n=30), "unknown: 2 points with known noise, below 30"),
        ([decision("d0")], "unknown: no outcome"),
    ],
)
def test_an_unknown_ceiling_says_why(rows: list[dict[str, Any]], note: str) -> None:
    found = ceiling(rows)
    assert (found["ceiling"], found["note"]) == (None, note)


def test_three_options_are_three_points_without_the_targets_spread() -> None:
    keys = {"keys": ["yes", "no", "maybe"], "target": "yes"}
    frame = table([decision("d0", rates=[0.5, 0.3, 0.2], n=11, rate_sd=0.4, **keys)])
    found = noise(Evidence(frame, outcomes(frame)))
    assert found["noise"].to_list() == pytest.approx([0.16 / 11, 0.021, 0.016])


def test_a_parameter_of_ones_own_named_trials_means_nothing() -> None:
    """Only `choices_each` does, and `trials` of lotteries as 0.1.0 stored them."""
    values, named = [0.2, 0.6] * 20, '{"trials": 5}'
    plain, own = (ceiling(rates(values, n=30, config=config)) for config in ("{}", named))
    assert own["ceiling"] == plain["ceiling"] is not None
    old = rates(values, n=30, config=named, dataset="choices13k", family="lottery")
    assert ceiling(old)["ceiling"] is None
