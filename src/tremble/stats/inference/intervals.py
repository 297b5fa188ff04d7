"""From an estimate and its resamples to an interval, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tremble.stats.frames.clusters import effective
from tremble.stats.metrics.correlation import constant
from tremble.text import join_notes

LEVEL = 0.95
# Fewer clusters than this have too few different resamples for a 95% interval.
MIN_CLUSTERS = 5
# Below this many clusters, or as many of equal size, intervals are marked.
FEW_CLUSTERS = 20
# With a larger share of undefined resamples the rest no longer stands for all.
MOST_UNDEFINED = 0.1


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95% interval; `low`, `high`, `se` and `p` are None where there is none.

    `clusters`: units resampled (of two kinds that cross the smaller number); `effective`: as many
    of equal size. `undefined`: how many of the `resamples` had no value (one outcome only, ...).
    `p`: of a difference, two-sided, that it is zero. `note`: why there is no interval, or a
    warning.
    """

    estimate: float | None
    low: float | None
    high: float | None
    se: float | None
    p: float | None
    n: int
    clusters: int
    effective: float
    resamples: int
    undefined: int
    note: str | None


@dataclass(frozen=True, slots=True)
class Units:
    """What is resampled: points, clusters (of the rarer kind), as many equal ones, kinds."""

    n: int
    clusters: int
    effective: float
    kinds: int

    @classmethod
    def of(cls, n: int, levels: Sequence[np.ndarray]) -> Units:
        """`levels`: what `top_levels` gives, (points) each; empty where there are no points."""
        counts = [int(codes.max()) + 1 for codes in levels]
        equal = [effective(codes) for codes in levels]
        return cls(n, min(counts, default=0), min(equal, default=0.0), len(levels))

    @property
    def reason(self) -> str | None:
        """Why these units allow no interval."""
        if self.kinds > 2:
            return f"{self.kinds} kinds of clusters cross, at most 2 can be resampled"
        if self.clusters == 1:
            return "one cluster only"
        if self.clusters < MIN_CLUSTERS:
            return f"only {self.clusters} clusters, an interval needs {MIN_CLUSTERS}"
        return None

    @property
    def warning(self) -> str | None:
        """What a reader must know of an interval over these units."""
        if self.clusters < FEW_CLUSTERS:
            return f"only {self.clusters} clusters, fewer than {FEW_CLUSTERS}: interval rough"
        if self.effective < FEW_CLUSTERS:
            return (
                f"{self.clusters} clusters of unequal size, worth {self.effective:.0f} equal ones, "
                f"fewer than {FEW_CLUSTERS}: interval rough"
            )
        return None

    def without(self, estimate: float | None, reason: str) -> Interval:
        """No interval, for this reason."""
        return Interval(
            estimate, None, None, None, None, self.n, self.clusters, self.effective, 0, 0, reason
        )


def why_undefined(predictions: Sequence[np.ndarray], y: np.ndarray) -> str | None:
    """Why r, or a difference of two, is undefined for these predictions (points); None if it is."""
    if len(y) < 3:
        return "fewer than 3 points"
    if constant(y):
        return "one outcome only"
    return "constant prediction" if any(constant(x) for x in predictions) else None


def studentised(
    value: float, error: float, values: np.ndarray, errors: np.ndarray
) -> tuple[float, float]:
    """The symmetric bootstrap-t interval (Hall 1988, JRSS B 50) on the value's scale.

    Studentised resamples are taken by size, not by sign: the error in coverage is of a smaller
    order than with two separate tails, and the p value from the same sizes agrees with it.
    """
    reach = error * float(np.quantile(np.abs((values - value) / errors), LEVEL))
    return value - reach, value + reach


@dataclass(frozen=True, slots=True)
class Resampled:
    """A value with its error in the sample, and both in every resample (resamples), NaN where
    undefined; all on the scale on which the interval is symmetric."""

    value: float
    error: float
    values: np.ndarray
    errors: np.ndarray

    def defined(self) -> Resampled:
        """With the resamples alone that have a value and an error."""
        known = np.isfinite(self.values) & np.isfinite(self.errors)
        return replace(self, values=self.values[known], errors=self.errors[known])

    def p(self) -> float:
        """Two-sided, that the value is zero: by the sizes of studentised resamples."""
        sizes = np.abs((self.values - self.value) / self.errors)
        extreme = int((sizes >= abs(self.value / self.error)).sum())
        return (1 + extreme) / (1 + len(self.values))


def interval(drawn: Resampled, units: Units, estimate: float, of_one: bool) -> Interval:
    """The interval around an estimate, from a value and its resamples.

    For one r (`of_one`) the values are on the scale of Fisher's z; low and high are back on that
    of r. `se` holds the correction for few clusters G / (G - 1), which the resamples need not have.
    """
    if units.reason is not None:
        return units.without(estimate, units.reason)
    if not np.isfinite(drawn.error):
        same = "r is 1 or -1" if of_one else "both predictions give the same r in every resample"
        return units.without(estimate, same)
    tried, drawn = len(drawn.values), drawn.defined()
    undefined = tried - len(drawn.values)
    lacking = f"{undefined} of {tried} resamples undefined" if undefined else None
    if undefined > MOST_UNDEFINED * tried:
        return units.without(estimate, str(lacking))
    low, high = studentised(drawn.value, drawn.error, drawn.values, drawn.errors)
    se = drawn.error * np.sqrt(units.clusters / (units.clusters - 1))
    p = None
    if of_one:
        low, high, se = float(np.tanh(low)), float(np.tanh(high)), se * (1 - estimate**2)
    else:
        low, high = max(low, -2.0), min(high, 2.0)
        p = drawn.p()
    note = join_notes(units.warning, lacking)
    return Interval(
        estimate,
        low,
        high,
        float(se),
        p,
        units.n,
        units.clusters,
        units.effective,
        tried,
        undefined,
        note,
    )
