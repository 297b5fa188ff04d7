"""The mean of one condition over other items and other people, by hand and by loops."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.baseline_frames import frame, offer, own, said
from tremble.baselines.base import baseline_predictions
from tremble.baselines.condition_logistic import condition_logistic
from tremble.baselines.condition_mean import ALIKE, ALONE, condition_mean
from tremble.baselines.own_prompts import NO_OUTCOME, NO_TARGET, asked_of
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.tables.baselines import baseline_table

Rows = list[dict[str, Any]]
BOTH = pytest.mark.parametrize("baseline", [condition_mean, condition_logistic])


def problem(name: str, rate: float, **config: Any) -> dict[str, Any]:
    """A rate of a text of its own."""
    return own(name, f"text {name}", config, rates=[rate, 1 - rate], item=name[0])


def crossed(
    people: int, items: int, seed: int, effect: float = 0.0, between: str = "", spread: float = 0.8
) -> Rows:
    """Everybody reads every item, in one of two arms: by chance, or as the person or the item has
    it. People and items differ by `spread` on the log-odds scale."""
    rng = np.random.default_rng(seed)
    lean, hard = rng.normal(0, spread, people), rng.normal(0, spread, items)
    found = []
    for item in range(items):
        for person in range(people):
            arm = {"people": person, "items": item}.get(between, item + person) % 2
            z = lean[person] + hard[item] + effect * (arm - 0.5)
            chosen = "yes" if rng.random() < 1 / (1 + np.exp(-z)) else "no"
            who = {"participant": f"p{person}", "item": f"i{item}", "choice": chosen}
            config = {"arm": ["low", "high"][arm], "topic": f"i{item}"}
            found.append(own(f"{item}/{person}", f"{item} {arm}", config, **who))
    return found


def r_of(decisions: pl.DataFrame, predicted: pl.DataFrame) -> float:
    held = predicted.join(outcomes(decisions), on="decision")
    return float(np.corrcoef(held["prediction"], held["outcome"])[0, 1])


def test_of_three_items_the_two_others_count() -> None:
    rates = {"a": (0.1, 0.6), "b": (0.2, 0.8), "c": (0.6, 0.7)}
    rows = [
        problem(f"{item}{arm}", rate, arm=arm)
        for item, both in rates.items()
        for arm, rate in enumerate(both)
    ]
    found = said(condition_mean(frame(rows)))
    want = {"a0": 0.4, "a1": 0.75, "b0": 0.35, "b1": 0.65, "c0": 0.15, "c1": 0.7}
    assert found == pytest.approx(want)


def test_options_are_predicted_by_the_same_option_of_other_items() -> None:
    keys = ["low", "middle", "high"]
    rates = {"a": [0.2, 0.3, 0.5], "b": [0.4, 0.4, 0.2], "c": [0.6, 0.1, 0.3]}
    rows = [
        own(name, name, {}, keys=keys, rates=of, target=None, item=name)
        for name, of in rates.items()
    ]
    found = condition_mean(frame(rows))
    of_a = dict(found.filter(pl.col("decision") == "a").select("key", "prediction").iter_rows())
    assert of_a == pytest.approx({"low": 0.5, "middle": 0.25, "high": 0.25})


@BOTH
def test_a_choice_among_three_options_is_predicted_option_by_option(baseline: Any) -> None:
    keys = ["a", "b", "c"]
    rows = [
        own(
            f"{item}/{who}",
            f"{item}",
            {"arm": item % 2},
            keys=keys,
            target=None,
            choice=keys[(item + who) % 2],
            participant=f"p{who}",
        )
        for item in range(6)
        for who in range(6)
    ]
    found = baseline(frame(rows))
    assert found["why"].null_count() == found.height == 3 * len(rows)
    shares = found.group_by("key").agg(pl.col("prediction").mean())
    means = dict(shares.iter_rows())
    assert sum(means.values()) == pytest.approx(1) and means["c"] < 0.1 < means["a"]


def test_every_prediction_is_a_mean_without_the_item_and_without_the_person() -> None:
    rows = crossed(9, 7, seed=3, between="people")
    table = frame(rows)
    found = said(condition_mean(table))
    ((asked, reason),) = asked_of(table)
    assert reason is None
    names = asked.points["decision"].to_list()
    folds = {
        name: fold for name, *fold in zip(names, asked.item_fold, asked.person_fold, strict=True)
    }
    items: dict[str, set[int]] = {}
    for one in rows:
        items.setdefault(one["item"], set()).add(folds[one["decision"]][0])
        others = [
            float(other["choice"] == "yes")
            for other in rows
            if json.loads(other["config"])["arm"] == json.loads(one["config"])["arm"]
            and folds[other["decision"]][0] != folds[one["decision"]][0]
            and folds[other["decision"]][1] != folds[one["decision"]][1]
        ]
        assert found[one["decision"]] == pytest.approx(np.mean(others))
    assert all(len(of) == 1 for of in items.values())
    # Seven items and nine people in three folds each: none is empty, none much larger.
    assert sorted(np.bincount([of.pop() for of in items.values()])) == [2, 2, 3]


@BOTH
@pytest.mark.parametrize("left", ["item", "participant"])
def test_what_is_predicted_never_enters(baseline: Any, left: str) -> None:
    rows = crossed(9, 7, seed=5, effect=2.0)
    value = rows[11][left]
    changed = [
        one | {"choice": {"yes": "no", "no": "yes"}[one["choice"]]} if one[left] == value else one
        for one in rows
    ]
    before, after = said(baseline(frame(rows))), said(baseline(frame(changed)))
    mine = {one["decision"] for one in rows if one[left] == value}
    assert {n: before[n] for n in mine} == pytest.approx({n: after[n] for n in mine}, abs=1e-9)
    assert any(before[n] != pytest.approx(after[n], abs=1e-3) for n in before if n not in mine)


@BOTH
def test_equal_texts_under_other_names_are_left_out_as_well(baseline: Any) -> None:
    rows = crossed(9, 7, seed=5, effect=2.0)
    # The texts of item 2 are those of item 4; other data sets name their items apart.
    rows = [
        one | {"numbers": json.dumps({"read": f"4 {json.loads(one['numbers'])['read'][-1]}"})}
        if one["item"] == "i2"
        else one
        for one in rows
    ]
    changed = [one | {"choice": "yes"} if one["item"] == "i2" else one for one in rows]
    before, after = said(baseline(frame(rows))), said(baseline(frame(changed)))
    for one in rows:
        if one["item"] in ("i2", "i4"):
            assert before[one["decision"]] == pytest.approx(after[one["decision"]], abs=1e-9)


def test_what_cannot_be_said_has_its_reason() -> None:
    def reasons(rows: Rows) -> set[str | None]:
        found = condition_mean(frame(rows))
        assert found["decision"].n_unique() == len(rows)
        return set(found["why"])

    two = [problem(f"{item}{arm}", 0.4, arm=arm) for item in "ab" for arm in (0, 1)]
    assert reasons(two) == {"only 2 items; at least 3 are needed to leave one out"}
    rows = crossed(2, 7, seed=1)
    assert reasons(rows) == {"only 2 participants; at least 3 are needed to leave one out"}
    rows = [one | {"participant": None} for one in rows]  # as many people as decisions
    assert reasons(rows) == {None}
    same = [problem(name, 0.4, arm=1, text=name) for name in "abcd"]
    assert reasons(same) == {ALIKE}
    # A third arm that one item alone has; its prediction would be a guess.
    rows = [problem(f"{item}{arm}", 0.4 + arm / 9, arm=arm) for item in "abcd" for arm in (0, 1)]
    assert reasons([*rows, problem("a2", 0.5, arm=2)]) == {None, ALONE}
    lacking = [own("t", "t", {"arm": 1}, target=None, choice="yes", item="x")]
    assert reasons([*rows, *lacking]) == {None, NO_TARGET}
    assert reasons([*rows, own("n", "n", {"arm": 1}, item="x")]) == {None, NO_OUTCOME}


def test_a_key_that_names_items_plays_no_part() -> None:
    rows = [
        problem(f"{item}{arm}", (number + 3 * arm) / 10, arm=arm, topic=item, amount=10 + number)
        for number, item in enumerate("abc")
        for arm in (0, 1)
    ]
    assert said(condition_mean(frame(rows)))["a0"] == pytest.approx(0.15)


def test_only_prompts_of_ones_own_are_spoken_of() -> None:
    rows = crossed(6, 6, seed=2)
    known = offer("game", 0.5, "accept")
    table = frame([*rows, known])
    found = baseline_predictions(table).filter(pl.col("baseline").str.starts_with("condition"))
    assert set(found["decision"]) == {one["decision"] for one in rows}
    evidence = Evidence(table, outcomes(table), baseline_predictions=baseline_predictions(table))
    families = {
        (one["baseline"], one["family"])
        for one in baseline_table(evidence)
        if "condition" in one["baseline"]
    }
    assert families == {("condition_mean", "own"), ("condition_logistic", "own")}
    (mean,) = (one for one in baseline_table(evidence) if one["baseline"] == "condition_mean")
    assert mean["n"] == 36


@BOTH
@pytest.mark.parametrize("between", ["", "people", "items"])
def test_noise_gives_no_r_above_zero_and_an_effect_is_found(baseline: Any, between: str) -> None:
    def average(effect: float) -> tuple[float, float]:
        tables = [frame(crossed(24, 12, seed, effect, between)) for seed in range(40)]
        r = [r_of(table, baseline(table)) for table in tables]
        return float(np.mean(r)), float(np.std(r) / np.sqrt(len(r)))

    noise, error = average(0.0)
    assert noise < 2 * error
    found, error = average(2.5)
    assert found > 0.25 and found > 5 * error
