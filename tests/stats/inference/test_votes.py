"""One vote per family and the mixed model, by hand and against other software."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.regression.mixed_linear_model import MixedLM

from tremble.stats.inference.votes import family_vote, mixed_model

SIZES = [32, 11, 11, 8, 8, 6, 6, 6, 5, 5, 5, 3, 3, 2, *[1] * 9]


# One vote per family ----------------------------------------------------------------------------


def test_votes_by_hand() -> None:
    families = ["A"] * 5 + ["B", "B", "B", "C", "D", "D", "E", "F", None, "A"]
    differences = [0.2, 0.3, 0.1, 0.2, -0.1, -0.2, -0.1, 0.5, 0.3, 0.1, -0.1, 0.2, 0.4, 1.0, None]
    families[13] = "G"
    found = family_vote(differences, families)  # type: ignore[arg-type]
    # A base 4:1, B aligned 1:2 although its mean is above 0, C base, D split, E, F and G base.
    assert (found.families, found.base, found.aligned, found.split) == (7, 5, 1, 1)
    assert found.p == pytest.approx((1 + 6) / 2**6)
    assert found.p_two_sided == pytest.approx(14 / 64)
    # Means: A .14, B .2/3, C .3, E .2, F .4, G 1 are all positive (D is 0): 1 of 2^6 signs.
    assert found.wilcoxon_direction == "base"
    assert found.wilcoxon_p == pytest.approx(1 / 64)
    assert found.wilcoxon_p_two_sided == pytest.approx(2 / 64)
    assert found.wilcoxon_statistic == 21


def test_votes_that_are_level_or_absent() -> None:
    level = family_vote([0.1, -0.1], ["A", "B"])
    assert (level.p, level.direction) == (None, None)
    assert level.note == "families tied at 1 : 1, no direction to test"
    nothing = family_vote([None], ["A"])
    assert (nothing.p, nothing.wilcoxon_p, nothing.note) == (None, None, "no pairs")


# Mixed model ------------------------------------------------------------------------------------


def siblings(correlation: float, seed: int) -> tuple[list[float], list[str]]:
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(len(SIZES)), SIZES)
    own = rng.normal(size=len(SIZES))[family]
    noise = rng.normal(size=len(family))
    d = 0.1 + np.sqrt(correlation) * own + np.sqrt(1 - correlation) * noise
    return [float(value) for value in d], [str(name) for name in family]


@pytest.mark.parametrize("correlation", [0.2, 0.5, 0.8])
def test_reml_against_statsmodels(correlation: float) -> None:
    d, families = siblings(correlation, 4)
    found = mixed_model(d, families)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = MixedLM(d, np.ones((len(d), 1)), groups=families).fit(reml=True)
    assert found.mean == pytest.approx(float(other.fe_params[0]), abs=1e-4)
    # statsmodels takes errors from the numeric Hessian of all parameters.
    assert found.se == pytest.approx(float(other.bse_fe[0]), rel=0.01)
    assert found.between == pytest.approx(float(np.sqrt(other.cov_re[0, 0])), rel=1e-3)
    assert found.within == pytest.approx(float(np.sqrt(other.scale)), rel=1e-3)


def test_equal_families_give_the_t_test_of_their_means() -> None:
    rng = np.random.default_rng(1)
    d = (rng.normal(size=(9, 4)) + 2 * rng.normal(size=(9, 1)) + 0.5).round(6)
    found = mixed_model(d.ravel().tolist(), [str(k) for k in range(9) for _ in range(4)])
    expected = scipy_stats.ttest_1samp(d.mean(axis=1), 0)
    assert found.df == pytest.approx(8)
    assert found.t == pytest.approx(expected.statistic, rel=1e-4)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-4)
    interval = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-3)


def test_degrees_of_freedom_against_matrices() -> None:
    """Satterthwaite's from the REML information with full matrices, no shortcut."""
    d, families = siblings(0.3, 10)
    found = mixed_model(d, families)
    assert found.between is not None and found.within is not None and found.between > 0
    z = np.repeat(np.eye(len(SIZES)), SIZES, axis=0)
    parts = [z @ z.T, np.eye(len(d))]
    one = np.ones((len(d), 1))

    def variance(between: float, within: float) -> tuple[np.ndarray, float]:
        inverse = np.linalg.inv(between * parts[0] + within * parts[1])
        return inverse, 1 / float((one.T @ inverse @ one)[0, 0])

    at = found.between**2, found.within**2
    inverse, v = variance(*at)
    p = inverse - v * inverse @ one @ one.T @ inverse
    information = [[np.trace(p @ a @ p @ b) / 2 for a in parts] for b in parts]
    step = 1e-5
    gradient = [
        (variance(at[0] + step, at[1])[1] - variance(at[0] - step, at[1])[1]) / (2 * step),
        (variance(at[0], at[1] + step)[1] - variance(at[0], at[1] - step)[1]) / (2 * step),
    ]
    df = 2 * v**2 / (gradient @ np.linalg.solve(information, gradient))
    assert found.df == pytest.approx(min(df, len(SIZES) - 1), rel=1e-4)
    assert found.se == pytest.approx(math.sqrt(v))


def test_no_variance_between_families() -> None:
    # Family means are equal: the mean and its error are those of all pairs.
    d = [0.1, 0.3, 0.0, 0.4, 0.2, 0.2, 0.1, 0.3]
    found = mixed_model(d, list("AABBCCDD"))
    assert found.between == 0
    assert found.note == "no variance between families found"
    assert found.mean == pytest.approx(0.2)
    assert found.se == pytest.approx(np.std(d, ddof=1) / math.sqrt(8))
    assert found.df is not None and found.df <= 3


def test_degenerate_families() -> None:
    single = [0.3, 0.1, -0.2, 0.4]
    found = mixed_model(single, list("ABCD"))
    expected = scipy_stats.ttest_1samp(single, 0)
    assert (found.t, found.df, found.p) == pytest.approx((expected.statistic, 3, expected.pvalue))
    assert found.note == "one pair per family: a plain t test"
    counterparts = mixed_model([0.3, 0.3, 0.1, 0.1, -0.2, -0.2], list("AABBCC"))
    expected = scipy_stats.ttest_1samp([0.3, 0.1, -0.2], 0)
    assert (counterparts.t, counterparts.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert mixed_model([], []).note == "no pairs"
    assert mixed_model([0.1, 0.2], ["A", "A"]).note == "one model family only"
    assert mixed_model([0.1, 0.1], ["A", "B"]).note == "all differences are the same"
    assert mixed_model([0.0, 0.0, None], list("ABC")).p is None


@pytest.mark.slow
def test_level_with_siblings_alike() -> None:
    """400 catalogues, no true difference, siblings correlated .5: 20 false alarms, give or take."""
    rng = np.random.default_rng(12)
    family = np.repeat(np.arange(len(SIZES)), SIZES)
    names = [str(name) for name in family]
    rejected = np.zeros(3)
    for _ in range(400):
        d = rng.normal(size=len(SIZES))[family] + rng.normal(size=len(family))
        fitted, vote = mixed_model(list(d), names), family_vote(list(d), names)
        naive = scipy_stats.binomtest(int((d > 0).sum()), len(d)).pvalue
        assert fitted.p is not None
        rejected += [fitted.p <= 0.05, (vote.p_two_sided or 1) <= 0.05, naive <= 0.05]
    assert rejected[0] / 400 <= 0.08
    assert rejected[1] / 400 <= 0.08
    assert rejected[2] / 400 >= 0.2
