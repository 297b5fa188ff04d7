"""Pairs and their filters, against loops over every row."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.stat_frames import decision, frames, loop_r, score
from tremble.stats.filters import Filters, dropped, winner
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.tables.analysis import analyze


def twin_study(
    base: Sequence[float | None],
    aligned: Sequence[float | None],
    choices: Sequence[int],
    mass: tuple[float, float] = (1.0, 1.0),
    family: str = "bargaining",
) -> list[dict[str, Any]]:
    people = [
        decision(f"d{i}", family=family, choice="yes" if c else "no") for i, c in enumerate(choices)
    ]
    rows = [
        score(f"d{i}", [p, 1 - p], model=model, format=form, mass=m)
        for model, form, values, m in [
            ("b", "plain", base, mass[0]),
            ("a", "chat", aligned, mass[1]),
        ]
        for i, p in enumerate(values)
        if p is not None
    ]
    pair = Comparison("b", "a", "plain", "chat", "native")
    return analyze(*frames(rows, people), [pair]).pairs


def signal(n: int, noise: float, seed: int) -> tuple[list[float], list[int]]:
    rng = random.Random(seed)
    y = [i % 2 for i in range(n)]
    return [0.3 + 0.3 * v + noise * rng.random() for v in y], y


def test_twins_are_compared_on_what_both_have_scored() -> None:
    x, y = signal(40, 0.3, 1)
    other = [0.5 * v + 0.1 for v in reversed(x)]
    base = [None if i < 4 else v for i, v in enumerate(x)]
    aligned = [None if i % 10 == 9 else v for i, v in enumerate(other)]
    both = [i for i in range(40) if i >= 4 and i % 10 != 9]
    (row,) = twin_study(base, aligned, y)
    assert row["n"] == len(both) == 32
    assert row["r_base"] == pytest.approx(loop_r([x[i] for i in both], [y[i] for i in both]))
    assert row["r_aligned"] == pytest.approx(loop_r([other[i] for i in both], [y[i] for i in both]))
    assert row["winner"] == "base"


def test_below_thirty_decisions_nobody_wins() -> None:
    x, y = signal(30, 0.1, 2)
    noise = signal(30, 3.0, 3)[0]
    noise = [v / 4 for v in noise]
    (row,) = twin_study(x, noise, y)
    assert (row["n"], row["winner"], row["kept"], row["why"]) == (30, "base", True, None)
    (row,) = twin_study([None, *x[1:]], noise, y)
    assert (row["n"], row["winner"], row["kept"]) == (29, None, False)
    assert row["why"] == "n = 29, below 30"


def test_an_undefined_r_of_one_twin_leaves_no_winner() -> None:
    x, y = signal(40, 0.1, 4)
    (row,) = twin_study(x, [0.5] * 40, y)
    assert (row["r_aligned"], row["winner"], row["kept"]) == (None, None, False)
    assert row["why"] == "constant prediction of aligned"
    assert row["r_base"] is not None
    (row,) = twin_study(x, x[::-1], [1] * 40)
    assert (row["winner"], row["why"]) == (None, "all 40 choices are yes")


def test_equal_twins_tie() -> None:
    x, y = signal(40, 0.1, 5)
    (row,) = twin_study(x, [v / 2 for v in x], y)
    assert row["winner"] == "tie"
    assert winner(0.5, 0.5 + 1e-12) == "tie"
    assert winner(0.5, 0.500001) == "aligned"


@pytest.mark.parametrize(
    ("r", "mass", "kept"),
    [
        ((0.30, -0.5), (0.80, 0.80), True),
        ((-0.5, 0.30), (0.80, 1.00), True),
        ((0.2999, 0.2999), (1.0, 1.0), False),
        ((0.9, 0.9), (0.7999, 1.0), False),
        ((0.9, 0.9), (1.0, 0.7999), False),
        ((0.9, 0.9), (None, 1.0), False),
    ],
)
def test_filters_at_their_boundaries(
    r: tuple[float, float], mass: tuple[float | None, float | None], kept: bool
) -> None:
    assert (dropped(r, mass) is None) is kept


def test_a_filter_can_be_switched_off() -> None:
    assert dropped((0.1, 0.1), (0.1, None), Filters(None, None)) is None
    assert dropped((0.1, 0.1), (0.1, None), Filters(None, 0.3)) == "both r below .30"


def test_a_mass_just_below_the_threshold_is_not_printed_as_the_threshold() -> None:
    assert dropped((0.9, 0.9), (0.7999, 1.0)) == "mass of base .7999 below .80"


def test_a_mean_mass_at_the_threshold_passes_in_spite_of_rounding() -> None:
    x, y = signal(41, 0.1, 6)
    (row,) = twin_study(x, [1 - v for v in x], y, mass=(0.8, 0.8))
    assert row["kept"] is True
    (row,) = twin_study(x, [1 - v for v in x], y, mass=(0.8, 0.79))
    assert (row["kept"], row["winner"]) == (False, "base")
    assert row["why"] == "mass of aligned .79 below .80"


def test_a_control_uses_the_scores_under_the_partners_template() -> None:
    x, y = signal(40, 0.2, 7)
    people = [decision(f"d{i}", choice="yes" if c else "no") for i, c in enumerate(y)]
    rows = [
        score(f"d{i}", [p, 1 - p], model=model, format="chat", template=template)
        for model, template, values in [
            ("b", None, [0.5] * 40),
            ("b", "a", x),
            ("a", None, [1 - v for v in x]),
        ]
        for i, p in enumerate(values)
    ]
    pair = Comparison("b", "a", "chat", "chat", "chat", base_template="a")
    (row,) = analyze(*frames(rows, people), [pair]).pairs
    assert row["r_base"] == pytest.approx(loop_r(x, y))
    assert row["r_aligned"] == pytest.approx(-loop_r(x, y))


# --- everything at once, against loops -----------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
@pytest.mark.slow
def test_tables_agree_with_plain_loops(seed: int) -> None:
    rng = random.Random(seed)
    people = []
    for i in range(70):
        family = rng.choice(["bargaining", "lottery"])
        if family == "bargaining":
            more: dict[str, Any] = {"choice": rng.choice(["yes", "no", None])}
        else:
            rate = rng.random()
            more = {"rates": [rate, 1 - rate]}
        people.append(decision(f"d{i}", family=family, **more))
    rows = []
    for model, d, order in itertools.product("ba", people, (0, 1)):
        if rng.random() < 0.03:
            continue
        probabilities: list[float | None] = [rng.random() + 0.01, rng.random() + 0.01]
        if rng.random() < 0.03:
            probabilities[rng.randrange(2)] = None
        error = "broken" if rng.random() < 0.03 else None
        mass = rng.random()
        rows.append(
            score(d["decision"], probabilities, model=model, presentation=order, error=error)
            | {"mass": mass}
        )
    rng.shuffle(rows)
    tried = {
        d["decision"]: {r["presentation"] for r in rows if r["decision"] == d["decision"]}
        for d in people
    }
    predicted: dict[tuple[str, str], tuple[float, float]] = {}
    for model, d in itertools.product("ba", people):
        good = [
            r
            for r in rows
            if (r["model"], r["decision"]) == (model, d["decision"])
            and r["error"] is None
            and None not in r["logprobs"]
        ]
        if good and len(good) == len(tried[d["decision"]]):
            shares = [math.exp(r["logprobs"][0]) / sum(map(math.exp, r["logprobs"])) for r in good]
            masses = [r["mass"] for r in good]
            predicted[model, d["decision"]] = (sum(shares) / len(good), sum(masses) / len(good))
    outcome = {
        d["decision"]: d["rates"][0] if d["rates"] else float(d["choice"] == "yes")
        for d in people
        if d["rates"] or d["choice"]
    }
    pair = Comparison("b", "a", "plain", "plain", "plain")
    found = analyze(*frames(rows, people), [pair])
    for row in found.models:
        mine = [d["decision"] for d in people if d["family"] == row["family"]]
        scored = [d for d in mine if (row["model"], d) in predicted]
        known = [d for d in scored if d in outcome]
        assert (row["n"], row["missing"]) == (len(scored), len(mine) - len(scored))
        assert row["mass"] == pytest.approx(
            sum(predicted[row["model"], d][1] for d in scored) / len(scored)
        )
        want = loop_r([predicted[row["model"], d][0] for d in known], [outcome[d] for d in known])
        assert row["r"] == pytest.approx(want, abs=1e-9)
    for row in found.pairs:
        both = [
            d["decision"]
            for d in people
            if d["family"] == row["family"]
            and d["decision"] in outcome
            and all((m, d["decision"]) in predicted for m in "ba")
        ]
        y = [outcome[d] for d in both]
        assert row["n"] == len(both)
        for name, model in (("base", "b"), ("aligned", "a")):
            want = loop_r([predicted[model, d][0] for d in both], y)
            assert row[f"r_{name}"] == pytest.approx(want, abs=1e-9)
            want = sum(predicted[model, d][1] for d in both) / len(both)
            assert row[f"mass_{name}"] == pytest.approx(want)
        if row["n"] >= 30:
            assert row["winner"] == ("base" if row["r_base"] > row["r_aligned"] else "aligned")
        else:
            assert row["winner"] is None
