"""Inequity aversion: utilities by hand, acceptance recovered."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.support.baseline_frames import frame, offer, said
from tremble.baselines.fehr_schmidt import fehr_schmidt, utility


def test_utility_by_hand() -> None:
    # x = .2, y = .8: .2 - .5 * .6 = -.1; x = .7, y = .3: .7 - .25 * .4 = .6; x = .5: .5.
    found = utility(np.array([0.2, 0.7, 0.5]), np.array(0.5), np.array(0.25))
    assert found == pytest.approx([-0.1, 0.6, 0.5])


def test_fehr_schmidt_recovers_acceptance() -> None:
    rng = np.random.default_rng(6)
    people, true = [], {}
    for i in range(1500):
        share = float(rng.uniform(0.05, 0.7))
        u = share - 1.0 * max(1 - 2 * share, 0) - 0.3 * max(2 * share - 1, 0)
        p = 1 / (1 + math.exp(-6 * u))
        true[f"b{i}"] = p
        people.append(offer(f"b{i}", share, "accept" if rng.uniform() < p else "reject"))
    found = said(fehr_schmidt(frame(people)))
    off = [abs((found[k] or 0) - true[k]) for k in true]
    # 1,500 choices, three parameters: a standard error of p near .02, .04 at the ends.
    assert np.mean(off) < 0.03 and max(off) < 0.1


def test_the_target_may_be_to_reject() -> None:
    rng = np.random.default_rng(7)
    draws = [
        (float(rng.uniform()), "accept" if rng.uniform() < 0.6 else "reject") for _ in range(80)
    ]
    one = said(fehr_schmidt(frame([offer(f"b{i}", *d) for i, d in enumerate(draws)])))
    other = said(
        fehr_schmidt(
            frame([offer(f"b{i}", *d) | {"target": "reject"} for i, d in enumerate(draws)])
        )
    )
    assert [other[k] for k in one] == pytest.approx([1 - (one[k] or 0) for k in one], abs=1e-9)
