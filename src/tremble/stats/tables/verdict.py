"""May this model stand in for people here? What speaks for it, and what the data cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import norm

from tremble.stats.filters import MIN_N
from tremble.stats.frames.matrix import AllPoints, RunMatrix
from tremble.stats.frames.predictions import RUN
from tremble.stats.inference.bootstrap import RESAMPLES, difference_intervals
from tremble.stats.inference.intervals import FEW_CLUSTERS, Interval
from tremble.stats.metrics.correlation import CONSTANT, pearson
from tremble.stats.tables.baselines import baseline_points
from tremble.stats.tables.ceiling import ceiling_table
from tremble.stats.tables.controls import against_controls, control_table
from tremble.stats.tables.uncertainty import interval_table
from tremble.text import decimal, join_notes

Row = dict[str, Any]
_ERRORS = float(norm.ppf(0.80))
# How far below the ceiling all of r's interval may lie for a "yes". At a ceiling of .80 it leaves
# .70, three quarters of the variance that can be predicted; a convention, not a result.
MARGIN = 0.10  # but at most a quarter of the ceiling
COVERED = 0.90  # of the points of r that a baseline must predict to count


@dataclass(frozen=True, slots=True)
class _Best:
    """The baseline to beat: its r, None where it is constant, and what it predicts (points), which
    is `lacking` at so many points of the model's r."""

    name: str
    r: float | None
    predictions: np.ndarray
    lacking: int


def verdict_table(
    predicted: pl.DataFrame,
    points: pl.DataFrame,
    decisions: pl.DataFrame,
    said: pl.DataFrame,
    controlled: pl.DataFrame | None = None,
    resamples: int = RESAMPLES,
) -> list[Row]:
    """One row per run and family.

    model, format, formulation, family, points, decisions, clusters, r, low, high, ceiling,
    baseline (the one with the highest r), r_baseline (on the same points), over (r less
    r_baseline), over_low, over_high, smallest (the smallest difference from a baseline that so much
    data shows with a probability of .80 at .05, two-sided: half the interval and .84 standard
    errors, with many clusters 2.80 of them), control, n_control and r_control (see
    `against_controls`), verdict and why. `said` is what `baseline_predictions` gives, `controlled`
    what was predicted under controls. A baseline that is constant on these points has no r and adds
    nothing: beside it `over` is r, with the interval of r.

    - "yes": better than the best baseline, and the interval of r begins at most `MARGIN` below the
      ceiling (a quarter of the ceiling, where that is less);
    - "in part": better than the best baseline, but r may lie further below the ceiling, or the
      ceiling is unknown, or known for fewer points than r;
    - "not shown": r may be zero, or neither better nor worse than the best baseline, as far as the
      data tell, or as good under a control that takes the game away;
    - "no": worse than the best baseline, or r below zero;
    - "cannot say": fewer than 30 decisions or 20 clusters, or r undefined.

    "better" and "worse" mean that the 95% interval of the difference, over whole participants and
    games, leaves out zero. A baseline counts where it predicts at least nine tenths of the points;
    the two are compared where both say something. The best one is chosen on the same data, which
    is to its advantage.
    """
    ceilings = {row["family"]: row for row in ceiling_table(decisions, points)}
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
        b = np.stack(
            [np.full_like(held.y, np.nan) if one is None else one.predictions for one in best]
        )
        over = difference_intervals(x, b, held.y, held.clusters, resamples=resamples)
        for run, one, difference in zip(made.runs.iter_rows(named=True), best, over, strict=True):
            key = (*(run[name] for name in RUN), held.family)
            if key in intervals:
                found[key] = _row(intervals[key], ceilings[held.family], one, difference)
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


def _best(x: np.ndarray, y: np.ndarray, baselines: Mapping[str, np.ndarray]) -> _Best | None:
    """The baseline with the highest r on the points of `x`, among those that predict at least
    `COVERED` of them; a constant one counts as an r of zero."""
    known = ~np.isnan(x)
    found = None
    for name, predictions in baselines.items():
        both = known & ~np.isnan(predictions)
        if not both.any() or both.sum() < COVERED * known.sum():
            continue
        r, why = pearson(predictions[both], y[both])
        if why not in (None, CONSTANT):
            continue
        if found is None or (r or 0.0) > (found.r or 0.0):
            found = _Best(name, r, predictions, int(known.sum() - both.sum()))
    return found


def _row(own: Row, ceiling: Row, best: _Best | None, over: Interval) -> Row:
    row = {
        name: own[name]
        for name in (*RUN, "family", "points", "decisions", "clusters", "r", "low", "high")
    }
    row |= {"ceiling": ceiling["ceiling"], "baseline": None, "r_baseline": None}
    row |= dict.fromkeys(("over", "over_low", "over_high", "smallest"))
    if best is not None:
        row |= {"baseline": best.name, "r_baseline": best.r}
        beside = {name: getattr(over, name) for name in ("estimate", "low", "high", "se")}
        if best.r is None:
            beside = {"estimate": own["r"], **{name: own[name] for name in ("low", "high", "se")}}
        row |= {
            "over": beside["estimate"],
            "over_low": beside["low"],
            "over_high": beside["high"],
            "smallest": _smallest(beside),
        }
    verdict, why = _verdict(row, own, ceiling)
    lacking = None
    if best is not None and best.lacking:
        lacking = f"{best.name} says nothing of {best.lacking:,} of the {row['points']:,} points"
    return row | {"verdict": verdict, "why": join_notes(why, lacking)}


def _smallest(held: Mapping[str, Any]) -> float | None:
    """Half the interval, and so much more that .80 of estimates lie beyond half of it. With few
    clusters the interval is wider than 1.96 standard errors to each side, and this with it."""
    if held["se"] is None or held["low"] is None or held["high"] is None:
        return None
    return float((held["high"] - held["low"]) / 2 + _ERRORS * held["se"])


def _verdict(row: Row, own: Row, ceiling: Row) -> tuple[str, str]:
    low, high = row["low"], row["high"]
    if row["r"] is None or low is None:
        return "cannot say", own["note"] or "r is undefined"
    if row["decisions"] < MIN_N or row["clusters"] < FEW_CLUSTERS:
        return (
            "cannot say",
            f"{row['decisions']} decisions of {row['clusters']} participants or games",
        )
    if high < 0:
        return "no", f"r is negative: {decimal(low)} to {decimal(high)}"
    name = row["baseline"]
    span = f"{decimal(row['over_low'])} to {decimal(row['over_high'])}"
    if row["over_high"] is not None and row["over_high"] < 0:
        return "no", f"{name} predicts people better: {span}"
    if low <= 0:
        shows = decimal(_smallest(own))
        return "not shown", (
            f"r may be zero: {decimal(low)} to {decimal(high)}; with so much data an r of {shows} "
            "would show with a probability of .80"
        )
    if name is None:
        return "not shown", "no baseline predicts the same decisions"
    if row["over_low"] is None:
        return "cannot say", f"the difference from {name} has no interval"
    if row["over_low"] <= 0:
        return "not shown", f"{name} may be as good: {span}"
    better = f"better than {name}"
    if row["r_baseline"] is None:
        better += ", which is constant here"
    if ceiling["ceiling"] is not None and ceiling["n"] < row["points"]:
        # Another set of points has another ceiling: r cannot be held against it.
        return "in part", (
            f"{better}; the ceiling of {decimal(ceiling['ceiling'])} is that of {ceiling['n']:,} "
            f"of the {row['points']:,} points"
        )
    return beside_ceiling(low, high, row["ceiling"], better)


def beside_ceiling(low: float, high: float, ceiling: float | None, better: str) -> tuple[str, str]:
    """The answer for a model that is better than every baseline."""
    if ceiling is None:
        return "in part", f"{better}; the ceiling is unknown"
    if not ceiling:
        return "in part", f"{better}; choices are too noisy for a ceiling"
    near = min(MARGIN, ceiling / 4)
    reach, margin = f"the ceiling of {decimal(ceiling)}", decimal(near)
    if low >= ceiling - near:
        return "yes", f"{better}, and at most {margin} below {reach}: r is {decimal(low)} or more"
    below = decimal(ceiling - low)
    if high < ceiling - near:
        return "in part", f"{better}, but {decimal(ceiling - high)} to {below} below {reach}"
    return "in part", (
        f"{better}; r may lie up to {below} below {reach}, the interval is too wide to tell "
        f"whether it is within {margin}"
    )
