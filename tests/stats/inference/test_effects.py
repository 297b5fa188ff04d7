"""Tests of a difference of arms: against scipy, statsmodels, matrices and simulated studies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as scipy_stats
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from tremble.stats.inference.arms import Points
from tremble.stats.inference.contrasts import contrast
from tremble.stats.inference.effects import Over, rate_variance

OVER: tuple[Over, ...] = ("people and items", "people")
NUMBERS = ("variance", "df", "low", "high", "p")


@dataclass(frozen=True)
class Arm:
    """Values under one condition, one array of labels for each kind of cluster, and weights."""

    values: np.ndarray
    clusters: list[np.ndarray]
    weights: np.ndarray | None = None


class Found(NamedTuple):
    """An `Effect` that has an interval."""

    value: float
    variance: float
    df: float
    low: float
    high: float
    p: float


def mean_difference(arm: Arm, control: Arm) -> Found:
    """The mean of one arm less that of another, over people and items."""
    values, kinds = np.concatenate([arm.values, control.values]), []
    for one, other in zip(arm.clusters, control.clusters, strict=True):
        kinds.append(np.unique(np.concatenate([one, other]), return_inverse=True)[1])
    given = [np.ones(len(a.values)) if a.weights is None else a.weights for a in (arm, control)]
    people, items = kinds[0], kinds[1] if len(kinds) == 2 else None
    points = Points(values[None], people, items, np.concatenate(given))
    number = np.repeat([0, 1], [len(arm.values), len(control.values)])
    found = contrast(points, number, (1, -1))
    assert found.note is None and found.of(0).low is not None
    return Found(*(float(getattr(found, name)[0]) for name in Found._fields))


def alone(values: np.ndarray, first: int = 0) -> Arm:
    """Each value a person's of their own."""
    return Arm(values, [np.arange(first, first + len(values))])


def test_people_with_one_answer_each_are_welchs_test() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.3, 1, 9), rng.normal(0, 3, 14)
    found = mean_difference(alone(a), alone(b, first=100))
    theirs = scipy_stats.ttest_ind(a, b, equal_var=False)
    between = theirs.confidence_interval()
    assert found.df == pytest.approx(theirs.df, rel=1e-12)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-10)
    assert (found.low, found.high) == pytest.approx((between.low, between.high), rel=1e-10)


def test_people_who_answer_in_both_arms_are_the_paired_test() -> None:
    rng = np.random.default_rng(2)
    person = rng.normal(0, 2, 11)
    a, b = person + rng.normal(0.2, 1, 11), person + rng.normal(0, 1, 11)
    found = mean_difference(alone(a), alone(b))
    theirs = scipy_stats.ttest_rel(a, b)
    between = theirs.confidence_interval()
    assert found.df == pytest.approx(10, rel=1e-12)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-10)
    assert (found.low, found.high) == pytest.approx((between.low, between.high), rel=1e-10)


def test_a_variance_by_hand() -> None:
    """Means 2/3 and 1/2. First arm: person 1 holds 2 of 3 answers with influence (1 + 0 - 4/3) / 3
    = -1/9, person 2 one answer, 1/9. Divided by sqrt(1/3) and sqrt(2/3), squared: 3/81 + 3/162.
    Second arm: two people, influences +-1/4, each divided by sqrt(1/2): 2/16 + 2/16."""
    first = Arm(np.array([1.0, 0.0, 1.0]), [np.array(["1", "1", "2"])])
    second = Arm(np.array([0.0, 1.0]), [np.array(["3", "4"])])
    found = mean_difference(first, second)
    assert found.value == pytest.approx(1 / 6)
    assert found.variance == pytest.approx(3 / 81 + 3 / 162 + 1 / 4)


def test_weights_that_are_counts_are_as_many_answers() -> None:
    people, values = np.array([1, 2, 3, 4]), np.array([0.1, 0.7, 0.4, 0.9])
    counts = np.array([3, 1, 2, 2])
    control = alone(np.array([0.2, 0.5, 0.3]), first=10)
    weighted = mean_difference(Arm(values, [people], counts * 0.25), control)
    repeated = mean_difference(Arm(values.repeat(counts), [people.repeat(counts)]), control)
    for name in ("value", "variance", "df", "low", "high", "p"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name), rel=1e-12)


def crossed(
    rng: np.random.Generator, people: int = 9, items: int = 5, sd: tuple[float, float] = (1, 1)
) -> tuple[Arm, Arm]:
    """Everyone reads every item of both arms, whose items differ; an effect per person, mean 0."""
    person = rng.normal(0, sd[0], people)
    arms = []
    for arm in (0, 1):
        item = rng.normal(0, sd[1], items)
        own = person + rng.normal(0, sd[0], people)
        values = own[:, None] + item + rng.normal(0, 1, (people, items))
        who, what = np.indices(values.shape)
        arms.append(Arm(values.ravel(), [who.ravel(), what.ravel() + arm * items]))
    return arms[0], arms[1]


def test_two_ways_of_a_full_crossing_are_the_analysis_of_variance() -> None:
    """One arm of 9 people x 12 items against another of other items: people's part is the paired
    variance of their means, items' part Welch's of theirs; of each arm the rest's mean square, from
    statsmodels' two-way fit, over the number of its cells is taken once."""
    people, items = 9, 12
    arms = crossed(np.random.default_rng(3), people, items, (6, 6))
    tables = [arm.values.reshape(people, items) for arm in arms]
    by_people = (tables[0] - tables[1]).mean(axis=1).var(ddof=1) / people
    by_items = sum(table.mean(axis=0).var(ddof=1) / items for table in tables)
    rest = 0.0
    for table in tables:
        who, what = (
            np.eye(n)[codes.ravel()] for n, codes in zip((9, 12), np.indices((9, 12)), strict=True)
        )
        fit = sm.OLS(table.ravel(), np.hstack([who, what[:, 1:]])).fit()
        assert fit.df_resid == (people - 1) * (items - 1)
        rest += fit.mse_resid / table.size
    assert rest < min(by_people, by_items)  # so no bound is touched
    found = mean_difference(*arms)
    assert found.variance == pytest.approx(by_people + by_items - rest, rel=1e-10)
    df = found.variance**2 / (by_people**2 / (people - 1) + by_items**2 / item_df(arms))
    assert found.df == pytest.approx(df, rel=1e-10)


def test_two_ways_are_statsmodels_up_to_what_cells_hold_of_people_and_items() -> None:
    """With many people and items nothing is left of the difference: raw two-way covariance."""
    people, items = 150, 140
    arms = crossed(np.random.default_rng(3), people, items, (0.3, 0.3))
    y = np.concatenate([arm.values for arm in arms])
    fit = sm.OLS(y, sm.add_constant(np.repeat([1.0, 0.0], people * items))).fit()
    who, what = (np.concatenate([arm.clusters[k] for arm in arms]) for k in (0, 1))
    both = cov_cluster_2groups(fit, who, what, use_correction=False)[0][1, 1]
    assert mean_difference(*arms).variance == pytest.approx(both, rel=0.02)


def item_df(arms: tuple[Arm, Arm]) -> float:
    """Welch's, of the means of items."""
    means = [
        [arm.values[arm.clusters[1] == item].mean() for item in np.unique(arm.clusters[1])]
        for arm in arms
    ]
    return float(scipy_stats.ttest_ind(*means, equal_var=False).df)


def test_unequal_clusters_are_bell_and_mccaffreys_by_matrices() -> None:
    """CR2 is (I - H)^(-1/2) per cluster; df are (sum of eigenvalues)^2 / sum of their squares of
    the influences' covariance under independent answers, each arm's in proportion to its own V."""
    rng = np.random.default_rng(4)
    sizes = [[1, 2, 5, 3, 1], [4, 2, 2, 7]]
    arms, variances, covariances, first = [], [], [], 0
    for of_arm in sizes:
        codes = np.repeat(np.arange(len(of_arm)) + first, of_arm)
        values = rng.normal(size=len(codes)) + codes
        arms.append(Arm(values, [codes]))
        n = len(codes)
        hat = np.full((n, n), 1 / n)
        rows = []
        for code in np.unique(codes):
            members = codes == code
            within = np.eye(int(members.sum())) - hat[np.ix_(members, members)]
            spectrum, vectors = np.linalg.eigh(within)
            root = vectors @ np.diag(spectrum**-0.5) @ vectors.T
            rows.append(root.sum(axis=0) @ (np.eye(n) - hat)[members] / n)
        influence = np.array(rows)
        variances.append(float(((influence @ values) ** 2).sum()))
        covariances.append(n * influence @ influence.T)
        first += len(of_arm)
    found = mean_difference(arms[0], arms[1])
    assert found.variance == pytest.approx(sum(variances), rel=1e-10)
    whole = np.zeros((9, 9))
    whole[:5, :5], whole[5:, 5:] = (
        v * c / np.trace(c) for v, c in zip(variances, covariances, strict=True)
    )
    eigenvalues = np.linalg.eigvalsh(whole)
    df = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    assert found.df == pytest.approx(df, rel=1e-10)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_items_of_one_person_each_are_counted_by_people(order: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    arms = []
    for arm in (0, 1):
        people, items = np.arange(8).repeat(3) + 10 * arm, np.arange(24) + 30 * arm
        arms.append((rng.normal(size=24) + people, [people, items]))
    one_way = mean_difference(*(Arm(values, kinds[:1]) for values, kinds in arms))
    both = mean_difference(*(Arm(values, [kinds[k] for k in order]) for values, kinds in arms))
    assert both == one_way


def test_nested_items_that_offset_each_other_make_no_one_surer() -> None:
    """Everyone says yes to one item and no to the other, but for one person: V_items is larger."""
    answers = np.array([0, 1, 1, 0, 1, 0, 1, 1.0])
    arms = [(answers, [np.arange(4).repeat(2) + 4 * arm, np.arange(8) + 8 * arm]) for arm in (0, 1)]
    people, items = (mean_difference(*(Arm(v, [kinds[k]]) for v, kinds in arms)) for k in (0, 1))
    both = mean_difference(*(Arm(values, kinds) for values, kinds in arms))
    assert people.variance < both.variance == items.variance
    assert both.df == people.df


@pytest.mark.parametrize("sd", [(0.0, 0.0), (2.0, 0.0), (0.0, 2.0)])
def test_two_ways_are_never_surer_than_one(sd: tuple[float, float]) -> None:
    for seed in range(30):
        arms = crossed(np.random.default_rng(seed), sd=sd)
        one_way = [
            mean_difference(*(Arm(arm.values, [arm.clusters[k]]) for arm in arms)).variance
            for k in (0, 1)
        ]
        assert mean_difference(*arms).variance >= max(one_way) * (1 - 1e-12)


def test_the_order_of_answers_and_of_kinds_is_nothing() -> None:
    rng = np.random.default_rng(6)
    arms = crossed(rng)
    found = mean_difference(*arms)
    mixed = []
    for arm in arms:
        order = rng.permutation(len(arm.values))
        mixed.append(Arm(arm.values[order], [k[order] for k in reversed(arm.clusters)]))
    other = mean_difference(*mixed)
    assert other.variance == pytest.approx(found.variance, rel=1e-12)
    assert other.df == pytest.approx(found.df, rel=1e-12)
    back = mean_difference(arms[1], arms[0])
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


@pytest.mark.parametrize("sd", [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0)])
def test_intervals_hold_no_effect_in_about_95_of_100_studies(sd: tuple[float, float]) -> None:
    """400 studies of 40 people and 12 items in each arm."""
    rng = np.random.default_rng(7)
    held = [
        found.low <= 0 <= found.high
        for found in (mean_difference(*crossed(rng, 40, 12, sd)) for _ in range(400))
    ]
    assert 0.91 <= np.mean(held) <= 0.995


def test_people_alone_promise_too_much_where_items_vary() -> None:
    """The reason for two ways: the same studies, counted by people only."""
    rng = np.random.default_rng(8)
    held = []
    for _ in range(100):
        arms = [Arm(arm.values, arm.clusters[:1]) for arm in crossed(rng, 40, 12)]
        found = mean_difference(*arms)
        held.append(found.low <= 0 <= found.high)
    assert np.mean(held) < 0.7


def test_what_cannot_be_told_is_refused_or_has_no_interval() -> None:
    values, people = np.array([[0.0, 1.0, 0.5, 0.2]]), np.array([0, 1, 2, 2])
    nothing = [None] * 5
    for bad, why in (
        (lambda: Points(np.array([[0.0, math.nan]]), np.array([0, 1])), "finite"),
        (lambda: Points(values, people, weights=np.array([1.0, 0, 1, 1])), "above 0"),
        (lambda: Points(values, people[:3]), "4 values"),
        (lambda: Points(values, people, people[:2]), "4 values"),
        (lambda: contrast(Points(values, people), np.array([0, 0, -1, -1]), (1, -1)), "2 coeff"),
        (lambda: contrast(Points(values, people), np.array([0, 1, 2, 2]), (1, -1)), "2 coeff"),
    ):
        with pytest.raises(ValueError, match=why):
            bad()
    for over in OVER:
        found = contrast(Points(values, people), np.array([0, 0, 1, 1]), (1, -1), over)
        assert "fewer than two" in str(found.note)  # the second arm is one person's
        alone_there = found.of(0)
        assert alone_there.value == pytest.approx(0.5 - 0.35)
        assert [getattr(alone_there, name) for name in NUMBERS] == nothing
        flat = np.stack([np.repeat([0.1, 0.3], 8), np.arange(16.0)])
        points = Points(flat, np.arange(16))
        both = contrast(points, np.arange(16) // 8, (1, -1), over)
        assert both.note is None and both.of(1).low is not None
        assert [getattr(both.of(0), name) for name in NUMBERS] == nothing
        by_the_same = Points(np.array([[0.1, 0.7, 0.4, 0.4, 1.0, 0.7]]), np.arange(6) % 3)
        assert contrast(by_the_same, np.arange(6) // 3, (1, -1), over).of(0).low is None


def test_variances_of_rates() -> None:
    assert rate_variance(0.3, 10) == pytest.approx(0.021)
    assert rate_variance(0.3, 16, sd=0.2) == pytest.approx(0.0025)
    assert rate_variance(0.3, None) is None and rate_variance(0.3, None, 0.2) is None
    answers = np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    assert rate_variance(0.6, 5) == pytest.approx(answers.var() / 5)
    for bad in ((1.1, 5, None), (math.nan, 5, None), (0.5, 0, None), (0.5, 5, -1.0)):
        with pytest.raises(ValueError):
            rate_variance(*bad)
