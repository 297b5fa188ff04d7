"""May this model stand in for people here? What speaks for it, and what the data cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import norm

from tremble.stats.baseline_table import baseline_points
from tremble.stats.bootstrap import RESAMPLES, difference_intervals
from tremble.stats.ceiling import ceiling_table
from tremble.stats.control_table import against_controls, control_table
from tremble.stats.correlation import pearson
from tremble.stats.intervals import FEW_CLUSTERS, Interval
from tremble.stats.numbers import decimal
from tremble.stats.pairs import MIN_N
from tremble.stats.predictions import RUN
from tremble.stats.uncertainty_table import AllPoints, RunMatrix, interval_table

Row = dict[str, Any]
_ERRORS = float(norm.ppf(0.80))


def verdict_table(
    predicted: pl.DataFrame,
    points: pl.DataFrame,
    decisions: pl.DataFrame,
    said: pl.DataFrame,
    controlled: pl.DataFrame | None = None,
    resamples: int = RESAMPLES,
) -> list[Row]:
    """One row per run and family.

    model, format, formulation, family, n (points), clusters, r, low, high, ceiling, baseline (the
    one with the highest r), r_baseline (on the same points), over (r less r_baseline), over_low,
    over_high, smallest (the smallest difference from a baseline that so much data shows with a
    probability of .80 at .05, two-sided: half the interval and .84 standard errors, with many
    clusters 2.80 of them), control and r_control (see `against_controls`), verdict and why. `said`
    is what `baseline_predictions` gives, `controlled` what was predicted under controls.

    - "yes": better than the best baseline, and the interval of r reaches the ceiling;
    - "in part": better than the best baseline, below the ceiling or the ceiling unknown;
    - "not shown": neither better nor worse than the best baseline, as far as the data tell, or as
      good under a control that takes the game away;
    - "no": worse than the best baseline, or r not above zero;
    - "cannot say": fewer than 30 points or 20 clusters, or r undefined.

    "better" and "worse" mean that the 95% interval of the difference, over whole participants and
    games, leaves out zero. The best baseline is chosen on the same data, which is to its advantage.
    """
    ceilings = {row["family"]: row["ceiling"] for row in ceiling_table(decisions, points)}
    made = RunMatrix(predicted, points, decisions)
    intervals = {
        tuple(row[name] for name in (*RUN, "family")): row
        for row in interval_table(made, resamples)
    }
    names, baselines = _baselines(baseline_points(said, points), made.points)
    found: dict[tuple[Any, ...], Row] = {}
    for held in made.families:
        x = made.x[:, held.at]
        here = dict(zip(names, baselines[:, held.at], strict=True))
        best = [_best(row, held.y, here) for row in x]
        b = np.stack([np.full_like(held.y, np.nan) if one is None else one[2] for one in best])
        over = difference_intervals(x, b, held.y, held.clusters, resamples=resamples)
        for run, one, difference in zip(made.runs.iter_rows(named=True), best, over, strict=True):
            key = (*(run[name] for name in RUN), held.family)
            if key in intervals:
                found[key] = _row(intervals[key], ceilings.get(held.family), one, difference)
    controls = (
        []
        if controlled is None
        else control_table(predicted, controlled, points, decisions, resamples)
    )
    return against_controls([found[key] for key in intervals], controls)


def _baselines(beside: pl.DataFrame, points: AllPoints) -> tuple[list[str], np.ndarray]:
    """Names of the baselines and what they predict, (baselines, points)."""
    names: list[str] = beside["baseline"].unique(maintain_order=True).to_list()
    numbers = pl.DataFrame(
        {"baseline": names, "number": range(len(names))},
        schema={"baseline": pl.String, "number": pl.Int64},
    )
    numbered = beside.join(numbers, on="baseline")
    return names, points.matrix(numbered, "number", "prediction", len(names))


def _best(
    x: np.ndarray, y: np.ndarray, baselines: Mapping[str, np.ndarray]
) -> tuple[str, float, np.ndarray] | None:
    """Name, r and predictions of the baseline with the highest r on the points of `x`, among those
    that predict all of them."""
    known = ~np.isnan(x)
    found = None
    for name, predictions in baselines.items():
        if np.isnan(predictions[known]).any():
            continue
        r, _ = pearson(predictions[known], y[known])
        if r is not None and (found is None or r > found[1]):
            found = name, r, predictions
    return found


def _row(
    own: Row,
    ceiling: float | None,
    best: tuple[str, float, np.ndarray] | None,
    over: Interval,
) -> Row:
    row = {name: own[name] for name in (*RUN, "family", "n", "clusters", "r", "low", "high")}
    row |= {
        "ceiling": ceiling,
        "baseline": None if best is None else best[0],
        "r_baseline": None if best is None else best[1],
        "over": None if best is None else over.estimate,
        "over_low": None if best is None else over.low,
        "over_high": None if best is None else over.high,
        "smallest": None if best is None else _smallest(over),
    }
    verdict, why = _verdict(row, own["note"])
    return row | {"verdict": verdict, "why": why}


def _smallest(over: Interval) -> float | None:
    """Half the interval, and so much more that .80 of estimates lie beyond half of it. With few
    clusters the interval is wider than 1.96 standard errors to each side, and this with it."""
    if over.se is None or over.low is None or over.high is None:
        return None
    return (over.high - over.low) / 2 + _ERRORS * over.se


def _verdict(row: Row, note: str | None) -> tuple[str, str]:
    r, low, high, ceiling = row["r"], row["low"], row["high"], row["ceiling"]
    if r is None or low is None:
        return "cannot say", note or "r is undefined"
    if row["n"] < MIN_N or row["clusters"] < FEW_CLUSTERS:
        return "cannot say", f"{row['n']} points of {row['clusters']} participants or games"
    if low <= 0:
        against = "r is negative" if high < 0 else "r may be zero"
        return "no", f"{against}: {decimal(low)} to {decimal(high)}"
    name = row["baseline"]
    if name is None:
        return "not shown", "no baseline predicts the same decisions"
    if row["over_low"] is None:
        return "cannot say", f"the difference from {name} has no interval"
    span = f"{decimal(row['over_low'])} to {decimal(row['over_high'])}"
    if row["over_high"] < 0:
        return "no", f"{name} predicts people better: {span}"
    if row["over_low"] <= 0:
        return "not shown", f"{name} may be as good: {span}"
    if ceiling is None:
        return "in part", f"better than {name}; the ceiling is unknown"
    if high < ceiling:
        return "in part", f"better than {name}, below the ceiling of {decimal(ceiling)}"
    return "yes", f"better than {name}, and the ceiling of {decimal(ceiling)} is within reach"
