"""How far apart two distributions over the same options are.

Arrays: shares (..., K) that add up to one, 0 at options that do not exist. Both distances are sums
of absolute values that are linear in the shares, so each has a gradient in people's shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Distance(Protocol):
    """A distance between shares (..., K) and its gradient in the second of them."""

    def between(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(...): how far apart they are."""
        ...

    def gradient(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(..., K): by how much the distance grows with each share of `other`; 0 at equality."""
        ...


class TotalVariation:
    """Half the sum of absolute differences: the share of answers that would have to change."""

    def between(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(other - one).sum(axis=-1) / 2)

    def gradient(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.asarray(np.sign(other - one) / 2)


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

    def gradient(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        # A share of option k is in every cumulative share from k on.
        slopes = np.sign(self._beyond(one, other)) * self.gaps
        above = np.cumsum(slopes[..., ::-1], axis=-1)[..., ::-1]
        return np.concatenate([above, np.zeros_like(above[..., :1])], axis=-1)

    def _beyond(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(..., K - 1): differences of cumulative shares, exactly 0 where they are rounding."""
        made = np.cumsum(other - one, axis=-1)[..., :-1]
        return np.asarray(np.where(np.abs(made) < 1e-12, 0.0, made))
