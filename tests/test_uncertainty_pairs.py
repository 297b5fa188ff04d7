"""Tests over pairs and families of tests, against published examples and other software."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.multitest import multipletests

from tremble.stats.dependent import dependent_test, steiger_z, williams_t, zou_interval
from tremble.stats.multiplicity import benjamini_hochberg, holm, within
from tremble.stats.votes import family_vote, mixed_model

SIZES = [32, 11, 11, 8, 8, 6, 6, 6, 5, 5, 5, 3, 3, 2, *[1] * 9]

# Dependent correlations -------------------------------------------------------------------------


def test_against_the_output_of_cocor() -> None:
    """The R package cocor 1.1 (Diedenhofen and Musch 2015, PLoS ONE 10).

    Blindwalking distances, as printed by the vignette "Comparing correlations" of the R package
    rmcorr: three correlations to four digits, n = 177.
    """
    r = 0.8066, 0.2383, 0.2255, 177
    assert williams_t(*r) == pytest.approx(9.3823, abs=2e-3)
    assert steiger_z(*r) == pytest.approx(8.5460, abs=2e-3)
    assert zou_interval(*r) == pytest.approx((0.4288, 0.7139), abs=2e-4)


def test_against_the_example_of_bruce_r() -> None:
    """cor_diff of the R package bruceR, its documented example: t(97) = -4.56, p = 1e-05."""
    found = dependent_test(0.20, 0.45, 0.80, 100)
    assert found.t == pytest.approx(-4.56, abs=0.005)
    assert found.t_p == pytest.approx(1e-5, rel=0.6)


def test_uncorrelated_predictions_by_algebra() -> None:
    # r_ab = 0, r_by = -r_ay = -r: the mean is 0, so t is 2r sqrt((n-3) / (2 (1 - 2r^2))).
    r, n = 0.3, 50
    by_hand = 2 * r * math.sqrt((n - 3) / (2 * (1 - 2 * r**2)))
    assert williams_t(r, -r, 0.0, n) == pytest.approx(by_hand)
    # And the covariance of the two z is 0: the test of two independent correlations.
    assert steiger_z(r, -r, 0.0, n) == pytest.approx(2 * math.atanh(r) * math.sqrt((n - 3) / 2))


def test_swapping_mirrors_all_three() -> None:
    one, other = dependent_test(0.5, 0.3, 0.6, 80), dependent_test(0.3, 0.5, 0.6, 80)
    assert (other.t, other.z) == pytest.approx((-one.t, -one.z))
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low))
    assert other.t_p == pytest.approx(one.t_p)


def test_level_and_coverage_with_independent_observations() -> None:
    """2,000 studies of n = 60 with equal r of .4: 100 false alarms, give or take 30 (3 sd)."""
    rng = np.random.default_rng(8)
    y = rng.normal(size=(2000, 60))
    shared = rng.normal(size=y.shape)
    a = 0.6 * y + shared + rng.normal(size=y.shape)
    b = 0.6 * y + shared + rng.normal(size=y.shape)
    rejected = np.zeros(2)
    held = 0
    for k in range(len(y)):
        (_, r_ab, r_ay), (_, _, r_by), _ = np.corrcoef([a[k], b[k], y[k]])
        found = dependent_test(r_ay, r_by, r_ab, 60)
        assert found.t_p is not None and found.z_p is not None
        rejected += [found.t_p <= 0.05, found.z_p <= 0.05]
        held += found.low <= 0 <= found.high
    assert np.all((rejected >= 70) & (rejected <= 130))
    assert 1870 <= held <= 1930


@pytest.mark.parametrize(
    ("r", "n", "reason"),
    [
        ((None, 0.2, 0.1), 50, "r undefined"),
        ((0.3, 0.2, 0.1), 3, "n = 3, at least 4 are needed"),
        ((1.0, 0.2, 0.2), 50, "r is 1 or -1"),
        ((0.3, 0.3, 1.0), 50, "the two predictions and the outcome are linearly dependent"),
    ],
)
def test_no_dependent_test_has_a_reason(r, n, reason) -> None:  # type: ignore[no-untyped-def]
    found = dependent_test(*r, n)
    assert found.note == reason
    assert (found.t, found.z, found.low) == (None, None, None)


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
    assert found.wilcoxon_statistic == 21


def test_votes_that_are_level_or_absent() -> None:
    level = family_vote([0.1, -0.1], ["A", "B"])
    assert (level.p, level.direction) == (None, None)
    assert level.note == "families level at 1 : 1, no direction to test"
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
    twins = mixed_model([0.3, 0.3, 0.1, 0.1, -0.2, -0.2], list("AABBCC"))
    expected = scipy_stats.ttest_1samp([0.3, 0.1, -0.2], 0)
    assert (twins.t, twins.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert mixed_model([], []).note == "no pairs"
    assert mixed_model([0.1, 0.2], ["A", "A"]).note == "one model family only"
    assert mixed_model([0.1, 0.1], ["A", "B"]).note == "all differences are the same"
    assert mixed_model([0.0, 0.0, None], list("ABC")).p is None


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


# Families of tests ------------------------------------------------------------------------------

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
    closed = [
        max(min(1.0, len(s) * min(p[i] for i in s)) for s in sets if place in s)
        for place in range(4)
    ]
    assert holm(p) == pytest.approx(closed)


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
