"""Runs compared at equal gain: against numpy, and each case without a common scale."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.trainings import record, task, trained
from tremble.stats.tables.analysis import Analysis
from tremble.stats.tables.further import further_tables

Row = dict[str, Any]


def equal_gain(analysis: Analysis) -> list[Row]:
    rows: list[Row] = further_tables(analysis, names=["equal_gain"])["equal_gain"]
    return rows


@pytest.fixture(scope="module")
def two() -> Analysis:
    return trained({"a": 1.0, "b": 0.6})


def losses(analysis: Analysis, run: str) -> np.ndarray:
    """Nats per token at each checkpoint, from the rows of scores."""
    scores = analysis.answers.scores
    found = []
    for model in ("/w/base", *(f"/w/{run}-{at}" for at in range(1, 6))):
        mine = scores.filter(model=model)
        logprob = (mine["response_logprob"] + mine["closing_logprob"]).to_numpy()
        found.append(-logprob.sum() / (mine["response_tokens"].to_numpy() + 1).sum())
    return np.array(found)


def test_levels_are_shares_of_the_smallest_final_gain(two: Analysis) -> None:
    """With g on the one scale, r at a level is on the line between two checkpoints, by numpy."""
    rises = {run: losses(two, run)[0] - losses(two, run) for run in "ab"}
    scale = min(rise[-1] for rise in rises.values())
    assert scale == rises["b"][-1] < rises["a"][-1]
    evidence = two.evidence
    keyed = evidence.predictions.join(evidence.outcomes, on=["decision", "key"])
    first = set(evidence.decisions.filter(round=1)["decision"])
    rows = equal_gain(two)
    assert len(rows) == 3 * 4 * 2  # rounds, levels, runs
    for row in rows:
        run, rounds = row["run"], row["rounds"]
        r = []
        for model in ("/w/base", *(f"/w/{run}-{at}" for at in range(1, 6))):
            some = keyed.filter(model=model).select("prediction", "outcome", "decision")
            points = [
                (p, outcome)
                for p, outcome, name in some.iter_rows()
                if rounds == "all" or (name in first) == (rounds == "first")
            ]
            r.append(np.corrcoef(np.array(points).T)[0, 1])
        g = rises[run] / scale
        # g only rises in this study, so that it is passed once.
        assert row["r"] == pytest.approx(np.interp(row["level"], g, r))
        assert row["gain"] == pytest.approx(rises[run][-1])
        assert row["scale"] == pytest.approx(scale)
    levels = [row["level"] for row in rows if (row["rounds"], row["run"]) == ("all", "b")]
    assert levels == [0.25, 0.5, 0.75, 1.0]


def test_one_run_has_nobody_to_be_compared_with() -> None:
    assert equal_gain(trained()) == []


def test_a_run_that_gains_nothing_has_no_scale(two: Analysis) -> None:
    gains = dict.fromkeys(two.answers.scores["model"].unique(), 0.0) | {"/w/a-5": 1.0}
    lost = {f"/w/b-{at}": -0.5 for at in range(1, 6)}
    rows = equal_gain(dataclasses.replace(two, answers=task(gains | lost)))
    assert [row["run"] for row in rows] == ["a", "b"]
    assert {row["note"] for row in rows} == {"the gain of run b is not above 0"}
    assert all(row["r"] is None and row["scale"] is None for row in rows)


def test_losses_against_other_references_have_no_scale(two: Analysis) -> None:
    """Each run has an sft of its own, from which its dpo starts: its DPO loss is against that."""
    models = two.answers.scores["model"].unique(maintain_order=True).to_list()
    pairs = task(
        {name: 0.2 * float(name[-1].isdigit() and name[-1]) for name in models}, pairs=True
    )
    rows = equal_gain(dataclasses.replace(two, answers=pairs))
    assert all("another model" in row["note"] for row in rows) and len(rows) == 2
    same = {**record(["a", "b"]), "gain": "loss"}
    rows = equal_gain(dataclasses.replace(two, answers=pairs, trajectory=same))
    assert all(row["note"] is None and row["r"] is not None for row in rows)


def test_items_that_one_run_lacks_count_in_none(two: Analysis) -> None:
    lacking = two.answers.scores.with_columns(
        error=pl.when((pl.col("model") == "/w/a-2") & (pl.col("decision") == "7/answer"))
        .then(pl.lit("broken"))
        .otherwise("error")
    )
    some = two.answers.scores.filter(pl.col("decision") != "7/answer")
    broken = dataclasses.replace(two.answers, scores=lacking)
    fewer = dataclasses.replace(two.answers, scores=some)
    assert equal_gain(dataclasses.replace(two, answers=broken)) == equal_gain(
        dataclasses.replace(two, answers=fewer)
    )
    assert equal_gain(dataclasses.replace(two, answers=fewer)) != equal_gain(two)
