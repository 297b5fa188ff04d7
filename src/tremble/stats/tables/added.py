"""What a model knows about people that a baseline does not: both on the same decisions."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from tremble.baselines import base
from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN
from tremble.stats.metrics.correlation import (
    outcome_columns,
    points_note,
    r_columns,
    scaled,
    undefined,
)
from tremble.stats.tables.baselines import baseline_points
from tremble.text import join_notes

# What is left of a variance of 1 below this is rounding.
_NOTHING = 1e-10
_FLAT = "constant prediction"


def added(evidence: Evidence) -> list[dict[str, Any]]:
    """Rows with model, format, formulation, baseline, family, n, r_model, r_baseline, partial,
    gain, note: one per run, baseline and family with a decision that both predict.

    n counts decisions; both r are over the same points. `partial` is the correlation
    of model and outcome with the baseline taken out of both (Yule 1907, Proceedings of the Royal
    Society A 79: (r_my - r_mb r_by) / sqrt((1 - r_mb^2)(1 - r_by^2))); `gain` is R^2 of the
    regression on model and baseline less R^2 of the baseline alone. Both are null, with the
    reason in the note, where they are undefined.
    """
    rows = []
    predictions = evidence.predictions
    numbered = evidence.outcomes.with_row_index("point")
    runs = predictions.select(RUN).unique(maintain_order=True).with_row_index("run")
    fits = (
        predictions.select(*RUN, "decision", "key", "prediction")
        .join(numbered.select("decision", "key", "point"), on=["decision", "key"])
        .join(runs, on=RUN)
        .select("run", "point", "prediction")
    )
    held = baseline_points(evidence.with_outcomes(numbered)).rename(
        {"prediction": "baseline_prediction"}
    )
    names = [name for name in base.names() if name in set(held["baseline"])]
    families = {family: place for place, family in enumerate(family_order(numbered["family"]))}
    for name in names:
        beside = held.filter(pl.col("baseline") == name).drop("baseline")
        compared = (
            fits.join(beside, on="point")
            .group_by("run", "family", maintain_order=True)
            .agg(
                *r_columns("prediction", "_model"),
                *r_columns("baseline_prediction", "_baseline"),
                _product("prediction", "baseline_prediction"),
                *outcome_columns(),
            )
            .join(runs, on="run")
        )
        rows += [(row["run"], _row(name, row)) for row in compared.iter_rows(named=True)]
    rows.sort(
        key=lambda pair: (pair[0], families[pair[1]["family"]], names.index(pair[1]["baseline"]))
    )
    return [row for _, row in rows]


def _product(first: str, second: str) -> pl.Expr:
    x, y = scaled(first), scaled(second)
    r = (x * y).sum() / ((x * x).sum() * (y * y).sum()).sqrt()
    return r.clip(-1, 1).alias("r_between")


def _row(name: str, row: dict[str, Any]) -> dict[str, Any]:
    why_model, why_baseline = undefined(row, "_model"), undefined(row, "_baseline")
    r_model = None if why_model else row["r_model"]
    r_baseline = None if why_baseline else row["r_baseline"]
    partial = gain = None
    if why_model or why_baseline:
        flat = why_baseline == _FLAT
        reason: str | None = why_model or "the baseline is constant: r is what the model adds"
        if why_model == _FLAT:
            reason = "both are constant" if flat else "the model is constant"
    else:
        partial, gain, reason = over(r_model, r_baseline, row["r_between"], row["points"])
    return {
        **{part: row[part] for part in RUN},
        "baseline": name,
        "family": row["family"],
        "n": row["used"],
        "r_model": r_model,
        "r_baseline": r_baseline,
        "partial": partial,
        "gain": gain,
        "note": join_notes(reason, points_note(row)),
    }


def over(
    r_model: float | None, r_baseline: float | None, r_between: float, points: int
) -> tuple[float | None, float | None, str | None]:
    """(partial correlation, gain in R^2, reason of a null) from three correlations."""
    if r_model is None or r_baseline is None:
        return None, None, "no r"
    if points < 4:
        return None, None, "fewer than 4 points"
    own, open_ = 1 - r_between**2, 1 - r_baseline**2
    if own <= _NOTHING:
        return None, 0.0, "model and baseline differ in scale only"
    if open_ <= _NOTHING:
        return None, 0.0, "the baseline leaves nothing to explain"
    rest = r_model - r_between * r_baseline
    partial = rest / math.sqrt(own * open_)
    return min(1.0, max(-1.0, partial)), rest * rest / own, None
