"""Ranking: do predictions rise and fall with what people do, as far as they can?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from tremble.stats.inference.intervals import Interval, Units
from tremble.stats.metrics.correlation import CONSTANT, pearson
from tremble.stats.tables.controls import without_the_game
from tremble.stats.verdict.answer import CANNOT_SAY, IN_PART, NO, NOT_SHOWN, YES, Answer
from tremble.stats.verdict.enough import too_little
from tremble.text import against, decimal, join_notes

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


def smallest(held: Mapping[str, Any]) -> float | None:
    """Half the interval, and so much more that .80 of estimates lie beyond half of it. With few
    clusters the interval is wider than 1.96 standard errors to each side, and this with it."""
    if held["se"] is None or held["low"] is None or held["high"] is None:
        return None
    return float((held["high"] - held["low"]) / 2 + _ERRORS * held["se"])


def decide(known: Standing) -> Answer:
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
        lacking = f"{best.name} has no prediction for {best.lacking:,} of the {points:,} points"
    marked = None if known.units is None else known.units.marked
    marked = marked and f"{marked}, so intervals are rough"
    return verdict._replace(why=join_notes(verdict.why, lacking, marked) or "")


def _too_little(known: Standing) -> Answer | None:
    """Whether there is enough to judge by."""
    own, units = known.own, known.units
    why = too_little(units, own["decisions"])
    # Of people and games the plain count says more than that of clusters; items have their own.
    unsaid = units is None or units.items is not None or why is None
    if own["r"] is None or (own["low"] is None and unsaid):
        why = own["note"] or "r is undefined"
    return None if why is None else Answer(CANNOT_SAY, why)


def _beside(known: Standing) -> str:
    """Both r, and their difference with its interval."""
    over, best = known.over, known.best
    assert best is not None
    own = None if over["estimate"] is None else over["estimate"] + (best.r or 0.0)
    theirs = "undefined (constant)" if best.r is None else decimal(best.r)
    span = f"95% interval of the difference: {decimal(over['low'])} to {decimal(over['high'])}"
    return f"r is {decimal(own)}, r of {best.name} is {theirs} ({span})"


def _below(known: Standing) -> Answer | None:
    """Whether the model is worse than nothing, or than the best baseline."""
    low, high, over = known.own["low"], known.own["high"], known.over
    if high < 0:
        return Answer(NO, f"r is negative (95% interval: {decimal(low)} to {decimal(high)})")
    if known.best is not None and over["high"] is not None and over["high"] < 0:
        return Answer(NO, f"{known.best.name} predicts people better: {_beside(known)}")
    return None


def _not_above(known: Standing) -> Answer | None:
    """Whether the data fail to show that it is better than nothing, and than every baseline."""
    low, high, best = known.own["low"], known.own["high"], known.best
    if low <= 0:
        shows = decimal(smallest(known.own))
        return Answer(
            NOT_SHOWN,
            f"r may be zero (95% interval: {decimal(low)} to {decimal(high)}); your data would "
            f"show an r of {shows} with a statistical power of .80",
        )
    if best is None:
        return Answer(NOT_SHOWN, "no baseline predicts these decisions")
    if known.over["low"] is None:
        return Answer(CANNOT_SAY, f"the difference from {best.name} has no interval")
    if known.over["low"] <= 0:
        return Answer(NOT_SHOWN, f"{best.name} may be as good as the model: {_beside(known)}")
    return None


def _without_the_game(known: Standing) -> Answer | None:
    """Whether r may be as high under a control that takes the game away."""
    kept = [one for one in known.controls if _as_good(one, known.own)]
    if not kept:
        return None
    least = min(kept, key=lambda one: one["loss"])
    return Answer(
        NOT_SHOWN,
        f"the model may be as good without the game: r is {decimal(least['r_control'])} under the "
        f"control {least['control']} and {decimal(least['r'])} with the game",
    )


def _as_good(control: Row, own: Row) -> bool:
    """Whether the interval of the loss reaches zero, or the loss is no larger than what lies
    between r and the low end of its interval. The loss is of decisions scored both ways; r under
    the control and the run's own r need not be of the same ones."""
    within = control["loss"] <= own["r"] - own["low"]
    return within or (control["low"] is not None and control["low"] <= 0)


def _near_the_ceiling(known: Standing) -> Answer:
    """How far a model that is better than every baseline is from the best there can be."""
    own, ceiling, best = known.own, known.ceiling, known.best
    assert best is not None
    better = f"better than {best.name}"
    if best.r is None:
        better += ", which is constant here"
    if ceiling["ceiling"] is not None and ceiling["n"] < own["points"]:
        # Another set of points has another ceiling: r cannot be held against it.
        return Answer(
            IN_PART,
            f"{better}; the noise ceiling of {decimal(ceiling['ceiling'])} is known for "
            f"{ceiling['n']:,} of the {own['points']:,} points only",
        )
    return beside_ceiling(own["low"], own["high"], ceiling["ceiling"], better)


def beside_ceiling(low: float, high: float, ceiling: float | None, better: str) -> Answer:
    """`decide` for the interval of r and a ceiling of the same points; `better` is what the model
    is better than, in words."""
    if ceiling is None:
        return Answer(IN_PART, f"{better}; the noise ceiling is unknown")
    if not ceiling:
        return Answer(IN_PART, f"{better}; choices are so noisy that the noise ceiling is 0")
    near = min(MARGIN, ceiling / 4)
    reach, margin = f"the noise ceiling of {decimal(ceiling)}", decimal(near)
    if low >= ceiling - near:
        close = (
            f"{better}, and r is at most {margin} below {reach}: its interval begins at "
            f"{decimal(low)}"
        )
        return Answer(YES, close)
    below = against(ceiling - low, near)
    if high < ceiling - near:
        far = f"{better}, but r is {decimal(ceiling - high)} to {below} below {reach}"
        return Answer(IN_PART, far)
    return Answer(
        IN_PART,
        f"{better}; r may lie up to {below} below {reach}, so it is not shown to be within "
        f"{margin} of it",
    )
