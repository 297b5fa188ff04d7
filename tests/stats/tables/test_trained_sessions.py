"""Sessions at checkpoints, counted again from the nats that were drawn."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.support.scored_sessions import drawn, of, plain_d, said, scored, study
from tests.support.trainings import record, task
from tremble.report.tables.training import pivots, training_answers
from tremble.stats.tables.analysis import Analysis, analyze
from tremble.stats.tables.further import OF_TRAINING, further_tables

MODELS = ("/w/base", *(f"/w/-{at}" for at in range(1, 5)))
Row = dict[str, Any]


def series(decisions: list[Row], scores: list[Row], **more: Any) -> Analysis:
    made = analyze(*study(decisions, scores))
    return dataclasses.replace(made, trajectory=record(steps=len(MODELS)), **more)


def responses(analysis: Analysis, resamples: int = 400) -> list[Row]:
    names = ["checkpoint_responses"]
    rows: list[Row] = further_tables(analysis, names=names, resamples=resamples)[names[0]]
    return rows


def test_a_response_that_one_checkpoint_lacks_counts_at_none() -> None:
    decisions, nats, scores = drawn(models=MODELS)
    lost = next(n for n, row in enumerate(decisions) if '"e2"' in row["config"])
    scores[lost + 3 * len(decisions)] = scored(decisions[lost], None, MODELS[3])
    kept = np.array(['"e2"' in row["config"] for row in decisions])
    whole = kept.sum()
    kept[lost] = False
    rows = responses(series(decisions, scores))
    assert [row["model"] for row in rows if row["experiment"] == "e2"] == list(MODELS)
    base = nats[MODELS[0]][kept]
    for place, model in enumerate(MODELS):
        row, mine = of(rows, experiment="e2", checkpoint=place), nats[model][kept]
        assert (row["people"], row["responses"], row["missing"]) == (8, whole - 1, 1)
        assert row["nats"] == pytest.approx(mine.mean())
        assert row["difference"] == pytest.approx(mine.mean() - base.mean())
        assert row["d"] == pytest.approx(plain_d(base, mine))
        if place:
            assert row["low"] < row["difference"] < row["high"]
        else:
            assert (row["difference"], row["low"], row["d"]) == (0, None, 0)


def test_the_mean_counts_every_experiment_once() -> None:
    decisions, _, scores = drawn(models=MODELS)
    rows = responses(series(decisions, scores))
    for place in range(len(MODELS)):
        mine = [row for row in rows if row["checkpoint"] == place]
        *single, mean = mine
        assert [row["experiment"] for row in mine] == [*(f"e{n}" for n in range(6)), None]
        for name in ("nats", "difference", "d"):
            assert mean[name] == pytest.approx(np.mean([row[name] for row in single]))
        if place:
            found = stats.ttest_1samp([row["difference"] for row in single], 0)
            low, high = found.confidence_interval(0.95)
            assert (mean["low"], mean["high"]) == pytest.approx((low, high))


def test_an_interval_over_people_is_student_s_where_each_said_one_thing() -> None:
    """Of people with one response each the difference is a mean of independent values."""
    random = np.random.default_rng(5)
    decisions = [said("e", f"p{n}", 1, "A") for n in range(120)]
    base = random.exponential(1.0, len(decisions))
    moved = random.normal(0.3, 0.5, len(decisions))
    scores = [scored(row, float(x), MODELS[0]) for row, x in zip(decisions, base, strict=True)]
    for model in MODELS[1:]:
        scores += [
            scored(row, float(x), model) for row, x in zip(decisions, base + moved, strict=True)
        ]
    row = of(responses(series(decisions, scores), 4000), checkpoint=2)
    low, high = stats.ttest_1samp(moved, 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.06 * (high - low))
    assert row["difference"] == pytest.approx(moved.mean())


def test_a_study_of_sessions_without_options_has_a_stop_and_what_it_does_to_people() -> None:
    decisions, nats, scores = drawn(2, models=MODELS)
    gains = dict(zip(MODELS, (0, 0.5, 0.96, 0.99, 1), strict=True))
    tables = further_tables(
        series(decisions, scores, answers=task(gains)), names=OF_TRAINING, resamples=400
    )
    assert tables["checkpoints"] == []
    (stop,) = (row for row in tables["stop"] if row["stage"] == "all")
    at = stop["checkpoint"]
    assert at == 2
    compared = {(row["family"], row["against"]): row for row in tables["at_stop"]}
    assert {row["measure"] for row in tables["at_stop"]} == {"nats"}
    for name, other in (("base", 0), ("last", -1)):
        mine = np.array(['"e1"' in row["config"] for row in decisions])
        less = nats[MODELS[at]][mine].mean() - nats[MODELS[other]][mine].mean()
        assert compared["e1", name]["difference"] == pytest.approx(less)
        assert compared["e1", name]["n"] == mine.sum()
    (answer,) = training_answers(tables)
    assert "Stop at" in answer and "Nats per response in e0: " in answer
    (table,) = pivots(tables)
    assert [section.heading for section in table.sections] == [
        "Training and held-out task",
        "mean over experiments · plain · standard",
    ]
    labels = [row[0] for row in table.sections[1].rows]
    assert labels == ["Responses", "Nats", "d"]
    assert all(f"{label}: " in table.caption for label in labels) and "Mass" not in table.caption


def test_what_a_checkpoint_finds_impossible_is_said() -> None:
    """It has no mean, and leaving it out alone would flatter this checkpoint."""
    decisions, _, scores = drawn(1, models=MODELS)
    scores[2 + 3 * len(decisions)] = scored(decisions[2], float("inf"), MODELS[3])
    rows = responses(series(decisions, scores))
    assert {row["missing"] for row in rows} == {1}
    assert all(row["note"].startswith("1 with the probability 0 left out") for row in rows)
