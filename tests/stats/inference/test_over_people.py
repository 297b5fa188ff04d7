"""Intervals over whole people: d by twenty lines of numpy, intervals by scipy, by simulation and by
a loop that really leaves people out."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from tremble.stats.inference.over_people import (
    PairSums,
    cohens_d,
    d_of_responses,
    mean_of,
    paired_d,
    ratio,
)
from tremble.stats.inference.power import smallest_mean


def plain_d(base: np.ndarray, post: np.ndarray) -> float:
    """The source's d, from the responses themselves."""
    n1, n2 = len(post), len(base)
    s1, s2 = np.std(post, ddof=1), np.std(base, ddof=1)
    pooled = math.sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / (n1 + n2 - 2))
    return float((np.mean(post) - np.mean(base)) / pooled)


def people(seed: int, sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    base = 40 + random.exponential(size=len(owner)) + random.normal(size=len(sizes))[owner]
    return owner, base, base + random.normal(0.3, 1, len(owner))


def sums(owner: np.ndarray, base: np.ndarray, post: np.ndarray) -> PairSums:
    parts = (np.ones(len(owner)), base, post, base**2, post**2)
    return PairSums(*(np.bincount(owner, part) for part in parts))


@pytest.mark.parametrize("sizes", [(5, 9, 3, 20, 1, 7), (2, 2), (300, 1, 40, 7, 7, 7, 7)])
def test_d_is_that_of_the_responses(sizes: tuple[int, ...]) -> None:
    owner, base, post = people(sum(sizes), sizes)
    found = d_of_responses(sums(owner, base, post))
    assert found.value == pytest.approx(plain_d(base, post), abs=1e-9)
    assert found.n == len(sizes)


def test_the_interval_of_d_is_the_jackknife_over_people() -> None:
    owner, base, post = people(4, (5, 9, 3, 20, 1, 7))
    found = d_of_responses(sums(owner, base, post))
    left = [plain_d(base[owner != one], post[owner != one]) for one in range(6)]
    error = math.sqrt(5 / 6 * sum((d - np.mean(left)) ** 2 for d in left))
    reach = stats.t.ppf(0.975, 5) * error
    assert found.value is not None
    assert (found.low, found.high) == pytest.approx((found.value - reach, found.value + reach))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.value) / error, 5))
    assert found.note == "only 6 people, fewer than 20: interval rough"


def test_of_equal_people_the_ratio_has_the_interval_of_t() -> None:
    """Everybody with as many responses: the jackknife of a mean is the usual error."""
    means = np.array([0.3, 0.8, -0.1, 0.4, 0.9, 0.2, 0.55])
    found = ratio(means * 10, np.full(7, 10))
    test = stats.ttest_1samp(means, 0)
    low, high = test.confidence_interval(0.95)
    assert (found.value, found.low, found.high, found.p) == pytest.approx(
        (means.mean(), low, high, test.pvalue)
    )
    of_mean = mean_of(means)
    assert (of_mean.low, of_mean.high, of_mean.p) == pytest.approx((low, high, test.pvalue))


def test_a_ratio_weighs_people_by_their_responses() -> None:
    found = ratio(np.array([10.0, 2, 3, 4, 6]), np.array([10, 1, 1, 1, 1]))
    assert found.value == pytest.approx(25 / 14)


def test_too_few_people_have_an_estimate_and_no_interval() -> None:
    owner, base, post = people(1, (8, 8, 8, 8))
    found = d_of_responses(sums(owner, base, post))
    assert found.value == pytest.approx(plain_d(base, post))
    assert (found.low, found.high, found.p) == (None, None, None)
    assert found.note == "only 4 people (an interval needs 5)"
    assert mean_of(np.array([1.0]), "experiment").note == (
        "only 1 experiment (an interval needs 5)"
    )
    assert mean_of(np.array([])).value is None


def test_where_nothing_varies_there_is_no_d() -> None:
    constant = PairSums(*(np.full(6, x) for x in (4.0, 4.0, 8.0, 4.0, 16.0)))
    assert d_of_responses(constant).value is None
    assert math.isnan(float(cohens_d(np.array([1.0, 2.0, 3.0, 4.0, 9.0]))))


def test_paired_d_is_mean_by_standard_deviation() -> None:
    assert paired_d(np.array([1.0, 2.0, 3.0, np.nan])) == pytest.approx(2.0)
    assert paired_d(np.array([1.0])) is None
    assert paired_d(np.array([2.0, 2.0])) is None


@pytest.mark.parametrize("n", [5, 20, 63, 400])
def test_the_smallest_difference_is_that_of_statsmodels(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.1, 0.7, n)
    effect = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8, alternative="two-sided")
    assert smallest_mean(differences) == pytest.approx(
        effect * np.std(differences, ddof=1), rel=1e-3
    )


def test_the_smallest_difference_needs_two_who_differ() -> None:
    assert smallest_mean(np.array([1.0])) is None
    assert smallest_mean(np.array([1.0, 1.0, 1.0])) is None


def simulation() -> Any:
    file = Path(__file__).parents[3] / "benchmarks" / "misalignment_coverage.py"
    spec = importlib.util.spec_from_file_location("misalignment_coverage", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["normal", "skewed", "tied"])
def test_a_planted_d_lies_in_its_interval(shape: str) -> None:
    """400 simulations: within three standard errors of .95 (.917 to .983)."""
    made = simulation()
    of_d, of_nats = made.coverage(shape, 400, seed=7)
    assert 0.917 <= of_d <= 0.983
    assert 0.917 <= of_nats <= 0.983


def test_the_simulation_plants_the_d_that_it_says() -> None:
    """In one population of 20,000 people d is .10, and people differ: two samples of independent
    responses would give an interval that is too narrow."""
    made = simulation()
    for shape in ("normal", "skewed", "tied"):
        pair, _ = made.drawn(np.random.default_rng(3), shape, 20_000)
        found = d_of_responses(pair)
        assert found.low is not None and found.high is not None and found.value is not None
        assert found.value == pytest.approx(0.10, abs=0.006)
        naive = 1.96 * math.sqrt(2 / pair.n.sum())
        assert found.high - found.low > 1.1 * 2 * naive


def test_equal_differences_vary_by_rounding_alone() -> None:
    """.1 thirty times has a standard deviation of 1e-17, and no d of 1e15."""
    same = np.full(30, 0.1) + np.where(np.arange(30) % 2, 1e-17, 0.0)
    assert paired_d(same) is None and smallest_mean(same) is None
    assert paired_d(np.zeros(5)) is None and smallest_mean(np.zeros(5)) is None
