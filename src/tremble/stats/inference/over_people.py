"""Intervals over whole people for what responses add up to: Cohen's d, differences, means.

Everything is made of a few sums per person, so that a person left out is a subtraction. Errors are
those of the delete-one-person jackknife (Tukey 1958; Efron and Stein 1981, Annals of Statistics 9:
it errs upwards), which takes in that people answer unequally often, and limits are at the quantile
of t with one degree of freedom less than there are people; docs/uncertainty.md has how often these
intervals hold the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from tremble.stats.inference.arms import ROUNDING
from tremble.stats.inference.intervals import FEW_CLUSTERS, LEVEL, MIN_CLUSTERS
from tremble.text import counted

Sums = np.ndarray  # (people, sums)


@dataclass(frozen=True, slots=True)
class Spread:
    """An estimate with its 95% interval and a two-sided p that it is zero, both None where there
    are too few units; `n` of them; `note`: why, or what to know of the interval."""

    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int = 0
    note: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PairSums:
    """What two models' nats over the same responses add up to, (people) each: how many responses,
    the sums of `base` and `post`, and their sums of squares; of nats less a constant near their
    mean, so that squares lose no digits."""

    n: np.ndarray
    base: np.ndarray
    post: np.ndarray
    base_squares: np.ndarray
    post_squares: np.ndarray

    def table(self) -> Sums:
        """(people, 5), in the order of the fields."""
        parts = (self.n, self.base, self.post, self.base_squares, self.post_squares)
        return np.stack([np.asarray(part, float) for part in parts], axis=1)


def cohens_d(sums: Sums) -> np.ndarray:
    """(mean post - mean base) / pooled standard deviation of responses (ddof 1), from sums as those
    of `PairSums`, (..., 5); NaN below two responses and where nothing varies."""
    n, base, post, base_squares, post_squares = np.moveaxis(np.asarray(sums, float), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        within = base_squares - base**2 / n + post_squares - post**2 / n
        sd = np.sqrt(np.where(within > 0, within, np.nan) / (2 * n - 2))
        found: np.ndarray = np.where(n > 1, (post - base) / n / sd, np.nan)
    return found


def d_of_responses(pair: PairSums) -> Spread:
    """Cohen's d of responses with its interval over whole people, which holds that the responses
    of one person are not independent."""
    return jackknife(pair.table(), cohens_d)


def ratio(total: np.ndarray, n: np.ndarray) -> Spread:
    """A mean over responses, sum of `total` by sum of `n` (people) each, with its interval over
    people: a ratio of two sums, since people answer unequally often."""
    table = np.stack([np.asarray(total, float), np.asarray(n, float)], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return jackknife(table, lambda sums: sums[..., 0] / sums[..., 1])


def jackknife(sums: Sums, estimate: Callable[[Sums], np.ndarray]) -> Spread:
    """An estimate of column sums of `sums` (people, sums), (..., sums) -> (...), with its interval
    by leaving out one person at a time."""
    people = len(sums)
    whole = sums.sum(axis=0)
    value = float(estimate(whole)) if people else math.nan
    if not math.isfinite(value):
        return Spread(None, n=people, note="undefined" if people else None)
    if (few := _too_few(people)) is not None:
        return Spread(value, n=people, note=few)
    without = np.asarray(estimate(whole - sums), float)
    if not np.isfinite(without).all():
        return Spread(value, n=people, note="undefined without one of the people: no interval")
    error = math.sqrt((people - 1) / people * float(((without - without.mean()) ** 2).sum()))
    return _by_t(value, error, people, _rough(people))


def mean_of(values: np.ndarray, what: str = "person") -> Spread:
    """The mean of independent values (units), NaN left out, with the usual interval of t; `what`
    one unit is, for the note."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    n = len(known)
    if not n:
        return Spread(None)
    value = float(known.mean())
    if (few := _too_few(n, what)) is not None:
        return Spread(value, n=n, note=few)
    note = _rough(n) if what == "person" else None
    return _by_t(value, float(known.std(ddof=1)) / math.sqrt(n), n, note)


def paired_d(differences: np.ndarray) -> float | None:
    """Cohen's d of paired values: the mean of people's differences by their standard deviation
    (ddof 1), NaN left out; None below two people and where nobody differs from the others."""
    known = np.asarray(differences, float)
    known = known[np.isfinite(known)]
    if len(known) < 2:
        return None
    sd = float(known.std(ddof=1))
    if not sd > ROUNDING * float(np.abs(known).max()):  # equal but for rounding
        return None
    return float(known.mean()) / sd


def _by_t(value: float, error: float, n: int, note: str | None) -> Spread:
    reach = float(student.ppf((1 + LEVEL) / 2, n - 1)) * error
    p = float(2 * student.sf(abs(value) / error, n - 1)) if error > 0 else None
    return Spread(value, value - reach, value + reach, p, n, note)


def _too_few(n: int, what: str = "person") -> str | None:
    if n >= MIN_CLUSTERS:
        return None
    said = "1 person" if (what, n) == ("person", 1) else _many(n, what)
    return f"only {said} (an interval needs {MIN_CLUSTERS})"


def _many(n: int, what: str) -> str:
    return f"{n} people" if what == "person" else counted(n, what)


def _rough(people: int) -> str | None:
    few = people < FEW_CLUSTERS
    return f"only {people} people, fewer than {FEW_CLUSTERS}: interval rough" if few else None
