"""What models add over baselines, against regressions by numpy's least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.baseline_frames import PD, frame, game, play
from tremble.baselines.base import baseline_predictions
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.tables.added import added, over
from tremble.stats.tables.baselines import baseline_table

RUN = {"model": "m", "format": "plain", "formulation": "standard"}


def choices(y: np.ndarray) -> pl.DataFrame:
    """One person's choice between C and D per row."""
    return frame([d for i, v in enumerate(y) for d in play(f"p{i}", "C" if v else "D", "C", PD)])


def tables(x: Any, b: Any, y: Any, baseline: str = "logistic") -> list[dict[str, Any]]:
    people = choices(np.asarray(y))
    names = people["decision"]
    predicted = pl.DataFrame({"decision": names, "key": "C", "prediction": x}).with_columns(
        *(pl.lit(v).alias(k) for k, v in RUN.items()), mass=pl.lit(1.0)
    )
    said = pl.DataFrame({"decision": names, "prediction": b}).select(
        pl.lit(baseline).alias("baseline"),
        "decision",
        pl.lit(None, pl.String).alias("key"),
        pl.col("prediction").cast(pl.Float64),
        pl.lit(None, pl.String).alias("why"),
    )
    return added(Evidence(people, outcomes(people), predicted, said))


def r2(columns: list[np.ndarray], y: np.ndarray) -> tuple[float, np.ndarray]:
    """R squared and residuals of an ordinary regression with a constant."""
    x = np.column_stack([np.ones(len(y)), *columns])
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return 1 - float(rest @ rest) / float(((y - y.mean()) ** 2).sum()), rest


@pytest.mark.parametrize("seed", range(4))
def test_partial_and_gain_agree_with_least_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 60).astype(float)
    b = 0.3 * y + rng.uniform(size=60)
    x = 0.2 * y + 0.5 * b + rng.uniform(size=60)
    (found,) = tables(x, b, y)
    assert found["n"] == 60
    assert found["r_model"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found["r_baseline"] == pytest.approx(np.corrcoef(b, y)[0, 1])
    both, alone = r2([x, b], y)[0], r2([b], y)[0]
    assert found["gain"] == pytest.approx(both - alone)
    left = np.corrcoef(r2([b], x)[1], r2([b], y)[1])[0, 1]
    assert found["partial"] == pytest.approx(left)
    assert found["note"] is None


def test_only_decisions_that_both_predict_count() -> None:
    rng = np.random.default_rng(0)
    y, b, x = rng.integers(0, 2, 30), rng.uniform(size=30), rng.uniform(size=30)
    some = [None if i < 10 else float(v) for i, v in enumerate(b)]
    (found,) = tables(x, some, y)
    assert found["n"] == 20
    assert found["r_model"] == pytest.approx(np.corrcoef(x[10:], y[10:])[0, 1])


@pytest.mark.parametrize(
    ("x", "b", "y", "note"),
    [
        ([0.1, 0.2, 0.4, 0.3], [0.5] * 4, [0, 1, 0, 1], "the baseline is constant"),
        ([0.5] * 4, [0.1, 0.2, 0.4, 0.3], [0, 1, 0, 1], "the model is constant"),
        ([0.5] * 4, [0.5] * 4, [0, 1, 0, 1], "both are constant"),
        ([0.1, 0.2, 0.4, 0.3], [0.1, 0.2, 0.4, 0.1], [1, 1, 1, 1], "all 4 choices are C"),
        ([0.1, 0.2, 0.4], [0.1, 0.3, 0.2], [0, 1, 0], "fewer than 4 points"),
        ([0.1, 0.2], [0.1, 0.3], [0, 1], "fewer than 3 points"),
    ],
)
def test_what_is_undefined_is_null_with_its_reason(x: Any, b: Any, y: Any, note: str) -> None:
    (found,) = tables(x, b, y)
    assert (found["partial"], found["gain"]) == (None, None)
    assert found["note"].startswith(note)


def test_a_model_that_repeats_the_baseline_adds_nothing() -> None:
    (found,) = tables([0.1, 0.2, 0.4, 0.3, 0.2], [0.2, 0.4, 0.8, 0.6, 0.4], [0, 1, 0, 1, 1])
    assert (found["partial"], found["gain"]) == (None, 0.0)
    assert found["note"] == "model and baseline differ in scale only"


def test_a_perfect_baseline_leaves_nothing() -> None:
    assert over(0.5, 1.0, 0.5, 40) == (None, 0.0, "the baseline leaves nothing to explain")


def test_every_option_of_a_problem_with_three_is_a_point() -> None:
    rng = np.random.default_rng(1)
    games = []
    for i in range(12):
        own, other = rng.uniform(size=(3, 2)), rng.uniform(size=(3, 2))
        liked = np.exp(6 * own.mean(axis=1)) * rng.uniform(0.5, 1.5, 3)
        games.append(game(f"g{i}", own, other, liked / liked.sum()))
    people = frame(games)
    said = baseline_predictions(people)
    points = outcomes(people)
    x = rng.uniform(size=36)
    predicted = points.select("decision", "key").with_columns(
        *(pl.lit(v).alias(k) for k, v in RUN.items()), prediction=pl.Series(x)
    )
    evidence = Evidence(people, points, predicted, said)
    rows = {row["baseline"]: row for row in added(evidence)}
    assert set(rows) == {"quantal_response", "cognitive_hierarchy"}
    found = rows["cognitive_hierarchy"]
    assert (
        found["n"] == 12 and "one point per option of 12 problems with more (36)" in found["note"]
    )
    b = points.join(
        said.filter(pl.col("baseline") == "cognitive_hierarchy"),
        on=["decision", "key"],
        maintain_order="left",
    )["prediction"].to_numpy()
    y = points["outcome"].to_numpy()
    assert found["gain"] == pytest.approx(r2([x, b], y)[0] - r2([b], y)[0])
    (row,) = [r for r in baseline_table(evidence) if r["baseline"] == "cognitive_hierarchy"]
    assert row["n"] == 12
    assert row["r"] == pytest.approx(np.corrcoef(b, y)[0, 1])
    assert row["note"] == "one point per option of 12 problems with more (36)"


def test_a_baseline_has_rows_for_what_it_is_about_and_says_why_it_is_silent() -> None:
    people = frame([d for i in range(2) for d in play(f"p{i}", "CD", "CC", PD)])
    evidence = Evidence(people, outcomes(people), baseline_predictions=baseline_predictions(people))
    rows = {row["baseline"]: row for row in baseline_table(evidence)}
    assert set(rows) == {"majority", "last_choice", "logistic", "quantal_response", "attraction"}
    assert (rows["logistic"]["n"], rows["logistic"]["r"]) == (0, None)
    assert rows["logistic"]["note"] == (
        "no prediction in any of 4 decisions; "
        "only 2 participants, games or problems; at least 3 are needed to leave one out"
    )


def test_rows_stand_in_the_order_of_runs_families_and_baselines() -> None:
    people = frame([d for i in range(6) for d in play(f"p{i}", "CDC", "CCD", PD)])
    points, said = outcomes(people), baseline_predictions(people)
    predicted = pl.concat(
        points.select("decision", "key").with_columns(
            pl.lit(model).alias("model"),
            pl.lit("plain").alias("format"),
            pl.lit("standard").alias("formulation"),
            prediction=pl.Series(np.linspace(0.1, 0.9, points.height)),
        )
        for model in ("z", "a")
    )
    rows = added(Evidence(people, points, predicted, said))
    assert [row["model"] for row in rows] == ["z"] * 5 + ["a"] * 5
    assert [row["baseline"] for row in rows[:3]] == ["majority", "last_choice", "logistic"]
