"""How far apart two distributions over the same options are.

Arrays: shares (..., K) that add up to one, 0 at options that do not exist. Both distances are sums
of absolute values that are linear in the shares, so each has a gradient in people's shares, but for
where shares are equal, which they are but for chance where a model is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

# Cumulative shares of n people that differ from the model's by less than so many standard errors
# may be on either side of it. Chosen by simulation: with 0 the intervals of Wasserstein-1 hold 87%
# where people's luck is the same at all texts and the model off by as much, with .5 up to 100%.
EITHER_SIDE = 0.25


class Distance(Protocol):
    """A distance between shares (..., K) and its gradients in the second of them."""

    def between(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(...): how far apart they are."""
        ...

    def gradients(self, one: np.ndarray, other: np.ndarray, n: np.ndarray) -> np.ndarray:
        """(G, ..., K): by how much the distance grows with each share of `other`, those of `n`
        (...) people; as seen first (0 at equality), then as it may be as well."""
        ...


class TotalVariation:
    """Half the sum of absolute differences: the share of answers that would have to change."""

    def between(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(other - one).sum(axis=-1) / 2)

    def gradients(self, one: np.ndarray, other: np.ndarray, n: np.ndarray) -> np.ndarray:
        return np.asarray(np.sign(other - one)[None] / 2)


@dataclass(frozen=True, slots=True)
class Wasserstein:
    """Wasserstein-1: how far answers would have to be moved along the scale, on average, in its
    unit. Options are in the order of their values; `gaps` (..., K - 1) lie between them, 0 behind
    the last one. On a line it is the area between both cumulative distributions (Vallender 1974,
    Theory of Probability and its Applications 18)."""

    gaps: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Wasserstein:
        """`values` (..., K) rise within a row, NaN where there is no option."""
        return cls(np.nan_to_num(np.diff(values, axis=-1)))

    def between(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.asarray((np.abs(self._beyond(one, other)) * self.gaps).sum(axis=-1))

    def gradients(self, one: np.ndarray, other: np.ndarray, n: np.ndarray) -> np.ndarray:
        """As seen, and with all cumulative shares that are nearly equal on one side, and on the
        other."""
        beyond = self._beyond(one, other)
        # Half an answer on each side, so that nobody below an option is no certainty.
        below = (n[..., None] * np.cumsum(other, axis=-1)[..., :-1] + 0.5) / (n[..., None] + 1)
        near = np.abs(beyond) < EITHER_SIDE * np.sqrt(below * (1 - below) / n[..., None])
        seen = np.sign(beyond)
        sides = np.stack([seen, np.where(near, 1.0, seen), np.where(near, -1.0, seen)])
        # A share of option k is in every cumulative share from k on.
        above = np.cumsum((sides * self.gaps)[..., ::-1], axis=-1)[..., ::-1]
        return np.concatenate([above, np.zeros_like(above[..., :1])], axis=-1)

    def _beyond(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(..., K - 1): differences of cumulative shares, exactly 0 where they are rounding."""
        made = np.cumsum(other - one, axis=-1)[..., :-1]
        return np.asarray(np.where(np.abs(made) < 1e-12, 0.0, made))
