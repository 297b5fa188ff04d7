"""Levels, calibration lines and r within people, by hand, with scipy and with known truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.support.prompt_studies import evidence, problem, read
from tests.support.stat_frames import decision, loop_r
from tremble.stats.tables.levels import level_of, level_table
from tremble.stats.tables.measures import measure_table

YES = {"keys": ["a", "b"], "target": "a"}


def crossed(people: int, texts: int, seed: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Everybody reads every text; people and texts differ in how many choose a."""
    rng = np.random.default_rng(seed)
    who, what = rng.normal(size=people), rng.normal(size=texts)
    return [
        read(
            f"p{p}",
            f"t{t}",
            "a" if rng.random() < 1 / (1 + math.exp(-who[p] - what[t])) else "b",
            **(YES | more),
        )
        for p in range(people)
        for t in range(texts)
    ]


def said(texts: int, seed: int = 1) -> dict[str, list[float]]:
    rng = np.random.default_rng(seed)
    return {f"t{t}": [p, 1 - p] for t, p in enumerate(rng.uniform(0.1, 0.9, size=texts))}


def test_the_level_of_values_is_in_their_unit_and_in_shares_of_their_range() -> None:
    """Values 1, 2 and 5; people chose 5, 1, 2 and 1; the model expects .5 + .4 + 1.5 = 2.4."""
    rows = [
        read(f"p{i}", f"t{i}", key, values=[1.0, 2.0, 5.0]) for i, key in enumerate("cabababaca")
    ]
    model = {f"t{i}": [0.5, 0.2, 0.3] for i in range(10)}
    (row,) = level_table(evidence(rows, {"m": model}))
    people = np.array([5, 1, 2, 1, 2, 1, 2, 1, 5, 1.0])
    assert (row["outcome"], row["n"], row["line"]) == ("value", 10, "linear")
    assert (row["people"], row["predicted"]) == pytest.approx((people.mean(), 2.4))
    # Ten people, each of whom read a text of their own: the t interval of ten numbers.
    reach = stats.t.ppf(0.975, 9) * people.std(ddof=1) / 10**0.5
    assert (row["low"], row["high"]) == pytest.approx(
        (2.4 - people.mean() - reach, 2.4 - people.mean() + reach)
    )
    assert row["share_high"] == pytest.approx(row["high"] / 4)
    assert row["error"] == pytest.approx(((people - 2.4) ** 2).mean() ** 0.5)
    assert row["slope"] is None and row["r"] is None and row["r_within"] is None
    assert "no slope: constant prediction" in row["note"]
    assert "no r within people: no identified person has two decisions" in row["note"]


def test_one_question_in_thousands_does_not_stretch_the_scale_of_all() -> None:
    rows = [
        read(f"p{i}", f"t{i % 7}", "abc"[i % 3], values=[0.0, 4.0, 1000.0 if i % 7 == 0 else 8.0])
        for i in range(70)
    ]
    model = {f"t{i}": [0.5, 0.2, 0.3] for i in range(7)}
    (row,) = level_table(evidence(rows, {"m": model}))
    assert row["scale"] == 8.0 and row["share"] == pytest.approx(row["difference"] / 8)
    said_of = "options' values range over 8 to 1,000: shares are of the median range"
    assert row["note"].endswith(said_of)


def test_of_people_and_texts_that_cross_it_is_the_two_way_analysis_of_variance() -> None:
    """(MS of people + MS of texts - MS of the rest) / n, in a full crossing."""
    rows, model = crossed(30, 12), said(12)
    (row,) = level_table(evidence(rows, {"m": model}))
    y = np.array([float(one["choice"] == "a") for one in rows]).reshape(30, 12)
    apart = np.array([model[f"t{t}"][0] for t in range(12)]) - y
    mean = apart.mean()
    people, texts = apart.mean(axis=1) - mean, apart.mean(axis=0) - mean
    rest = apart - mean - people[:, None] - texts
    squares = 12 * (people**2).sum() / 29, 30 * (texts**2).sum() / 11, (rest**2).sum() / (29 * 11)
    variance = (squares[0] + squares[1] - squares[2]) / 360
    parts = squares[0] / 360, squares[1] / 360
    df = variance**2 / (parts[0] ** 2 / 29 + parts[1] ** 2 / 11)
    reach = stats.t.ppf(0.975, df) * variance**0.5
    assert (row["difference"], row["low"]) == pytest.approx((mean, mean - reach))
    assert (row["over"], row["line"]) == ("people and items", "logit")
    # r, within people too; the means at every text; the line of the table of measures.
    x = np.broadcast_to(np.array([model[f"t{t}"][0] for t in range(12)]), y.shape)
    assert row["r"] == pytest.approx(loop_r(x.ravel().tolist(), y.ravel().tolist()))
    within = (each - each.mean(axis=1, keepdims=True) for each in (x, y))
    assert row["r_within"] == pytest.approx(loop_r(*(each.ravel().tolist() for each in within)))
    assert abs(row["r_within"]) > abs(row["r"])  # people's own leanings are out
    assert row["r_texts"] == pytest.approx(loop_r(x[0].tolist(), y.mean(axis=0).tolist()))
    assert row["error"] == pytest.approx(((x[0] - y.mean(axis=0)) ** 2).mean() ** 0.5)
    (measured,) = measure_table(evidence(rows, {"m": model}))
    assert row["slope"] == pytest.approx(measured["slope"], abs=1e-8)
    assert row["slope_low"] < row["slope"] < row["slope_high"]


def test_of_few_texts_the_interval_is_of_people_who_read_these_very_texts() -> None:
    """What a text's mean is off by is no luck: of three texts that all read the interval is that of
    people's own means."""
    rows, model = crossed(24, 3), said(3)
    (row,) = level_table(evidence(rows, {"m": model}))
    y = np.array([float(one["choice"] == "a") for one in rows]).reshape(24, 3)
    error = y.mean(axis=1).std(ddof=1) / 24**0.5
    assert row["over"] == "people" and row["note"] == "for these texts only"
    # Each text's own variance weighs in the degrees of freedom, of 23 where people answer alike.
    least, most = stats.t.ppf(0.975, [3 * 23, 23]) * error
    assert least <= (row["high"] - row["low"]) / 2 <= most * 1.0001
    one, few = crossed(24, 1), crossed(4, 2)
    (row,) = level_table(evidence(one, {"m": said(1)}))
    y = np.array([float(each["choice"] == "a") for each in one])
    reach = stats.t.ppf(0.975, 23) * y.std(ddof=1) / 24**0.5
    assert (row["high"] - row["low"]) / 2 == pytest.approx(reach)
    (row,) = level_table(evidence(few, {"m": said(2)}))
    assert row["low"] is None and "only 4 people (an interval needs 5)" in row["note"]
    assert row["over"] is None


def test_rates_are_of_their_problems_or_of_the_people_behind_few() -> None:
    rates = [0.2, 0.5, 0.4, 0.9, 0.7, 0.3]
    rows = [problem(f"d{i}", [p, 1 - p], target="a", n=20) for i, p in enumerate(rates)]
    model = {f"d{i}": [0.6 * p + 0.3, 0.7 - 0.6 * p] for i, p in enumerate(rates)}
    (row,) = level_table(evidence(rows, {"m": model}))
    apart = np.array([0.3 - 0.4 * p for p in rates])
    reach = stats.t.ppf(0.975, 5) * apart.std(ddof=1) / 6**0.5
    assert row["over"] == "people and items"
    assert (row["difference"], row["high"]) == pytest.approx((apart.mean(), apart.mean() + reach))
    assert (row["line"], row["slope"]) == ("linear", pytest.approx(1 / 0.6))
    assert "no r within people: rates are averages of many people" in row["note"]
    (row,) = level_table(evidence(rows[:3], {"m": model}))
    variance = sum(p * (1 - p) / 20 for p in rates[:3]) / 9
    parts = [(p * (1 - p) / 20 / 9) ** 2 / 19 for p in rates[:3]]
    reach = stats.t.ppf(0.975, variance**2 / sum(parts)) * variance**0.5
    assert row["over"] == "people"
    assert (row["high"] - row["low"]) / 2 == pytest.approx(reach)
    unknown = [{**one, "n": None} for one in rows[:3]]
    (row,) = level_table(evidence(unknown, {"m": model}))
    assert row["low"] is None
    assert "the number of people behind a rate is not known" in row["note"]


def test_choices_and_rates_of_few_texts_have_no_interval_together() -> None:
    rows = [*crossed(12, 2), problem("d", [0.4, 0.6], target="a", n=30)]
    named = [row | {"item": str(i % 2)} for i, row in enumerate(rows[:24])]
    mixed = [*named, rows[24] | {"item": "2"}]
    (row,) = level_table(evidence(mixed, {"m": {**said(2), "d": [0.5, 0.5]}}))
    assert row["n"] == 25 and row["low"] is None and row["line"] == "linear"
    assert (
        "single choices and rates cannot share an interval over fewer than five texts"
        in row["note"]
    )


def test_what_has_no_level_says_so() -> None:
    rows = [read(f"p{i}", "t", "abc"[i % 3]) for i in range(9)]
    found = level_of(evidence(rows, {"m": {"t": [0.2, 0.3, 0.5]}}))
    (one,) = found.values()
    assert one.units is None and one.row["n"] == 0 and one.row["difference"] is None
    assert one.row["note"] == (
        "no level: the options have no values, and none of them is the target"
    )
    (row,) = level_table(evidence([*rows, *crossed(6, 6)], {"m": said(6)}))
    assert row["n"] == 36 and "9 decisions without a level excluded" in row["note"]
    nothing = decision("x", participant="p", **YES)
    assert level_table(evidence([nothing], {"m": {"x": [0.5, 0.5]}})) == []


def test_runs_that_say_nothing_of_some_decisions_have_levels_of_the_others() -> None:
    rows = crossed(20, 8)
    models = {"all": said(8), "some": {t: p for t, p in said(8).items() if t != "t3"}, "none": {}}
    found = {row["model"]: row for row in level_table(evidence(rows, models))}
    assert {name: row["n"] for name, row in found.items()} == {"all": 160, "some": 140}
    kept = [row for row in rows if '"t3"' not in row["numbers"]]
    (alone,) = level_table(evidence(kept, {"some": models["some"]}))
    assert {k: v for k, v in found["some"].items() if k != "note"} == pytest.approx(
        {k: v for k, v in alone.items() if k != "note"}
    )


def test_who_leans_where_makes_r_and_no_r_within_people() -> None:
    """A model that knows each person's mean and nothing else."""
    rows = [
        read(f"p{p}", f"t{t}", "a" if (3 * p + 5 * t) % 10 < p else "b", **YES)
        for p in range(10)
        for t in range(10)
    ]
    said_of = {
        one["decision"]: [share, 1 - share]
        for one in rows
        for share in [0.1 + 0.08 * int(one["participant"][1:])]
    }
    (row,) = level_table(evidence(rows, {"m": said_of}))
    assert row["r"] > 0.4 and row["r_within"] is None
    assert "the same within each person" in row["note"]


def test_games_with_a_history_are_of_people_and_games() -> None:
    rows = [
        decision(
            f"{p}/{g}/{at}",
            participant=f"p{p}",
            game=f"{p}/{g}",
            cluster=f"{p}/{g}",
            at=at,
            choice="yes" if (p + g * at) % 3 else "no",
        )
        for p in range(8)
        for g in range(2)
        for at in range(4)
    ]
    (row,) = level_table(
        evidence([one | {"keys": ["a", "b"], "target": "a", "choice": "ab"[i % 2]}
                  for i, one in enumerate(rows)],
                 {"m": {one["decision"]: [0.3 + 0.01 * (i % 7), 0.7 - 0.01 * (i % 7)]
                        for i, one in enumerate(rows)}})
    )  # fmt: skip
    assert row["over"] == "people and games"
    assert row["r_texts"] is None and row["error"] is None and row["r_within"] is not None
    assert "only 8 clusters" in row["note"]


@pytest.mark.slow
def test_the_interval_of_a_level_holds_it() -> None:
    """40 people x 12 texts, a model that is right on average over texts: 200 simulations of 95%
    hold 91 to 99%."""
    rng = np.random.default_rng(8)
    held = 0
    for turn in range(200):
        rows = crossed(40, 12, seed=100 + turn)
        # Symmetric leanings: half of all people choose a, over texts and people.
        (row,) = level_table(
            evidence(rows, {"m": {f"t{t}": [p, 1 - p] for t, p in
                                  enumerate(np.clip(0.5 + 0.1 * rng.normal(size=12), 0.01, 0.99))}})
        )  # fmt: skip
        held += row["low"] <= 0 <= row["high"]
    assert 0.91 <= held / 200 <= 0.99
