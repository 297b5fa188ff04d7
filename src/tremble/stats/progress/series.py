"""What a series of checkpoints is made of: a held-out task, and fidelity to people.

Checkpoints are numbers from 0, the base, to the last of training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tremble.stats.frames.clusters import Kind, as_kinds


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over the items of each cluster: `names` (clusters) in the order of the alphabet,
    `numerators` (checkpoints, clusters), `denominators` (clusters)."""

    names: tuple[str, ...]
    numerators: np.ndarray
    denominators: np.ndarray

    def half(self, chooses: bool) -> Sums:
        """The clusters of the half that chooses the stop, or of the half that reports it."""
        mine = choosing(self.names) == chooses
        names = tuple(name for name, kept in zip(self.names, mine, strict=True) if kept)
        return Sums(names, self.numerators[:, mine], self.denominators[mine])


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """How well each checkpoint does a held-out task; larger is better (pass minus a loss).

    `numerators` (checkpoints, items): the measure of an item, summed over what it is a mean of;
    `denominators` (items): over how many, 1 for a mean over items, tokens for a mean over tokens;
    `clusters` (items): names of what belongs together, as the first turn. T of a checkpoint is the
    sum of its numerators by the sum of denominators, in the unit of the measure.

    Raises ValueError: shapes that do not match, no items, no checkpoints, numbers that are not
    finite, denominators that are not positive.
    """

    numerators: np.ndarray
    denominators: np.ndarray
    clusters: Sequence[str]

    def __post_init__(self) -> None:
        shape, items = np.shape(self.numerators), len(self.clusters)
        if len(shape) != 2 or not all(shape) or (items, items) != (shape[1], *self._length()):
            raise ValueError(f"numerators {shape}, {items} clusters, denominators of other shape")
        finite = np.isfinite(self.numerators).all() and np.isfinite(self.denominators).all()
        if not finite or not (np.asarray(self.denominators) > 0).all():
            raise ValueError("a task needs finite numerators and positive denominators")

    def _length(self) -> tuple[int, ...]:
        return np.shape(self.denominators)

    def at(self, checkpoints: Sequence[int]) -> Task:
        """The same items at some of the checkpoints, such as those of one stage, in this order."""
        return replace(self, numerators=np.asarray(self.numerators)[list(checkpoints)])

    def sums(self) -> Sums:
        """Sums over clusters, which do not depend on the order of items to the last digit."""
        names, codes = np.unique(np.asarray(self.clusters, dtype=object), return_inverse=True)
        starts = np.searchsorted(np.sort(codes), np.arange(len(names)))
        rows = [np.asarray(row, float) for row in (*self.numerators, self.denominators)]
        # Numbers are added in the order of their size: another order rounds differently.
        made = [np.add.reduceat(row[np.lexsort((row, codes))], starts) for row in rows]
        return Sums(tuple(str(name) for name in names), np.stack(made[:-1]), made[-1])


def choosing(names: Sequence[str]) -> np.ndarray:
    """(clusters): those that choose the stop, the half whose names have the smaller SHA-256 (the
    larger half of an odd number). So a further cluster changes the half of one other at most."""
    digests = [hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest() for name in names]
    last = sorted(digests)[: (len(digests) + 1) // 2]
    return np.array([digest <= last[-1] for digest in digests], bool)


@dataclass(frozen=True, slots=True, eq=False)
class Fidelity:
    """How well each checkpoint predicts people, decision by decision.

    `values` (checkpoints, points): with `outcomes` (points) predictions, and the measure is
    Pearson's r of both; without outcomes what is averaged over points, as log loss in nats or mass.
    `clusters`: kinds of cluster, as from `kinds_of`, or their codes (points), one array each; two
    kinds that cross are both resampled. A point that is NaN at one checkpoint, or whose outcome
    is, counts at none.

    Raises ValueError: shapes that do not match, no kind of cluster.
    """

    values: np.ndarray
    clusters: Sequence[np.ndarray | Kind]
    outcomes: np.ndarray | None = None

    def __post_init__(self) -> None:
        points = np.shape(self.values)[-1:]
        others = [np.shape(kind.codes) for kind in as_kinds(self.clusters)]
        others += [] if self.outcomes is None else [np.shape(self.outcomes)]
        if np.ndim(self.values) != 2 or not self.clusters or set(others) != {points}:
            raise ValueError(f"values {np.shape(self.values)}, clusters and outcomes {others}")

    def known(self) -> Fidelity:
        """With the points alone that every checkpoint has."""
        mask = np.isfinite(self.values).all(axis=0)
        if self.outcomes is not None:
            mask &= np.isfinite(self.outcomes)
        return Fidelity(
            np.asarray(self.values, float)[:, mask],
            [kind.at(mask) for kind in as_kinds(self.clusters)],
            None if self.outcomes is None else np.asarray(self.outcomes, float)[mask],
        )
