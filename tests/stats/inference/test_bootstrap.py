"""Intervals by resampling clusters, against loops over resamples and against simulations."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from tremble.stats.frames.clusters import weights
from tremble.stats.inference.bootstrap import (
    difference_interval,
    difference_intervals,
    r_interval,
    r_intervals,
    replicates,
)
from tremble.stats.inference.intervals import FEW_CLUSTERS, Interval, studentised
from tremble.stats.inference.moments import OneWay, TwoWay, features


def study(
    clusters: int = 40, size: int = 10, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two predictions, binary outcomes and clusters whose choices agree."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(clusters), size)
    own = rng.normal(size=clusters)[codes]
    y = (own + rng.normal(size=len(codes)) > 0.2).astype(float)
    a = 0.6 * y + 0.4 * own + rng.normal(size=len(codes))
    b = 0.3 * y + rng.normal(size=len(codes))
    return a, b, y, codes


def pointwise(weight: np.ndarray, *xs: np.ndarray) -> np.ndarray:
    """Weighted correlation matrix, by numpy."""
    covariance = np.cov(np.vstack(xs), fweights=weight.astype(int), bias=True)
    scale = np.sqrt(np.diag(covariance))
    return covariance / np.outer(scale, scale)


def influence(weight: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of every point on weighted r: standardised values, straight from the textbook."""
    zx = (x - np.average(x, weights=weight)) / np.sqrt(np.cov(x, fweights=weight, bias=True))
    zy = (y - np.average(y, weights=weight)) / np.sqrt(np.cov(y, fweights=weight, bias=True))
    r = np.average(zx * zy, weights=weight)
    return zx * zy - r * (zx**2 + zy**2) / 2


def test_resamples_of_one_kind_against_a_loop() -> None:
    a, b, y, codes = study(12, 5)
    counts = [12]
    drawn = replicates(OneWay(codes, features([a[None], b[None]], y)), counts, 3, 7)
    single = replicates(OneWay(codes, features([a[None]], y)), counts, 3, 7)
    (chosen,) = next(iter(weights(counts, 3, 7)))
    for k in range(7):
        weight = chosen[k][codes].astype(int)
        r = pointwise(weight, a, b, y)
        assert drawn.value[k, 0] == pytest.approx(r[0, 2] - r[1, 2], abs=1e-10)
        assert np.tanh(single.value[k, 0]) == pytest.approx(r[0, 2], abs=1e-10)
        each = influence(weight, a, y) - influence(weight, b, y)
        by_cluster = np.array([each[codes == c].sum() for c in range(12)])
        error = np.sqrt((chosen[k] * by_cluster**2).sum()) / weight.sum()
        assert drawn.error[k, 0] == pytest.approx(error, rel=1e-8)


def test_resamples_of_two_kinds_against_a_loop() -> None:
    rng = np.random.default_rng(5)
    people, items = rng.integers(8, size=90), rng.integers(6, size=90)
    x, y = rng.normal(size=90), (rng.random(90) > 0.4).astype(float)
    drawn = replicates(TwoWay([people, items], features([x[None]], y)), [8, 6], 2, 5)
    by_person, by_item = next(iter(weights([8, 6], 2, 5)))
    for k in range(5):
        weight = (by_person[k][people] * by_item[k][items]).astype(int)
        r = pointwise(weight, x, y)[0, 1]
        assert np.tanh(drawn.value[k, 0]) == pytest.approx(r, abs=1e-10)
        each = influence(weight, x, y) / (1 - r**2)
        rows = sum(
            by_person[k][p] * (each * by_item[k][items])[people == p].sum() ** 2 for p in range(8)
        )
        columns = sum(
            by_item[k][i] * (each * by_person[k][people])[items == i].sum() ** 2 for i in range(6)
        )
        cells = sum(
            by_person[k][p] * by_item[k][i] * each[(people == p) & (items == i)].sum() ** 2
            for p in range(8)
            for i in range(6)
        )
        variance = max(rows + columns - cells, rows, columns)
        assert drawn.error[k, 0] == pytest.approx(np.sqrt(variance) / weight.sum(), rel=1e-8)


def test_standard_error_of_independent_points_is_that_of_fisher_z() -> None:
    # For normal values, each point its own cluster: the variance of z is 1/(n - 3), about.
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    y = 0.5 * x + rng.normal(size=4000)
    found = r_interval(x, y, [np.arange(4000)], resamples=400)
    r = float(np.corrcoef(x, y)[0, 1])
    assert found.estimate == pytest.approx(r)
    assert found.se == pytest.approx((1 - r**2) / np.sqrt(3997), rel=0.06)
    reach = 1.96 / np.sqrt(3997)
    assert found.low == pytest.approx(np.tanh(np.arctanh(r) - reach), abs=0.006)
    assert found.high == pytest.approx(np.tanh(np.arctanh(r) + reach), abs=0.006)


def test_copies_within_clusters_tell_nothing_new() -> None:
    # Every decision ten times over: the interval of the originals, not a shorter one.
    a, _, y, _ = study(60, 1)
    once = r_interval(a, y, [np.arange(60)], seed=4, resamples=500)
    copied = r_interval(
        np.repeat(a, 10), np.repeat(y, 10), [np.repeat(np.arange(60), 10)], seed=4, resamples=500
    )
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
    assert copied.se == pytest.approx(once.se)


def test_the_batch_gives_what_single_calls_give() -> None:
    rng = np.random.default_rng(2)
    a, b, y, codes = study()
    many = np.vstack([a, b, rng.normal(size=len(y))])
    many[2, 5:9] = np.nan
    batch = r_intervals(many, y, [codes], seed=7, resamples=300)
    for row, found in enumerate(batch):
        same(found, r_interval(many[row], y, [codes], seed=7, resamples=300))
    assert batch[2].n == len(y) - 4
    pairs = difference_intervals(many[[0, 1]], many[[1, 2]], y, [codes], seed=7, resamples=300)
    same(pairs[0], difference_interval(a, b, y, [codes], seed=7, resamples=300))
    assert pairs[1].n == len(y) - 4


def same(one: Interval, other: Interval) -> None:
    """Equal but for the order in which numbers were added."""
    numbers = [(f.low, f.high, f.se) for f in (one, other)]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-9)
    assert (one.n, one.p, one.clusters) == (other.n, other.p, other.clusters)


def test_swapping_the_twins_mirrors_the_interval() -> None:
    a, b, y, codes = study()
    one = difference_interval(a, b, y, [codes], resamples=400)
    other = difference_interval(b, a, y, [codes], resamples=400)
    assert one.low is not None and one.high is not None
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low))
    assert other.p == pytest.approx(one.p)
    assert one.estimate is not None and one.low < one.estimate < one.high


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x, y, c: (np.full_like(x, 0.4), y, c), "constant prediction"),
        (lambda x, y, c: (x, np.ones_like(y), c), "one outcome only"),
        (lambda x, y, c: (x[:2], y[:2], c[:2]), "fewer than 3 points"),
        (lambda x, y, c: (np.full_like(x, np.nan), y, c), "fewer than 3 points"),
        (lambda x, y, c: (x, y, np.zeros_like(c)), "one cluster only"),
        (lambda x, y, c: (x, y, c % 4), "only 4 clusters (an interval needs 5)"),
        (lambda x, y, c: (y.copy(), y, c), "r is 1 or -1"),
    ],
)
def test_no_interval_has_a_reason(change: Any, reason: Any) -> None:
    a, _, y, codes = study()
    x, y, codes = change(a, y, codes)
    found = r_interval(x, y, [codes], resamples=200)
    assert found.note == reason
    assert (found.low, found.high, found.se, found.p) == (None, None, None, None)


def test_twins_with_the_same_predictions() -> None:
    a, _, y, codes = study()
    found = difference_interval(a, 2 * a + 1, y, [codes], resamples=200)
    assert found.estimate == pytest.approx(0)
    assert found.low is None
    assert found.note == "both predictions have the same r in every resample"


def test_three_kinds_that_cross() -> None:
    a, _, y, _ = study()
    rng = np.random.default_rng(0)
    kinds = [rng.integers(9, size=len(y)) for _ in range(3)]
    assert "3 kinds" in str(r_interval(a, y, kinds, resamples=200).note)


def test_undefined_resamples_are_counted() -> None:
    # The target chosen in one cluster of 40 only: absent from (39/40)^40 = 36% of resamples.
    a, _, _, codes = study()
    rare = (codes == 3).astype(float)
    found = r_interval(a, rare, [codes], resamples=1000)
    assert found.low is None and found.note is not None
    share = int(found.note.split()[0]) / 1000
    assert share == pytest.approx((39 / 40) ** 40, abs=0.05)
    # In four clusters: 1.5% of resamples.
    rare = ((codes < 4) & (np.arange(len(codes)) % 2 == 0)).astype(float)
    found = r_interval(a, rare, [codes], resamples=1000)
    assert found.low is not None and "resamples undefined" in str(found.note)
    assert found.undefined / 1000 == pytest.approx((36 / 40) ** 40, abs=0.012)


def test_few_and_unequal_clusters_are_marked() -> None:
    a, _, y, codes = study()
    assert r_interval(a, y, [codes], resamples=200).note is None
    few = r_interval(a, y, [codes % (FEW_CLUSTERS - 1)], resamples=200)
    assert few.note == f"only {FEW_CLUSTERS - 1} clusters, fewer than {FEW_CLUSTERS}: " + (
        "interval rough"
    )
    unequal = r_interval(a, y, [np.where(codes < 20, 0, codes)], resamples=200)
    assert unequal.clusters == 21
    heavy = np.concatenate([np.zeros(200, int), np.arange(1, 201)])
    found = r_interval(a, y, [heavy], resamples=200)
    assert found.clusters == 201 and "equivalent to 4 of equal size" in str(found.note)


def test_coverage_with_sixty_clusters() -> None:
    """400 studies, clusters that agree: 95% intervals miss 20 of them, give or take 9."""
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(60), 8)
    own = rng.normal(size=(400, 60))[:, codes]
    x = own + rng.normal(size=own.shape)
    tilt = rng.normal(size=(400, 60))[:, codes]
    y = 0.5 * own + tilt + rng.normal(size=own.shape)
    # var x = 2, var y = .25 + 1 + 1, covariance .5.
    true = float(np.arctanh(0.5 / np.sqrt(2 * 2.25)))
    sums = OneWay(codes, features([x], y))
    drawn = replicates(sums, [60], 1, 400)
    sample = sums.values([np.ones((1, 60))])
    pairs = zip(sample.value[0], sample.error[0], drawn.value.T, drawn.error.T, strict=True)
    found = np.array([studentised(*each) for each in pairs])
    inside = (found[:, 0] <= true) & (true <= found[:, 1])
    assert 0.925 <= inside.mean() <= 0.975
    # Points taken as independent cover far less: 1/sqrt(n - 3) around z.
    naive = np.abs(sample.value[0] - true) <= 1.96 / np.sqrt(477)
    assert naive.mean() < 0.85


def test_speed_of_a_difference_over_the_core_study() -> None:
    a, b, y, codes = study(1005, 10)
    started = time.perf_counter()
    found = difference_interval(a, b, y, [codes])
    assert time.perf_counter() - started < 5
    assert isinstance(found, Interval) and found.resamples == 5000
