"""AUC and the line of calibration."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from tremble.stats.metrics.calibration import auc


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_the_share_of_pairs_in_order(seed: int) -> None:
    rng = random.Random(seed)
    p = [rng.randrange(8) / 8 for _ in range(40)]
    y = [rng.randrange(2) for _ in range(40)]
    ones, zeros = ([v for v, c in zip(p, y, strict=True) if c == k] for k in (1, 0))
    wins = [(a > b) + (a == b) / 2 for a, b in itertools.product(ones, zeros)]
    assert auc(np.array(p), np.array(y, float)) == pytest.approx(sum(wins) / len(wins))
    assert auc(np.array(p), np.ones(40)) is None
