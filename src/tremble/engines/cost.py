"""What scoring costs on this machine, fitted to passes that were timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls


@dataclass(frozen=True, slots=True)
class Work:
    """What a pass computes: tokens through the layers, (token, token it sees) pairs through
    attention, decision rows through the output head."""

    tokens: int
    pairs: int
    rows: int
    passes: int = 1

    def __add__(self, other: Work) -> Work:
        return Work(
            self.tokens + other.tokens,
            self.pairs + other.pairs,
            self.rows + other.rows,
            self.passes + other.passes,
        )


NO_WORK = Work(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds per token, pair, row and pass. None of them negative."""

    token: float
    pair: float
    row: float
    one_pass: float

    def seconds(self, work: Work) -> float:
        return (
            self.token * work.tokens
            + self.pair * work.pairs
            + self.row * work.rows
            + self.one_pass * work.passes
        )

    def times(self, factor: float) -> Cost:
        """All of it so many times."""
        return Cost(
            self.token * factor, self.pair * factor, self.row * factor, self.one_pass * factor
        )


def fit(timed: Sequence[tuple[Work, float]]) -> Cost | None:
    """The cost that explains timed passes best, by non-negative least squares on relative errors
    (Lawson and Hanson 1974); None without a pass. Passes of one size tell their sum only."""
    if not timed:
        return None
    design = np.array([[w.tokens, w.pairs, w.rows, w.passes] for w, _ in timed], float)
    seconds = np.array([seconds for _, seconds in timed])
    scale = np.maximum(design.max(axis=0), 1.0)
    coefficients, _ = nnls(design / scale / seconds[:, None], np.ones(len(timed)))
    return Cost(*(coefficients / scale).tolist())
