"""How many people a prediction is worth: how many answers to a prompt tell as much of the others.

m_i is the share of all people who would choose so on prompt i, V_i the variance between people
(of single choices m_i (1 - m_i)). The mean answer of k other people has an expected squared
distance of V_i / k from m_i. A prediction x_i is as far from m_i as the mean of k people where,
over prompts,

    sum (x_i - m_i)^2 = sum V_i / k,      k = sum V_i / sum (x_i - m_i)^2.

Of m_i only the share s_i of n_i people is known, whose own distance is V_i / n_i on average, so

    E (x_i - s_i)^2 = (x_i - m_i)^2 + V_i / n_i,      1 / k = R - N,
    R = sum (x_i - s_i)^2 / sum V_i,      N = sum (V_i / n_i) / sum V_i,

with V_i / n_i estimated without bias. A prediction that knows no more than one other person has
k = 1. Options of a prompt are added up, V_i and distances alike.

The interval is that of log R, which is above 0 and less skewed than 1 / k, by delete-one
jackknives: over items, people and answers, V_items + V_people - V_answers as by Cameron, Gelbach
and Miller (2011, Journal of Business and Economic Statistics 29), never below either alone, and
Student's t with one degree of freedom less than the fewer clusters. docs/uncertainty.md has its
coverage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats as scipy_stats

from tremble.stats.frames.clusters import effective, pairs
from tremble.stats.inference.intervals import FEW_CLUSTERS, FEW_ITEMS, LEVEL, MIN_CLUSTERS, Size
from tremble.text import counted, join_notes

ANY = "as close to people's shares as sampling error allows: worth any number of people"
UNBOUNDED = "as far as these data tell, it may be worth any number of people"
ALIKE = "everybody who read the same prompt gave the same answer"
NOBODY = "no prompt is known to have been answered by two or more people"


@dataclass(frozen=True, slots=True, eq=False)
class Readers:
    """What people did, an entry per cell: a prompt, or one of its options.

    - `share`, `variance` (between people), `n` (people, at least 2), `item` (codes), (cells) each;
    - `cell`, `value`, `person` (answers): of choices each reader's mean answer, whose means are
      the shares; empty where only shares are known.
    """

    share: np.ndarray
    variance: np.ndarray
    n: np.ndarray
    item: np.ndarray
    cell: np.ndarray
    value: np.ndarray
    person: np.ndarray

    def at(self, known: np.ndarray) -> Readers:
        """At some of the cells: a mask."""
        place = np.cumsum(known) - 1
        kept = known[self.cell]
        return Readers(
            self.share[known],
            self.variance[known],
            self.n[known],
            self.item[known],
            place[self.cell[kept]],
            self.value[kept],
            self.person[kept],
        )


@dataclass(frozen=True, slots=True)
class Worth:
    """k and its 95% interval; None where it has no bound, or is not known, as the note says."""

    k: float | None
    low: float | None
    high: float | None
    note: str | None


def worth(x: np.ndarray, readers: Readers) -> Worth:
    """How many people the predictions `x` (cells, all known) are worth on average over prompts."""
    if not len(x):
        return Worth(None, None, None, NOBODY)
    terms = _terms(x, readers.share, readers.variance, readers.n)
    spread, distance, chance = terms.sum(axis=1).tolist()
    if spread <= 0:
        return Worth(None, None, None, ALIKE)
    inverse = (distance - chance) / spread
    k, note = (1 / inverse, None) if inverse > 0 else (None, ANY)
    items, people = _size(readers.item), _size(readers.person)
    if items.number < MIN_CLUSTERS:
        few = f"only {counted(items.number, 'item')} (an interval needs {MIN_CLUSTERS})"
        return Worth(k, None, None, join_notes(note, few))
    error = _error(terms, x, readers)
    if error is None:
        return Worth(k, None, None, join_notes(note, "too few answers for an interval"))
    fewer = min(items.number, people.number) if people.number else items.number
    reach = float(scipy_stats.t.ppf((1 + LEVEL) / 2, fewer - 1)) * error
    far, near = (distance / spread * math.exp(sign * reach) - chance / spread for sign in (1, -1))
    low, high = (1 / one if one > 0 else None for one in (far, near))
    unbounded = UNBOUNDED if high is None and k is not None else None
    return Worth(k, low, high, join_notes(note, unbounded, *_doubts(items, people)))


def _doubts(items: Size, people: Size) -> list[str]:
    notes = []
    if people.number and people.below(FEW_CLUSTERS):
        notes.append(f"only {people.said('participants', FEW_CLUSTERS)}: interval rough")
    if items.below(FEW_ITEMS):
        notes.append(f"too few items to generalise: {items.said('items', FEW_ITEMS)}")
    elif items.below(FEW_CLUSTERS):
        notes.append(f"only {items.said('items', FEW_CLUSTERS)}: interval rough")
    return notes


def _size(codes: np.ndarray) -> Size:
    if not len(codes):
        return Size(0, 0.0)
    return Size(len(np.unique(codes)), effective(np.unique(codes, return_inverse=True)[1]))


def _terms(x: np.ndarray, share: np.ndarray, variance: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Variance, squared distance and what of it chance makes, (3, cells)."""
    return np.stack([variance, (x - share) ** 2, variance / n])


def _error(terms: np.ndarray, x: np.ndarray, readers: Readers) -> float | None:
    """The standard error of log R over items and people; None where leaving one out leaves
    nothing."""
    total = terms.sum(axis=1)
    items = _jackknife(total, -terms, readers.item)
    if not len(readers.cell):
        return None if items is None else math.sqrt(items)
    changes = _without_one(terms, x, readers)
    people = _jackknife(total, changes, readers.person)
    # One answer of a person to an item, which may be to several of its prompts and options.
    of = pairs(readers.person, readers.item[readers.cell])
    answers = _jackknife(total, changes, of)
    if items is None or people is None or answers is None:
        return None
    return math.sqrt(max(items, people, items + people - answers))


def _without_one(terms: np.ndarray, x: np.ndarray, readers: Readers) -> np.ndarray:
    """How the terms of a cell change without each of its answers, (3, answers); a cell of two is
    left out whole."""
    cell, value = readers.cell, readers.value
    n, share = readers.n[cell], readers.share[cell]
    rest = np.maximum(n - 1, 1)
    mean = (n * share - value) / rest
    # The sum of squares about the mean, less what the answer adds to it.
    squares = readers.variance[cell] * (n - 1) - (value - share) ** 2 * n / rest
    variance = np.maximum(squares, 0.0) / np.maximum(n - 2, 1)
    after = np.where(n > 2, _terms(x[cell], mean, variance, rest), 0.0)
    return np.asarray(after - terms[:, cell])


def _jackknife(total: np.ndarray, changes: np.ndarray, codes: np.ndarray) -> float | None:
    """The delete-one variance of log R over clusters; `changes` (3, rows) of the terms' `total` (3)
    where a row is left out."""
    place = np.unique(codes, return_inverse=True)[1]
    number = int(place.max()) + 1
    spread, distance = (total[row] + np.bincount(place, changes[row], number) for row in (0, 1))
    if number < 2 or (spread <= 1e-12 * total[0]).any() or (distance <= 0).any():
        return None
    logs = np.log(distance) - np.log(spread)
    return float((number - 1) / number * ((logs - logs.mean()) ** 2).sum())
