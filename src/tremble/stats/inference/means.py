"""How sure a mean over decisions is, and over what: people alone, or people and items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tremble.stats.frames.clusters import Kind, effective
from tremble.stats.inference.arms import Points
from tremble.stats.inference.contrasts import contrast
from tremble.stats.inference.effects import Effects, fixed_rates
from tremble.stats.inference.intervals import (
    FEW_CLUSTERS,
    MIN_CLUSTERS,
    Size,
    Units,
    units_of,
)
from tremble.text import join_notes

PEOPLE, ITEMS, GAMES = "people", "people and items", "people and games"


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What an interval over some points is over.

    `over`: `PEOPLE` for these very texts, where they are fewer than five; `ITEMS` for others of
    their kind as well (of rates the problems are the items); `GAMES` where nothing that was read
    is an item. `codes`: of the clusters, one kind or two, (points) each; none where rates have to
    say themselves how sure they are. `units`: what is behind r. `reason`: why there is no interval;
    `note`: what a reader must know of one.
    """

    over: str
    codes: list[np.ndarray]
    units: Units
    reason: str | None
    note: str | None


def basis(kinds: Sequence[Kind], rated: np.ndarray) -> Basis:
    """The basis of points with these kinds of cluster, people first, of which `rated` (points) are
    rates."""
    units, levels = units_of(kinds)
    items = units.items
    if items is None and rated.all():
        items = units.rarer
    if items is not None and items.number < MIN_CLUSTERS:
        return _of_these_texts(kinds[0].codes, rated, units)
    over = GAMES if items is None else ITEMS
    return Basis(over, levels, units, units.reason, units.warning)


def _of_these_texts(people: np.ndarray, rated: np.ndarray, units: Units) -> Basis:
    note: str | None = "for these texts only"
    if rated.all():
        return Basis(PEOPLE, [], units, None, note)
    if rated.any():
        few = "single choices and rates cannot share an interval over fewer than five texts"
        return Basis(PEOPLE, [], units, few, None)
    size = Size(len(np.unique(people)), effective(people))
    if size.number < MIN_CLUSTERS:
        few = f"only {size.number} people (an interval needs {MIN_CLUSTERS})"
        return Basis(PEOPLE, [people], units, few, None)
    if size.below(FEW_CLUSTERS):
        note = join_notes(note, f"{size.said('people', FEW_CLUSTERS)}: interval rough")
    return Basis(PEOPLE, [people], units, None, note)


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Means of several series, with the ends of their 95% intervals, (series) each, NaN where there
    is none, and why no series has one."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    note: str | None


def means(
    values: np.ndarray,
    over: Basis,
    texts: np.ndarray,
    rates: tuple[np.ndarray, np.ndarray] | None = None,
) -> Means:
    """The mean of each series of `values` (series, points), every point alike.

    `texts` (points): numbers of what was read; `rates`: of every point the variance of its rate and
    the people behind it, NaN where not known (`effects.fixed_rates`). The intervals are those of
    `contrasts.contrast` for one arm.
    """
    arm, alone = np.zeros(values.shape[1], np.int64), (1.0,)
    if over.reason is not None:
        nothing = np.full(len(values), np.nan)
        return Means(values.mean(axis=1), nothing, nothing, None)
    found: Effects
    if not over.codes:
        variances, n = rates if rates is not None else np.full((2, len(arm)), np.nan)
        found = fixed_rates(values, variances, n, arm, alone)
    elif over.over == PEOPLE:
        found = contrast(Points(values, over.codes[0], _codes(texts)), arm, alone, "people")
    else:
        codes = [_codes(kind) for kind in over.codes]
        found = contrast(Points(values, *codes), arm, alone)
    return Means(found.value, found.low, found.high, found.note)


def _codes(labels: np.ndarray) -> np.ndarray:
    return np.asarray(np.unique(labels, return_inverse=True)[1]).ravel().astype(np.int64)
