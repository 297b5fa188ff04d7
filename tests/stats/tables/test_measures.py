"""Measures beside r, against loops over the definitions and scipy's optimisers."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from tests.support.stat_frames import decision, draw, frames, score, sigmoid
from tremble.errors import UserError
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.frames.predictions import predictions
from tremble.stats.metrics.calibration import recalibration
from tremble.stats.metrics.temperature import EPSILON, HOTTEST
from tremble.stats.tables.measures import measure_table, reliability


def held(scores: list[dict[str, Any]], people: list[dict[str, Any]]) -> Evidence:
    s, d = frames(scores, people)
    return Evidence(d, outcomes(d), predictions(s, d))


def study(p: list[float], y: list[int], **more: Any) -> Evidence:
    people = [decision(f"d{i}", choice="yes" if v else "no", **more) for i, v in enumerate(y)]
    return held([score(f"d{i}", [v, 1 - v]) for i, v in enumerate(p)], people)


# --- by hand -------------------------------------------------------------------------------


def test_four_choices_by_hand() -> None:
    (row,) = measure_table(study([0.8, 0.6, 0.6, 0.2], [1, 0, 1, 0]))
    assert row["n"] == 4
    want = -(math.log(0.8) + math.log(0.4) + math.log(0.6) + math.log(0.8)) / 4
    assert row["log_loss"] == pytest.approx(want)
    assert row["brier"] == pytest.approx((0.04 + 0.36 + 0.16 + 0.04) / 4)
    # Pairs (1, 0): .8>.6, .8>.2, .6=.6 counts half, .6>.2.
    assert row["auc"] == pytest.approx(3.5 / 4)
    # Bins .2-.3, .6-.7, .8-.9: |.2 - 0|, |.6 - .5| twice, |.8 - 1|.
    assert row["ece"] == pytest.approx((0.2 + 2 * 0.1 + 0.2) / 4)
    assert row["clipped"] == 0


def test_rates_have_a_cross_entropy_and_no_auc() -> None:
    people = [decision("d0", rates=[0.75, 0.25]), decision("d1", rates=[0.1, 0.9])]
    rows = [score("d0", [0.5, 0.5]), score("d1", [0.2, 0.8])]
    (row,) = measure_table(held(rows, people))
    want = (math.log(2) - 0.1 * math.log(0.2) - 0.9 * math.log(0.8)) / 2
    assert row["log_loss"] == pytest.approx(want)
    assert row["brier"] == pytest.approx((0.25**2 + 0.1**2) / 2)
    assert row["auc"] is None
    assert "no AUC: rates" in row["note"]


def test_a_problem_with_three_options_counts_once() -> None:
    keys = {"keys": ["yes", "no", "maybe"], "target": None}
    people = [
        decision("d0", rates=[0.5, 0.3, 0.2], **keys),
        decision("d1", rates=[0.1, 0.1, 0.8], **keys),
    ]
    rows = [score("d0", [0.25, 0.25, 0.5]), score("d1", [0.2, 0.2, 0.6])]
    (row,) = measure_table(held(rows, people))
    first = -(0.8 * math.log(0.25) + 0.2 * math.log(0.5))
    second = -(0.2 * math.log(0.2) + 0.8 * math.log(0.6))
    assert row["n"] == 2
    assert row["log_loss"] == pytest.approx((first + second) / 2)
    squares = (0.25**2 + 0.05**2 + 0.3**2) / 3 + (0.1**2 + 0.1**2 + 0.2**2) / 3
    assert row["brier"] == pytest.approx(squares / 2)


def test_saturated_predictions_are_finite_and_counted() -> None:
    (row,) = measure_table(study([1.0, 0.0, 1.0, 0.5], [1, 1, 0, 0]))
    want = -(math.log1p(-EPSILON) + 2 * math.log(EPSILON) + math.log(0.5)) / 4
    assert row["log_loss"] == pytest.approx(want)
    assert row["clipped"] == 3
    assert row["brier"] == pytest.approx((0 + 1 + 1 + 0.25) / 4)


# --- AUC and calibration -------------------------------------------------------------------


@pytest.mark.parametrize("slope", [0.3, 1.0, 4.0, -1.0])
def test_calibration_line_is_the_likelihoods_maximum(slope: float) -> None:
    p, y = draw(300, 1, slope)
    x, outcome = np.array([math.log(v / (1 - v)) for v in p]), np.array(y, float)

    def loss(b: np.ndarray) -> float:
        eta = b[0] + b[1] * x
        return float((np.logaddexp(0, eta) - outcome * eta).sum())

    want = optimize.minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8})
    (row,) = measure_table(study(p, y))
    assert row["intercept"] == pytest.approx(want.x[0], abs=1e-4)
    assert row["slope"] == pytest.approx(want.x[1], abs=1e-4)


def test_no_line_through_constant_or_separated_points() -> None:
    p = np.array([[0.3] * 6, [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]])
    y = np.array([0.0, 0, 0, 1, 1, 1])
    assert recalibration(p, y, np.ones((2, 6)))[2].tolist() == [False, False]
    (row,) = measure_table(study(p[1].tolist(), [0, 0, 0, 1, 1, 1]))
    assert row["slope"] is None and row["note"].startswith("no calibration slope")


def test_a_run_with_missing_scores_is_measured_on_what_it_has() -> None:
    p, y = draw(60, 4)
    people = [decision(f"d{i}", choice="yes" if v else "no") for i, v in enumerate(y)]
    rows = [score(f"d{i}", [v, 1 - v]) for i, v in enumerate(p)]
    rows += [score(f"d{i}", [v, 1 - v], model="part") for i, v in enumerate(p) if i % 3]
    _, part = measure_table(held(rows, people))
    people = [row for i, row in enumerate(people) if i % 3]
    (alone,) = measure_table(held([row for row in rows if row["model"] == "part"], people))
    assert part["n"] == 40
    for name, value in alone.items():
        assert part[name] == (pytest.approx(value, abs=1e-7) if name != "model" else "part")


def test_reliability_table_is_a_count_by_loop() -> None:
    p, y = draw(200, 2)
    rows = reliability(study(p, y))
    for row in rows:
        inside = [i for i, v in enumerate(p) if min(int(v * 10), 9) == row["bin"]]
        assert row["n"] == len(inside)
        assert row["prediction"] == pytest.approx(sum(p[i] for i in inside) / len(inside))
        assert row["outcome"] == pytest.approx(sum(y[i] for i in inside) / len(inside))
    assert sum(row["n"] for row in rows) == 200
    assert [row["n"] for row in reliability(study(p, y), equal="count")] == [20] * 10
    with pytest.raises(UserError, match="'widht'; did you mean 'width'"):
        reliability(study(p, y), equal="widht")


# --- temperature ---------------------------------------------------------------------------


def test_a_saturated_model_gains_what_a_temperature_can_give() -> None:
    p, y = draw(2000, 6)
    hot = [sigmoid(5 * math.log(v / (1 - v))) for v in p]
    (sober,), (drunk,) = measure_table(study(p, y)), measure_table(study(hot, y))
    assert drunk["temperature"] == pytest.approx(5 * sober["temperature"], rel=0.01)
    assert drunk["log_loss"] > 2 * sober["log_loss"]
    assert drunk["log_loss_tempered"] == pytest.approx(sober["log_loss_tempered"], abs=1e-3)
    assert sober["temperature"] == pytest.approx(1, abs=0.15)
    assert drunk["ece_tempered"] < drunk["ece"] / 3


def test_predictions_that_run_against_people_are_heated_to_the_bound() -> None:
    p, y = draw(200, 7, -1.0)
    (row,) = measure_table(study(p, y))
    assert row["temperature"] == HOTTEST and "at its bound" in row["note"]
    assert row["note"].endswith("; no slope after the temperature")
    assert row["slope"] < 0
    assert (row["slope_tempered"], row["intercept_tempered"]) == (None, None)
    assert row["log_loss_tempered"] == pytest.approx(math.log(2), abs=0.01)


@pytest.mark.parametrize(("slope", "shift"), [(0.25, 0.0), (0.6, 0.8), (3.0, -0.5)])
@pytest.mark.slow
def test_the_slope_after_a_temperature_is_the_true_one_times_it(slope: float, shift: float) -> None:
    """logit P(y = 1) = shift + slope x, 25 people of 12 choices: no sign changes."""
    products, off = [], []
    for seed in range(12):
        rng = random.Random(seed)
        x = [rng.gauss(0, 1.5) for _ in range(300)]
        people = [
            decision(
                f"d{i}",
                participant=f"p{i % 25}",
                choice="yes" if rng.random() < sigmoid(shift + slope * v) else "no",
            )
            for i, v in enumerate(x)
        ]
        rows = [score(f"d{i}", [sigmoid(v), sigmoid(-v)]) for i, v in enumerate(x)]
        (row,) = measure_table(held(rows, people))
        assert row["slope_tempered"] == pytest.approx(row["slope"] * row["temperature"], rel=1e-4)
        assert row["intercept_tempered"] == pytest.approx(row["intercept"], abs=1e-4)
        products.append(row["slope"] * row["temperature"])
        off.append(row["slope_tempered"] - slope * row["temperature"])
    assert min(products) > 0
    # Away from the true slope times T no more than the error of 12 slopes of 300 choices allows.
    assert abs(np.mean(off)) < 3 * np.std(off, ddof=1) / math.sqrt(12) + 0.02


@pytest.mark.parametrize(("people", "there"), [(19, False), (20, True)])
def test_few_people_have_no_slope_after_a_temperature(people: int, there: bool) -> None:
    p, y = draw(240, 2, 0.7)
    rows = [score(f"d{i}", [v, 1 - v]) for i, v in enumerate(p)]
    chosen = [
        decision(f"d{i}", participant=f"p{i % people}", choice="yes" if v else "no")
        for i, v in enumerate(y)
    ]
    (row,) = measure_table(held(rows, chosen))
    assert None not in (row["temperature"], row["slope"], row["log_loss_tempered"])
    assert (row["slope_tempered"] is not None) == there
    assert row["note"] == (
        None if there else "no slope after the temperature: 19 participants or games, below 20"
    )


def test_one_person_alone_has_no_temperature() -> None:
    p, y = draw(50, 8)
    (row,) = measure_table(study(p, y, participant="p"))
    assert row["temperature"] is None and row["log_loss_tempered"] is None
    assert "no temperature" in row["note"]
    assert row["log_loss"] is not None
