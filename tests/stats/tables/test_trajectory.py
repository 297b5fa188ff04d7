"""The table of the held-out task: items that count at every checkpoint, and in one unit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.trainings import CURVE, record, task, trained
from tremble.report.tables.training import pivots
from tremble.stats.frames.task_answers import TaskAnswers
from tremble.stats.tables.analysis import Analysis
from tremble.stats.tables.further import further_tables

MODELS = ("/w/base", *(f"/w/-{at}" for at in range(1, len(CURVE))))
Row = dict[str, Any]


def tables(analysis: Analysis) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = further_tables(analysis, names=["task", "stop"], resamples=300)
    return found


def answered(change: pl.Expr, *others: pl.Expr) -> Analysis:
    """A series of demonstrations whose answers have other numbers than they had."""
    answers = task(dict(zip(MODELS, CURVE, strict=True)))
    scores = answers.scores.with_columns(change, *others)
    return Analysis([], [], [], [], trajectory=record(), answers=TaskAnswers(answers.items, scores))


BASE = pl.col("model") == "/w/base"


def test_losses_of_answers_cut_into_other_numbers_of_tokens_have_no_gain() -> None:
    """The base spells the end of a turn in letters: a gain per token would be that alone."""
    tokens = pl.col("response_tokens") + pl.when(BASE).then(7).otherwise(0)
    found = tables(answered(tokens))
    reason = (
        "the tokenizers cut the answers into different numbers of tokens, so losses per token have "
        "no common unit"
    )
    assert [(row["g"], row["note"].split(";")[0]) for row in found["task"]] == [(None, reason)] * 6
    (stop,) = [row for row in found["stop"] if row["stage"] == "all"]
    assert (stop["checkpoint"], stop["reason"]) == (None, reason)
    assert all(row["loss"] is not None for row in found["task"])  # each in its own tokens


def test_items_cut_otherwise_are_left_out_of_g_and_counted() -> None:
    other = BASE & pl.col("decision").is_in(["3/answer", "8/answer"])
    tokens = pl.col("response_tokens") + pl.when(other).then(1).otherwise(0)
    found = tables(answered(tokens))
    scores = answered(pl.col("error")).answers.scores.filter(
        ~pl.col("decision").is_in(["3/answer", "8/answer"])
    )
    total = [
        float(np.sum(scores.filter(pl.col("model") == name)["response_logprob"].to_numpy()))
        for name in MODELS
    ]
    for row, mine in zip(found["task"], total, strict=True):
        assert row["g"] == pytest.approx((mine - total[0]) / (total[-1] - total[0]))
        assert "2 items left out of g: the tokenizers cut the answer" in row["note"]
        assert row["items"] == 80


def test_divergences_are_over_items_that_all_have() -> None:
    """One item that a checkpoint lacks counts at none; a model of another vocabulary has none."""
    place = pl.col("decision").str.head(-len("/answer")).cast(pl.Int64)
    model = pl.col("model").replace_strict(dict(zip(MODELS, range(6), strict=True)))
    kl = model * (1.0 + place)
    lacks = (pl.col("model") == "/w/-2") & (place == 5)
    found = tables(
        answered(
            pl.when(lacks | (model == 4)).then(None).otherwise(kl).alias("kl_base"),
            pl.lit("base").alias("kl_to"),
        )
    )
    mean = np.mean([1.0 + n for n in range(80) if n != 5])
    shown = [(row["kl_task"], row["kl_task_items"]) for row in found["task"]]
    assert shown.pop(4) == (None, 0)
    assert shown == [(pytest.approx(at * mean), 79) for at in (0, 1, 2, 3, 5)]
    assert "of another vocabulary" in found["task"][4]["note"]


def test_a_gain_that_is_not_clear_has_no_share_among_the_columns() -> None:
    flat = task(dict.fromkeys(MODELS, 0.0))
    made = dataclasses.replace(trained(), answers=flat)
    found = further_tables(made, names=["task", "checkpoints", "stop"], resamples=300)
    assert all(row["g_low"] is None for row in found["task"][1:-1])
    (table,) = pivots(found)
    assert not {"g", "g low"} & {row[0] for row in table.sections[0].rows}
    assert "final gain" not in table.caption
