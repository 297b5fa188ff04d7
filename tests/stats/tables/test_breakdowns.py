"""Breakdowns, model groups, the sweep and closeness to theory, against loops over subsets."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.stat_frames import DECISIONS, SCORES, decision, loop_r, score
from tremble.errors import UserError
from tremble.stats.filters import dropped
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.frames.predictions import predictions
from tremble.stats.frames.subsets import subsets
from tremble.stats.inference.significance import binomial
from tremble.stats.tables.breakdowns import breakdown, wins_table
from tremble.stats.tables.model_groups import (
    by_model_group,
    filter_sweep,
    median_interval,
    size_band,
)
from tremble.stats.tables.normative import normative_models, normative_pairs
from tremble.stats.tables.pairs import pair_table

SCHEMA = DECISIONS | {
    "config": pl.String,
    "round": pl.Int32,
    "numbers": pl.String,
    "normative": pl.List(pl.Float64),
    "normative_why": pl.String,
}
PAIR = Comparison("b", "a", "plain", "plain", "plain")


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    blank = dict.fromkeys(("config", "round", "numbers", "normative", "normative_why"))
    return pl.DataFrame([blank | row for row in rows], schema=SCHEMA)


def study(seed: int = 0, count: int = 400) -> Evidence:
    """Two models, two families, two parameters, rounds 1 to 10, some scores missing."""
    rng = random.Random(seed)
    people, scores = [], []
    for i in range(count):
        name, told = f"d{i}", rng.randrange(2)
        people.append(
            decision(
                name,
                family="bargaining" if i % 4 else "persuasion",
                choice=rng.choice(["yes", "no"]),
                round=i % 10 + 1,
                config=json.dumps({"Stakes": rng.choice([10, 9, 100]), "Told": bool(told)}),
            )
        )
        right = people[-1]["choice"] == "yes"
        for model, noise in (("b", 1.0), ("a", 3.0)):
            if rng.random() < 0.9:
                p = 0.1 + 0.8 * (right + noise * rng.random()) / (1 + noise)
                scores.append(score(name, [p, 1 - p], model=model, mass=rng.uniform(0.7, 0.95)))
    frame, d = pl.DataFrame(scores, schema=SCORES), table(people)
    return Evidence(d, outcomes(d), predictions(frame, d))


@pytest.mark.parametrize("by", ["parameter", "round", "Stakes", "family", "formulation"])
@pytest.mark.slow
def test_a_subset_has_the_pair_table_of_its_decisions_alone(by: str) -> None:
    evidence = study()
    decisions = evidence.decisions
    rows = breakdown(evidence, [PAIR], by)
    members = subsets(decisions, by).join(decisions.select("decision", "family"), on="decision")
    # Rounds of persuasion are odd ones only: 2 + 3 + 10 and 2 + 3 + 5.
    sizes = {"parameter": 10, "round": 25, "Stakes": 6, "family": 2, "formulation": 2}
    assert len(rows) == sizes[by]
    for row in rows:
        mine = members.filter(
            (pl.col("family") == row["family"]) & (pl.col("parameter") == row["parameter"])
        )
        if by not in ("family", "formulation"):
            mine = mine.filter(pl.col("value") == row["value"])
        few = decisions.join(mine, on="decision", how="semi")
        inside = evidence.outcomes.join(few, on="decision", how="semi")
        (want,) = pair_table(Evidence(few, inside, evidence.predictions), [PAIR])
        for name, value in want.items():
            assert row[name] == (pytest.approx(value) if isinstance(value, float) else value), name
    assert any(row["kept"] for row in rows) and len({row["n"] for row in rows}) > 1


def test_values_of_parameters_stand_in_their_order_and_as_text() -> None:
    rows = breakdown(study(), [PAIR], "parameter")
    found = [(row["parameter"], row["value"]) for row in rows if row["family"] == "bargaining"]
    assert found[:3] == [("Stakes", "9"), ("Stakes", "10"), ("Stakes", "100")]
    assert found[3:] == [("Told", "false"), ("Told", "true")]


def test_thirds_are_of_told_rounds_else_of_the_longest_play() -> None:
    rows = [decision(f"t{i}", round=i, config='{"Max rounds": "12"}') for i in range(1, 7)]
    rows += [decision(f"h{i}", round=i, config='{"Max rounds": "30"}') for i in range(1, 7)]
    rows += [decision(f"o{i}", family="persuasion", round=i) for i in range(1, 11)]
    found = subsets(table(rows), "round").filter(pl.col("parameter") == "third")
    value = dict(found.select("decision", "value").iter_rows())
    assert [value[f"t{i}"] for i in range(1, 7)] == ["early"] * 4 + ["mid"] * 2
    assert [value[f"h{i}"] for i in range(1, 7)] == ["early"] * 2 + ["mid"] * 2 + ["late"] * 2
    # Ten rounds as in the core study's table: early 1 to 3, mid 4 to 7, late 8 to 10.
    assert [value[f"o{i}"] for i in range(1, 11)] == ["early"] * 3 + ["mid"] * 4 + ["late"] * 3


@pytest.mark.parametrize("numbers", [True, False])
def test_two_situations_have_no_r(numbers: bool) -> None:
    rng = random.Random(1)
    people, scores = [], []
    for i in range(120):
        first = i < 60
        seen = i % 2 if first else i
        people.append(
            decision(
                f"d{i}",
                family="repeated_matrix",
                round=1 if first else 2,
                choice=rng.choice(["yes", "no"]),
                numbers=json.dumps(seen) if numbers else None,
            )
        )
        for model in "ba":
            p = 0.3 + 0.2 * seen if first else rng.random()
            scores.append(score(f"d{i}", [p, 1 - p], model=model))
    frame, d = pl.DataFrame(scores, schema=SCORES), table(people)
    rows = breakdown(Evidence(d, outcomes(d), predictions(frame, d)), [PAIR], "round")
    begun = next(row for row in rows if row["value"] == "first")
    assert (begun["n"], begun["r_base"], begun["winner"]) == (60, None, None)
    assert begun["why"] == "undefined: 2 contexts"
    later = next(row for row in rows if row["value"] == "later")
    assert later["r_base"] is not None
    noted = {row["value"]: row["note"] for row in wins_table(rows)}
    assert noted["first"] == "undefined: 2 contexts (1)"


def test_an_unknown_breakdown_is_refused_with_what_there_is() -> None:
    evidence = study(count=20)
    there = "Stakes, Told, dataset, family, formulation, round, topology"
    cures = {"rounds": r"did you mean 'round'\?", "xyzzy": rf"choose from: {there}\."}
    for name, cure in cures.items():
        with pytest.raises(UserError, match=f"^There is no breakdown '{name}'; {cure}$"):
            breakdown(evidence, [PAIR], name)
    assert breakdown(evidence, [PAIR], "topology") == []


# --- wins, sweep, groups -------------------------------------------------------------------


def pair(i: int, base: float | None, aligned: float | None, **more: Any) -> dict[str, Any]:
    row = {
        "base": f"b{i}",
        "aligned": f"a{i}",
        "mode": "native",
        "formulation": "standard",
        "family": "bargaining",
        "r_base": base,
        "r_aligned": aligned,
        "mass_base": 1.0,
        "mass_aligned": 1.0,
        "winner": None,
        "kept": base is not None,
        "why": None if base is not None else "n = 3, below 30",
    }
    if base is not None and aligned is not None:
        row["winner"] = "base" if base > aligned else "aligned" if aligned > base else "tie"
    return row | more


def test_wins_are_counted_and_tested() -> None:
    rows = [pair(i, 0.5, 0.1) for i in range(5)] + [pair(5, 0.1, 0.5), pair(6, 0.4, 0.4)]
    rows += [pair(7, None, None), pair(8, 0.1, 0.2, kept=False)]
    rows += [pair(0, 0.1, 0.5, family="negotiation"), pair(0, 0.1, 0.5, family="lottery")]
    found = {row["family"]: row for row in wins_table(rows)}
    row = found["bargaining"]
    assert (row["pairs"], row["kept"], row["base"], row["aligned"], row["ties"]) == (9, 7, 5, 1, 1)
    assert (row["direction"], row["note"]) == (
        "base",
        "n = 3, below 30 (1); dropped by the filters (1)",
    )
    assert row["p"] == pytest.approx(7 / 64)  # five or six of six
    assert (found["all"]["base"], found["all"]["aligned"]) == (5, 2)
    assert found["all"]["p"] == binomial(5, 2)


def test_the_sweep_counts_what_passes_each_pair_of_filters() -> None:
    rng = random.Random(2)
    rows = [
        pair(i, rng.random(), rng.random(), mass_base=rng.random(), mass_aligned=rng.random())
        for i in range(200)
    ] + [pair(200, None, None)]
    found = [row for row in filter_sweep(rows) if row["family"] == "bargaining"]
    assert len(found) == 36
    for row in found:
        passed = [
            p
            for p in rows[:200]
            if (row["mass"] is None or min(p["mass_base"], p["mass_aligned"]) >= row["mass"])
            and (row["min_r"] is None or max(p["r_base"], p["r_aligned"]) >= row["min_r"])
        ]
        wins = sum(p["r_base"] > p["r_aligned"] for p in passed)
        assert (row["base"], row["aligned"]) == (wins, len(passed) - wins)
        assert row["kept"] == len(passed)
    assert dropped((0.1, 0.1), (1.0, 1.0)) is not None


def test_median_interval_is_that_of_resampled_medians() -> None:
    rng = np.random.default_rng(0)
    values, names = rng.normal(0.3, 0.1, 25), [i // 2 for i in range(25)]
    found = median_interval(values, names, 400, 7)
    drawn = np.random.default_rng(7).multinomial(13, np.full(13, 1 / 13), 400)
    medians = [
        np.median([v for v, name in zip(values, names, strict=True) for _ in range(counts[name])])
        for counts in drawn
    ]
    assert found == pytest.approx(tuple(np.percentile(medians, [2.5, 97.5])))
    assert median_interval(values[:2], ["x", "x"]) == (None, None)
    assert median_interval(values, names) == median_interval(values, names)


def test_groups_by_model_family_and_size() -> None:
    assert [size_band(v) for v in (0.1, 2.99, 3, 13.9, 14, 72, None)] == [
        *["below 3B"] * 2,
        *["3B to 14B"] * 2,
        *["from 14B"] * 2,
        None,
    ]
    rows = [pair(i, 0.5 + i / 100, 0.3) for i in range(6)] + [pair(6, 0.1, 0.9)]
    catalogue = {f"b{i}": ("X" if i < 3 else "Y", 1.0 if i < 4 else 70.0) for i in range(6)}
    found = by_model_group(rows, catalogue)
    mine = {(r["group"], r["value"]): r for r in found if r["family"] == "bargaining"}
    order = [key for key in mine if key[0] == "size"]
    assert order == [("size", "below 3B"), ("size", "from 14B"), ("size", None)]
    assert mine["size", "below 3B"]["median"] == pytest.approx(0.215)
    assert 0.2 <= mine["size", "below 3B"]["low"] <= 0.215 <= mine["size", "below 3B"]["high"]
    assert mine["model family", "Y"]["base"] == 3
    lone = mine["model family", None]
    assert (lone["aligned"], lone["low"]) == (1, None)
    assert (
        lone["note"]
        == "model family not known, or different for base and aligned; one pair, no interval"
    )
    none = by_model_group([rows[0] | {"kept": False}], catalogue)
    assert {(r["kept"], r["median"], r["note"]) for r in none} == {(0, None, "no pair kept")}


def test_twins_of_two_model_families_are_of_none() -> None:
    rows = [pair(i, 0.5, 0.3) for i in range(4)]
    catalogue = {
        "b0": ("X", 1.0),
        "a0": ("Y", 2.0),
        "b1": ("X", 1.0),
        "a1": ("X", None),
        "a2": ("X", 1.0),
    }
    found = by_model_group(rows, catalogue)
    pairs = {(row["group"], row["value"]): row["pairs"] for row in found}
    assert pairs["model family", "X"] == 2
    assert pairs["model family", None] == pairs["size", None] == 2


# --- theory --------------------------------------------------------------------------------


def test_closeness_to_theory_on_the_decisions_it_decides() -> None:
    rng = random.Random(3)
    people, scores = [], []
    for i in range(80):
        said = None if i % 5 == 0 else [rng.choice([0.0, 0.5, 1.0])] * 2
        if said:
            said[1] = 1 - said[0]
        people.append(
            decision(
                f"d{i}",
                participant=f"p{i}",
                choice=rng.choice(["yes", "no"]),
                normative=said,
                normative_why=None if said else "indifferent",
            )
        )
        for model, pull in (("b", 0.1), ("a", 0.5)):
            if (i, model) != (1, "b"):
                p = 0.2 + pull * (said[0] if said else 0) + 0.3 * rng.random()
                scores.append(score(f"d{i}", [p, 1 - p], model=model))
    frame, d = pl.DataFrame(scores, schema=SCORES), table(people)
    predicted = predictions(frame, d)
    evidence = Evidence(d, outcomes(d), predicted)
    prediction = {
        (row["model"], row["decision"]): row["prediction"]
        for row in predicted.filter(pl.col("key") == "yes").iter_rows(named=True)
    }
    both = [p for i, p in enumerate(people) if p["normative"] and i != 1]
    theory = [p["normative"][0] for p in both]
    (row,) = normative_pairs(evidence, [PAIR])
    for side, model in (("base", "b"), ("aligned", "a")):
        want = loop_r([prediction[model, p["decision"]] for p in both], theory)
        assert row[f"r_{side}"] == pytest.approx(want)
    assert row["r_people"] == pytest.approx(
        loop_r([float(p["choice"] == "yes") for p in both], theory)
    )
    assert (row["n"], row["closer"], row["undecided"]) == (63, "aligned", 16)
    assert row["note"] == "no normative prediction: indifferent (16)"
    models = {row["model"]: row for row in normative_models(evidence)}
    assert (models["b"]["n"], models["a"]["n"]) == (63, 64)
    assert models["b"]["r"] == pytest.approx(row["r_base"])
    assert models["a"]["closer"] == "model"


def test_few_decisions_name_nobody_closer_to_theory() -> None:
    rng = random.Random(4)
    d = table(
        [
            decision(
                f"d{i}",
                participant=f"p{i}",
                choice=rng.choice(["yes", "no"]),
                normative=[i % 2, 1 - i % 2],
            )
            for i in range(30)
        ]
    )
    rows = [score(f"d{i}", [0.2 + 0.3 * rng.random(), 0.5]) for i in range(30)]
    for n, note in ((30, "no clear difference"), (29, "n = 29, below 30")):
        few = d.head(n)
        frame = pl.DataFrame(rows[:n], schema=SCORES)
        (row,) = normative_models(Evidence(few, outcomes(few), predictions(frame, few)))
        assert None not in (row["r"], row["r_people"])
        assert (row["closer"], row["note"]) == (None, note)
        assert (row["low"] is None) == (n < 30)


def theory_and_people(pull: float, seed: int = 8) -> tuple[pl.DataFrame, pl.DataFrame]:
    """50 people of four decisions who follow theory a little; two models, `pull` and .1 of it."""
    rng = np.random.default_rng(seed)
    people, scores = [], []
    for i in range(200):
        said = int(rng.integers(2))
        chosen = rng.random() < 0.4 + 0.2 * said
        people.append(
            decision(
                f"d{i}",
                participant=str(i // 4),
                choice="yes" if chosen else "no",
                normative=[said, 1 - said],
            )
        )
        for model, weight in (("b", pull), ("a", 0.1)):
            p = float(np.clip(0.45 + weight * (said - 0.5) + 0.2 * rng.normal(), 0.01, 0.99))
            scores.append(score(f"d{i}", [p, 1 - p], model=model))
    return pl.DataFrame(scores, schema=SCORES), table(people)


@pytest.mark.parametrize(("pull", "closer"), [(0.1, None), (0.6, "first")])
def test_nobody_is_closer_where_the_difference_may_be_zero(pull: float, closer: str | None) -> None:
    """The ends against the percentiles of a plain bootstrap of people, written out here."""
    frame, d = theory_and_people(pull)
    predicted = predictions(frame, d)
    evidence = Evidence(d, outcomes(d), predicted)
    model = {row["model"]: row for row in normative_models(evidence)}["b"]
    (counterparts,) = normative_pairs(evidence, [PAIR])
    theory = np.array([one[0] for one in d["normative"]])
    did = (d["choice"] == "yes").to_numpy().astype(float)
    own, other = (
        predicted.filter(pl.col("key") == "yes", pl.col("model") == name)["prediction"].to_numpy()
        for name in ("b", "a")
    )
    drawn = np.random.default_rng(1).integers(50, size=(1500, 50))
    for row, beside, side in ((model, did, "model"), (counterparts, other, "base")):
        gaps = []
        for sample in drawn:
            at = (sample[:, None] * 4 + np.arange(4)).ravel()
            r = np.corrcoef([own[at], beside[at], theory[at]])[2]
            gaps.append(r[0] - r[1])
        assert (row["low"], row["high"]) == pytest.approx(
            np.percentile(gaps, [2.5, 97.5]), abs=0.04
        )
        assert row["closer"] == (side if closer else None)
        assert row["note"] == (None if closer else "no clear difference")


@pytest.mark.parametrize(
    ("said", "note"),
    [
        (None, "no decision with a normative prediction; no normative prediction: no reason (40)"),
        ([1.0, 0.0], "theory predicts the same in all 40"),
    ],
)
def test_theory_that_says_nothing_gives_no_r(said: list[float] | None, note: str) -> None:
    d = table([decision(f"d{i}", choice="yes", normative=said) for i in range(40)])
    frame = pl.DataFrame([score(f"d{i}", [0.01 * i, 1]) for i in range(40)], schema=SCORES)
    (row,) = normative_models(Evidence(d, outcomes(d), predictions(frame, d)))
    assert (row["r"], row["r_people"], row["closer"], row["note"]) == (None, None, None, note)
