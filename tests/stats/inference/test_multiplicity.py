"""Adjusted p, against a published example and other software."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from tremble.stats.inference.multiplicity import benjamini_hochberg, holm, within

# Benjamini and Hochberg (1995), section 4.1: fifteen p of a study of thrombolysis.
THROMBOLYSIS = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
THROMBOLYSIS += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]


def test_the_published_example() -> None:
    # The paper finds four rejections where control of any false rejection allows three.
    rate = benjamini_hochberg(THROMBOLYSIS)
    assert [value <= 0.05 for value in rate if value is not None] == [True] * 4 + [False] * 11
    stepped = holm(THROMBOLYSIS)
    assert [value <= 0.05 for value in stepped if value is not None] == [True] * 3 + [False] * 12
    assert rate[3] == pytest.approx(0.0095 * 15 / 4)
    assert stepped[2] == pytest.approx(0.0019 * 13)


@pytest.mark.parametrize("seed", range(5))
def test_against_statsmodels(seed: int) -> None:
    p = (np.random.default_rng(seed).random(20) ** 3).round(2).tolist()
    for adjust, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        assert adjust(p) == pytest.approx(multipletests(p, method=method)[1].tolist())


def test_holm_is_the_closed_test_of_bonferroni() -> None:
    """The adjusted p of a hypothesis: the largest Bonferroni p of all sets that hold it."""
    p = [0.01, 0.04, 0.03, 0.005]
    sets = [s for k in range(1, 5) for s in itertools.combinations(range(4), k)]
    terminated = [
        max(min(1.0, len(s) * min(p[i] for i in s)) for s in sets if place in s)
        for place in range(4)
    ]
    assert holm(p) == pytest.approx(terminated)


def test_nulls_stay_null_and_do_not_count() -> None:
    for adjust in (holm, benjamini_hochberg):
        found = adjust([None, 0.02, None, 0.01])
        assert (found[0], found[2]) == (None, None)
        assert found[1::2] == pytest.approx(adjust([0.02, 0.01]))
        assert adjust([]) == []
        assert adjust([None]) == [None]


def test_each_family_of_tests_on_its_own() -> None:
    found = within(holm, [0.01, 0.02, 0.03, None], ["x", "y", "x", "y"])
    assert found == [pytest.approx(0.02), pytest.approx(0.02), pytest.approx(0.03), None]
