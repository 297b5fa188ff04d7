"""From an estimate and its resamples to an interval, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tremble.stats.frames.clusters import Kind, effective, resampled, top_levels
from tremble.stats.metrics.correlation import constant
from tremble.text import counted, join_notes

LEVEL = 0.95
# Fewer clusters of a kind than this have too few different resamples for a 95% interval; so few
# items say nothing of others, however many people read them.
MIN_CLUSTERS = 5
# Below this many clusters, or as many of equal size, intervals are marked, and no verdict rests on
# so few people.
FEW_CLUSTERS = 20
# Below this many items, or as many of equal size, nothing is generalised beyond them: the interval
# is marked, and no verdict rests on it. From there to `FEW_CLUSTERS` a verdict is marked.
FEW_ITEMS = 10
# What is resampled where people are not known, or play together.
OTHERS = "participants, games or problems"
# With a larger share of undefined resamples the rest no longer stands for all.
MOST_UNDEFINED = 0.1


class Size(NamedTuple):
    """How many clusters of a kind, and as many of equal size (`effective`)."""

    number: int
    equal: float

    def below(self, bound: int) -> bool:
        """Whether as many equal ones, to the nearest whole number, are fewer."""
        return round(self.equal) < bound

    def said(self, what: str, bound: int | None = None) -> str:
        """So many of `what`, fewer than a bound; or what unequal ones are worth, which is."""
        fewer = "" if bound is None else f", fewer than {bound}"
        if bound is None or self.number < bound:
            if self.number == 1 and " " not in what:
                what = "person" if what == "people" else what.removesuffix("s")
            return f"{self.number:,} {what}{fewer}"
        return (
            f"{self.number:,} {what} of unequal size, equivalent to {self.equal:.0f} of equal "
            f"size{fewer}"
        )


@dataclass(frozen=True, slots=True)
class Units:
    """What is resampled of `n` points, of `crossing` kinds of cluster one or two.

    `rarer`: the kind with fewer clusters. `people`: of what is resampled and is no item; where
    items hold all that their readers did, the readers. `items`: None where the points have none,
    or every item is one person's; `within_items`: whether people are not resampled beside them.
    `unnamed`: points of people who are not known; `named`: whether all of them are known.
    """

    n: int
    crossing: int
    rarer: Size
    people: Size
    items: Size | None
    within_items: bool
    unnamed: int
    named: bool = True

    def said(self, decisions: int, bound: int | None = None) -> str:
        """So many decisions of these people, fewer than a bound: "12 people on one item", "360
        decisions of 12 participants or games"."""
        if self.items is None:
            people = self.people.said("participants" if self.named else OTHERS, bound)
            return f"{counted(decisions, 'decision')} of {people}"
        return self._on_items(self.items.number, bound)

    def _on_items(self, number: int, bound: int | None = None, only: str = "") -> str:
        who = "people" if self.named else "choices" if self.unnamed else "problems or games"
        items = "one item" if number == 1 else f"{number:,} items"
        return f"{self.people.said(who, bound)} on {only}{items}"

    @property
    def reason(self) -> str | None:
        """Why these units allow no interval."""
        if self.items is not None and self.items.number < MIN_CLUSTERS:
            on_few = self._on_items(self.items.number, only="only ")
            return f"{on_few} (an interval needs {MIN_CLUSTERS} items)"
        if self.rarer.number == 1:
            return "one cluster only"
        if self.rarer.number < MIN_CLUSTERS:
            return f"only {self.rarer.number} clusters (an interval needs {MIN_CLUSTERS})"
        return None

    @property
    def warning(self) -> str | None:
        """What a reader must know of an interval over these units."""
        notes: list[str | None] = []
        if not self.within_items and self.people.below(FEW_CLUSTERS):
            only = "only " if self.people.number < FEW_CLUSTERS else ""
            notes.append(f"{only}{self.people.said('clusters', FEW_CLUSTERS)}: interval rough")
        if self.items is not None and self.items.below(FEW_ITEMS):
            notes.append(f"too few items to generalise: {self.items.said('items', FEW_ITEMS)}")
        elif self.marked is not None:
            notes.append(f"{self.marked}: interval rough")
        if self.crossing > 2:
            notes.append(
                f"{self.crossing} kinds of clusters cross; only the two with the fewest clusters "
                "count"
            )
        if self.unnamed:
            notes.append(
                f"for {counted(self.unnamed, 'choice')} neither participant nor game is known: the "
                "interval may be too short"
            )
        return join_notes(*notes)

    @property
    def few(self) -> str | None:
        """Why no verdict rests on these items and names, whatever the interval says."""
        if self.items is not None and self.items.below(FEW_ITEMS):
            return f"too few items to generalise: {self.items.said('items', FEW_ITEMS)}"
        return self.nameless if self.unnamed else None

    @property
    def nameless(self) -> str:
        """What is lacking where choices are of people who are not known."""
        return (
            f"for {counted(self.unnamed, 'choice')} neither participant nor game is known; name "
            "them, or set one_decision_each = true in [study] if nobody made two decisions"
        )

    @property
    def marked(self) -> str | None:
        """What must stand beside a verdict over so few items."""
        if self.items is None or not self.items.below(FEW_CLUSTERS):
            return None
        return f"only {self.items.said('items', FEW_CLUSTERS)}"

    def without(self, estimate: float | None, reason: str) -> Interval:
        """No interval, for this reason."""
        nothing = (None, None, None, None)
        return Interval(estimate, *nothing, self.n, *self.rarer, 0, 0, reason, self)


def units_of(kinds: Sequence[Kind]) -> tuple[Units, list[np.ndarray]]:
    """What is resampled of all kinds of cluster of some points, people first, and its codes, one
    array or two; none where there are no points."""
    n = len(kinds[0].codes)
    if not n:
        return Units(0, 0, Size(0, 0.0), Size(0, 0.0), None, False, 0), []
    crossing = top_levels(kinds)
    kept = resampled(crossing)
    sizes = [(kind.of, _size(kind.codes)) for kind in kept]
    people = [size for of, size in sizes if of == "people"]
    items = [size for of, size in sizes if of == "items"]
    made = Units(
        n,
        len(crossing),
        _rarest([size for _, size in sizes]),
        _rarest(people or [_size(kinds[0].codes)]),
        items[0] if items else None,
        not people,
        max((int(kind.unnamed.sum()) for kind in kinds if kind.unnamed is not None), default=0),
        all(kind.named is None or bool(kind.named.all()) for kind in kinds),
    )
    return made, [kind.codes for kind in kept]


def _size(codes: np.ndarray) -> Size:
    return Size(len(np.unique(codes)), effective(codes))


def _rarest(sizes: Sequence[Size]) -> Size:
    return Size(min(one.number for one in sizes), min(one.equal for one in sizes))


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95% interval; `low`, `high`, `se` and `p` are None where there is none.

    `clusters`: units resampled (of two kinds that cross the smaller number); `effective`: as many
    of equal size. `undefined`: how many of the `resamples` had no value (one outcome only, ...).
    `p`: of a difference, two-sided, that it is zero. `note`: why there is no interval, or a
    warning. `units`: what it was made over.
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
    units: Units | None = None


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
        same = "r is 1 or -1" if of_one else "both predictions have the same r in every resample"
        return units.without(estimate, same)
    tried, drawn = len(drawn.values), drawn.defined()
    undefined = tried - len(drawn.values)
    lacking = f"{undefined} of {tried} resamples undefined" if undefined else None
    if undefined > MOST_UNDEFINED * tried:
        return units.without(estimate, str(lacking))
    low, high = studentised(drawn.value, drawn.error, drawn.values, drawn.errors)
    se = drawn.error * np.sqrt(units.rarer.number / (units.rarer.number - 1))
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
        *units.rarer,
        tried,
        undefined,
        note,
        units,
    )
