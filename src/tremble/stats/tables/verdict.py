"""May this model stand in for people here? What speaks for it, and what the data cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy.stats import norm

from tremble.stats.filters import MIN_N
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.matrix import AllPoints, RunMatrix
from tremble.stats.frames.predictions import RUN
from tremble.stats.inference.bootstrap import RESAMPLES, difference_intervals
from tremble.stats.inference.intervals import FEW_CLUSTERS, Interval, Units
from tremble.stats.metrics.correlation import CONSTANT, pearson
from tremble.stats.tables.baselines import baseline_points
from tremble.stats.tables.ceiling import ceiling_table
from tremble.stats.tables.controls import control_table, without_the_game
from tremble.stats.tables.uncertainty import r_of_runs
from tremble.text import decimal, join_notes

Row = dict[str, Any]
_DIFFERENCE = ("estimate", "low", "high", "se")
_ERRORS = float(norm.ppf(0.80))
# How far below the ceiling all of r's interval may lie for a "yes". At a ceiling of .80 it leaves
# .70, three quarters of the variance that can be predicted; a convention, not a result.
MARGIN = 0.10  # but at most a quarter of the ceiling
COVERED = 0.90  # of the points of r that a baseline must predict to count


@dataclass(frozen=True, slots=True)
class Best:
    """The baseline to beat: its r, None where it is constant, and what it predicts (points), which
    is `lacking` at so many points of the model's r."""

    name: str
    r: float | None
    predictions: np.ndarray
    lacking: int


class Verdict(NamedTuple):
    """May the model stand in for people: "yes", "in part", "not shown", "no", "cannot say"."""

    answer: str
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one run in one family when the verdict is given.

    `own` and `ceiling` are its rows of `interval_table` and `ceiling_table`; `best` is the best
    baseline; `over` what r has over that one's: estimate, low, high, se, None where there is no
    baseline; `controls` its rows of `control_table` under controls that take the game away;
    `units`: the people and items behind r.
    """

    own: Row
    ceiling: Row
    best: Best | None
    over: Row
    controls: Sequence[Row]
    units: Units | None = None

    @classmethod
    def of(
        cls,
        own: tuple[Row, Interval],
        ceiling: Row,
        best: Best | None,
        over: Interval,
        controls: Sequence[Row],
    ) -> Standing:
        """`own`: as of `r_of_runs`; `over`: of the difference of both r; `controls`: of all runs. A
        baseline that is constant has no r and adds nothing: beside it all of r is more."""
        beside = dict.fromkeys(_DIFFERENCE)
        if best is not None and best.r is None:
            beside = {name: getattr(own[1], name) for name in _DIFFERENCE}
        elif best is not None:
            beside = {name: getattr(over, name) for name in _DIFFERENCE}
        row, interval = own
        kept = without_the_game(row, controls)
        return cls(row, ceiling, best, beside, kept, interval.units)


def verdict_table(evidence: Evidence, resamples: int = RESAMPLES) -> list[Row]:
    """One row per run and family.

    model, format, formulation, family, points, decisions, clusters, r, low, high, ceiling,
    baseline (the one with the highest r), r_baseline (on the same points), over (r less
    r_baseline), over_low, over_high, smallest (the smallest difference from a baseline that so much
    data shows with a probability of .80 at .05, two-sided: half the interval and .84 standard
    errors, with many clusters 2.80 of them), verdict and why (`decide`), control (the one that
    takes the game away and costs the least r, None where none was scored on 30 decisions),
    n_control (decisions scored with it and without) and r_control (on these). A baseline that is
    constant on these points has no r and adds nothing: beside it `over` is r, with the interval of
    r.

    A baseline counts where it predicts at least nine tenths of the points; it and the model are
    compared where both say something. The best one is chosen on the same data, which is to its
    advantage.
    """
    ceilings = {row["family"]: row for row in ceiling_table(evidence)}
    made = RunMatrix(evidence)
    intervals = {_key(own[0]): own for own in r_of_runs(made, resamples)}
    names, baselines = _baselines(baseline_points(evidence), made.points)
    controls = control_table(evidence, resamples)
    rows: dict[tuple[Any, ...], Row] = {}
    for held in made.families:
        x = made.x[:, held.at]
        here = dict(zip(names, baselines[:, held.at], strict=True))
        best = [best_baseline(row, held.y, here) for row in x]
        b = np.stack(
            [np.full_like(held.y, np.nan) if one is None else one.predictions for one in best]
        )
        over = difference_intervals(x, b, held.y, held.clusters, resamples=resamples)
        for run, one, difference in zip(made.runs.iter_rows(named=True), best, over, strict=True):
            key = _key(run | {"family": held.family})
            if key in intervals:
                ceiling = ceilings[held.family]
                rows[key] = verdict_row(
                    Standing.of(intervals[key], ceiling, one, difference, controls)
                )
    return [rows[key] for key in intervals]


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in (*RUN, "family"))


def _baselines(beside: pl.DataFrame, points: AllPoints) -> tuple[list[str], np.ndarray]:
    """Names of the baselines and what they predict, (baselines, points)."""
    names: list[str] = beside["baseline"].unique(maintain_order=True).to_list()
    numbers = pl.DataFrame(
        {"baseline": names, "number": range(len(names))},
        schema={"baseline": pl.String, "number": pl.Int64},
    )
    numbered = beside.join(numbers, on="baseline")
    return names, points.matrix(numbered, "number", "prediction", len(names))


def best_baseline(x: np.ndarray, y: np.ndarray, baselines: Mapping[str, np.ndarray]) -> Best | None:
    """The baseline with the highest r on the points of `x`, among those that predict at least
    `COVERED` of them; a constant one counts as an r of zero."""
    known = ~np.isnan(x)
    best = None
    for name, predictions in baselines.items():
        both = known & ~np.isnan(predictions)
        if not both.any() or both.sum() < COVERED * known.sum():
            continue
        r, why = pearson(predictions[both], y[both])
        if why not in (None, CONSTANT):
            continue
        if best is None or (r or 0.0) > (best.r or 0.0):
            best = Best(name, r, predictions, int(known.sum() - both.sum()))
    return best


def verdict_row(known: Standing) -> Row:
    """The row of `verdict_table`, with what `decide` says."""
    own, best, over = known.own, known.best, known.over
    facts = (*RUN, "family", "points", "decisions", "clusters", "r", "low", "high")
    least = min(known.controls, key=lambda one: one["loss"], default=None)
    verdict = decide(known)
    return {
        **{name: own[name] for name in facts},
        "ceiling": known.ceiling["ceiling"],
        "baseline": None if best is None else best.name,
        "r_baseline": None if best is None else best.r,
        "over": over["estimate"],
        "over_low": over["low"],
        "over_high": over["high"],
        "smallest": _smallest(over),
        "verdict": verdict.answer,
        "why": verdict.why,
        "control": None if least is None else least["control"],
        "n_control": None if least is None else least["n"],
        "r_control": None if least is None else least["r_control"],
    }


def _smallest(held: Mapping[str, Any]) -> float | None:
    """Half the interval, and so much more that .80 of estimates lie beyond half of it. With few
    clusters the interval is wider than 1.96 standard errors to each side, and this with it."""
    if held["se"] is None or held["low"] is None or held["high"] is None:
        return None
    return float((held["high"] - held["low"]) / 2 + _ERRORS * held["se"])


def decide(known: Standing) -> Verdict:
    """The verdict, the one place where it is taken: the first question that has an answer.

    - "cannot say": fewer than 30 decisions, than 20 participants or games of equal size or than
      10 such items (below 20 they are named beside the verdict), choices of people who are not
      known, or r undefined;
    - "no": worse than the best baseline, or r below zero;
    - "not shown": r may be zero, or neither better nor worse than the best baseline, as far as the
      data tell, or as good under a control that takes the game away;
    - "yes": better than the best baseline, and the interval of r begins at most `MARGIN` below the
      ceiling (a quarter of the ceiling, where that is less);
    - "in part": better than the best baseline, but r may lie further below the ceiling, or the
      ceiling is unknown, or known for fewer points than r.

    "better" and "worse" mean that the 95% interval of the difference, over whole participants and
    games, leaves out zero.
    """
    if too_little := _too_little(known):
        return too_little
    verdict = _below(known) or _not_above(known) or _without_the_game(known)
    verdict = verdict or _near_the_ceiling(known)
    lacking, best = None, known.best
    if best is not None and best.lacking:
        points = known.own["points"]
        lacking = f"{best.name} says nothing of {best.lacking:,} of the {points:,} points"
    marked = None if known.units is None else known.units.marked
    return verdict._replace(why=join_notes(verdict.why, lacking, marked) or "")


def _too_little(known: Standing) -> Verdict | None:
    """Whether there is enough to judge by."""
    own = known.own
    if own["r"] is None or own["low"] is None:
        return Verdict("cannot say", own["note"] or "r is undefined")
    units = known.units
    if units is None:
        return None
    if units.few is not None:
        return Verdict("cannot say", units.few)
    few = units.people.below(FEW_CLUSTERS)
    if few or own["decisions"] < MIN_N:
        bound = FEW_CLUSTERS if few and units.people.number >= FEW_CLUSTERS else None
        return Verdict("cannot say", units.said(own["decisions"], bound))
    return None


def _span(known: Standing) -> str:
    return f"{decimal(known.over['low'])} to {decimal(known.over['high'])}"


def _below(known: Standing) -> Verdict | None:
    """Whether the model is worse than nothing, or than the best baseline."""
    low, high, over = known.own["low"], known.own["high"], known.over
    if high < 0:
        return Verdict("no", f"r is negative: {decimal(low)} to {decimal(high)}")
    if known.best is not None and over["high"] is not None and over["high"] < 0:
        return Verdict("no", f"{known.best.name} predicts people better: {_span(known)}")
    return None


def _not_above(known: Standing) -> Verdict | None:
    """Whether the data fail to show that it is better than nothing, and than every baseline."""
    low, high, best = known.own["low"], known.own["high"], known.best
    if low <= 0:
        shows = decimal(_smallest(known.own))
        return Verdict(
            "not shown",
            f"r may be zero: {decimal(low)} to {decimal(high)}; with so much data an r of {shows} "
            "would show with a probability of .80",
        )
    if best is None:
        return Verdict("not shown", "no baseline predicts the same decisions")
    if known.over["low"] is None:
        return Verdict("cannot say", f"the difference from {best.name} has no interval")
    if known.over["low"] <= 0:
        return Verdict("not shown", f"{best.name} may be as good: {_span(known)}")
    return None


def _without_the_game(known: Standing) -> Verdict | None:
    """Whether r may be as high under a control that takes the game away."""
    kept = [one for one in known.controls if _as_good(one, known.own)]
    if not kept:
        return None
    least = min(kept, key=lambda one: one["loss"])
    return Verdict(
        "not shown",
        f"may be as good without the game: r is {decimal(least['r_control'])} under "
        f"{least['control']}, where it is {decimal(least['r'])} with it",
    )


def _as_good(control: Row, own: Row) -> bool:
    """Whether the interval of the loss reaches zero, or the loss is no larger than what lies
    between r and the low end of its interval. The loss is of decisions scored both ways; r under
    the control and the run's own r need not be of the same ones."""
    within = control["loss"] <= own["r"] - own["low"]
    return within or (control["low"] is not None and control["low"] <= 0)


def _near_the_ceiling(known: Standing) -> Verdict:
    """How far a model that is better than every baseline is from the best there can be."""
    own, ceiling, best = known.own, known.ceiling, known.best
    assert best is not None
    better = f"better than {best.name}"
    if best.r is None:
        better += ", which is constant here"
    if ceiling["ceiling"] is not None and ceiling["n"] < own["points"]:
        # Another set of points has another ceiling: r cannot be held against it.
        return Verdict(
            "in part",
            f"{better}; the ceiling of {decimal(ceiling['ceiling'])} is that of {ceiling['n']:,} "
            f"of the {own['points']:,} points",
        )
    return beside_ceiling(own["low"], own["high"], ceiling["ceiling"], better)


def beside_ceiling(low: float, high: float, ceiling: float | None, better: str) -> Verdict:
    """`decide` for the interval of r and a ceiling of the same points; `better` is what the model
    is better than, in words."""
    if ceiling is None:
        return Verdict("in part", f"{better}; the ceiling is unknown")
    if not ceiling:
        return Verdict("in part", f"{better}; choices are too noisy for a ceiling")
    near = min(MARGIN, ceiling / 4)
    reach, margin = f"the ceiling of {decimal(ceiling)}", decimal(near)
    if low >= ceiling - near:
        close = f"{better}, and at most {margin} below {reach}: r is {decimal(low)} or more"
        return Verdict("yes", close)
    below = decimal(ceiling - low)
    if high < ceiling - near:
        far = f"{better}, but {decimal(ceiling - high)} to {below} below {reach}"
        return Verdict("in part", far)
    return Verdict(
        "in part",
        f"{better}; r may lie up to {below} below {reach}, the interval is too wide to tell "
        f"whether it is within {margin}",
    )
