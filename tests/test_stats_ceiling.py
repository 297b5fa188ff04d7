"""Ceilings against simulations with known truth and small tables worked by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from stat_frames import DECISIONS, decision
from tremble.decision_frame import decision_frame
from tremble.decisions import Decision, Option
from tremble.stats import outcomes
from tremble.stats.ceiling import ceiling_table, noise
from tremble.stats.ceiling_interval import ceiling_interval
from tremble.stats.contexts import contexts

SCHEMA = DECISIONS | {
    "n": pl.Int64,
    "rate_sd": pl.Float64,
    "config": pl.String,
    "round": pl.Int32,
    "numbers": pl.String,
}


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    blank = {"n": None, "rate_sd": None, "config": None, "round": None, "numbers": None}
    return pl.DataFrame([blank | row for row in rows], schema=SCHEMA)


def ceiling(rows: list[dict[str, Any]]) -> dict[str, Any]:
    frame = table(rows)
    (row,) = ceiling_table(frame, outcomes(frame))
    return row


def rates(values: list[float], **more: Any) -> list[dict[str, Any]]:
    return [decision(f"d{i}", rates=[v, 1 - v], **more) for i, v in enumerate(values)]


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
        decision(f"c{c}/{i}", choice="yes" if i < k else "no", numbers=json.dumps({"c": c}))
        for c, k in enumerate((9, 5, 5, 1))
        for i in range(10)
    ]
    row = ceiling(people)
    v = (0.09 + 0.25 + 0.25 + 0.09) / 4 * 10 / 9
    assert row["method"] == "repeated contexts"
    assert row["noise"] == pytest.approx(v)
    assert row["total"] == pytest.approx(40 * 0.25 / 39)
    assert row["ceiling"] == pytest.approx(math.sqrt(1 - v / (40 * 0.25 / 39)))
    once = [*people, decision("lone", choice="yes", numbers='{"c": 99}')]
    again = ceiling(once)
    assert (again["points"], again["n"]) == (41, 40)
    assert again["ceiling"] == row["ceiling"]
    assert again["note"] == "left out: context seen once (1)"


@pytest.mark.parametrize("people", [5, 30])
def test_rates_with_known_truth(people: int) -> None:
    rng = np.random.default_rng(people)
    found, reached = [], []
    for _ in range(40):
        truth = rng.beta(2, 2, 300)
        seen = rng.binomial(people, truth) / people
        found.append(ceiling(rates(seen.tolist(), n=people))["ceiling"])
        reached.append(np.corrcoef(truth, seen)[0, 1])
    assert np.mean(found) == pytest.approx(np.mean(reached), abs=0.01)


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
    (row,) = ceiling_table(frame, outcomes(frame))
    v = sum(k / 10 * (1 - k / 10) for k in yes) / 6 * 10 / 9
    total = 60 * 0.25 / 59
    assert (row["method"], row["n"], row["note"]) == ("repeated contexts", 60, None)
    assert (row["noise"], row["total"]) == (pytest.approx(v), pytest.approx(total))
    assert row["ceiling"] == pytest.approx(math.sqrt(1 - v / total))


def test_own_prompts_with_known_noise() -> None:
    """What is bounded is reached by who knows the share of every prompt; squared, as above."""
    rng = np.random.default_rng(4)
    error = []
    for _ in range(15):
        truth = np.repeat(rng.beta(1, 1, 40), 25)
        did = rng.random(len(truth)) < truth
        frame = prompts([f"Offer {i // 25}" for i in range(len(truth))], did.tolist())
        (row,) = ceiling_table(frame, outcomes(frame))
        error.append(row["ceiling"] ** 2 - np.corrcoef(truth, did)[0, 1] ** 2)
    assert abs(np.mean(error)) < 3 * np.std(error, ddof=1) / math.sqrt(15)
    assert np.abs(error).max() < 0.1


def test_one_prompt_for_all_bounds_the_brier_score() -> None:
    # 28 of 40 say yes: .7 * .3 * 40 / 39 is what the best constant is wrong by on average.
    frame = prompts(["Take it?"] * 40, [i < 28 for i in range(40)])
    (row,) = ceiling_table(frame, outcomes(frame))
    assert row["ceiling"] is None
    assert row["noise"] == pytest.approx(0.7 * 0.3 * 40 / 39)
    assert row["note"] == (
        "one situation for all: every prediction is constant and r undefined; no Brier score is "
        "expected below .22"
    )


def test_more_noise_than_variation_is_a_ceiling_of_nought_with_a_note() -> None:
    row = ceiling(rates([0.49, 0.51] * 20, n=3))
    assert row["ceiling"] == 0
    assert row["note"] == "more noise than variation, set to 0"


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (rates([0.2, 0.6] * 20), "unknown: the number of people is not printed (40)"),
        (
            rates([0.2, 0.6] * 20, n=30, config='{"trials": 5}'),
            "unknown: several choices per person, spread between people not known (40)",
        ),
        (
            [decision(f"d{i}", choice="yes") for i in range(40)],
            "unknown: what the person saw is not known in numbers (40)",
        ),
        (
            [
                decision(f"d{i}", choice="yes", numbers="{}", config='{"Messages": "Allowed"}')
                for i in range(40)
            ],
            "unknown: words were exchanged (40)",
        ),
        (
            [decision(f"d{i}", choice="yes", numbers=str(i % 2)) for i in range(40)],
            "unknown: 2 contexts seen more than once, below 3",
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
    found = noise(frame, outcomes(frame))
    assert found["noise"].to_list() == pytest.approx([0.16 / 11, 0.021, 0.016])


def test_situations_differ_by_numbers_round_role_and_options() -> None:
    same = {"numbers": "{}", "round": 1, "role": "buyer"}
    rows = [same, same, same | {"round": 2}, same | {"role": "seller"}, same | {"numbers": "[]"}]
    rows += [same | {"keys": ["no", "yes"]}, same | {"numbers": None}]
    found = contexts(table([decision(f"d{i}", **row) for i, row in enumerate(rows)]))["context"]
    assert found[0] == found[1]
    assert found[6] is None
    assert found[:6].n_unique() == 5


# Intervals.


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
    known = noise(frame, outcomes(frame)).drop_nulls("noise")["decision"].to_list()
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
    assert found["note"] == "only 4 clusters, an interval needs 5"
    # All rates but one game's are the same.
    flat = [
        row | {"cluster": "odd" if i < 2 else f"g{i % 9}"}
        for i, row in enumerate(rates([0.9, 0.8] + [0.5] * 38, n=99))
    ]
    found = ceiling(flat)
    assert (found["low"], found["high"]) == (None, None) and found["ceiling"] is not None
    assert found["note"] == "no interval: without one cluster nothing is left to compare"
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
        held += low <= truth <= high
    assert 0.92 < held / 400 < 0.98  # two and a half standard errors of a share of .95
