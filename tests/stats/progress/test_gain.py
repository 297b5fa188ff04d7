"""g and differences of a task's measure: by hand, by a loop over resamples, by simulation."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from tests.support.series import CURVE, RISE, task
from tremble.stats.progress.gain import gains, gains_of, rises, rises_of
from tremble.stats.progress.series import Task, choosing


def test_by_hand() -> None:
    """Minus the loss of three items in two clusters: a (1 token, and 3 tokens), b (2 tokens).

    Sums of minus the loss over all tokens: -6-12-6 = -24, -4-9-5 = -18, -3-6-3 = -12, of 6 tokens:
    T = -4, -3, -2. g = 0, (-3 - -4) / (-2 - -4) = 1/2, 1.
    """
    losses = np.array([[6.0, 12, 6], [4, 9, 5], [3, 6, 3]])
    made = Task(-losses, np.array([1.0, 3, 2]), ["a", "a", "b"])
    assert [one.value for one in gains(made)] == [0, 0.5, 1]
    assert [one.value for one in rises(made)] == [0, 1, 2]
    assert [one.value for one in rises(made, against=2)] == [-2, -1, 0]
    assert gains(made)[1].note == "only 2 clusters (an interval needs 5)"
    assert gains(made)[1].low is None


def test_ends_are_fiellers() -> None:
    """The ends of the interval of g are as many standard errors off as a loop over resamples says.

    At an end v the sum of A - v B is `reach` standard errors from 0, where `reach` is the size that
    95% of resamples of A - g B stay below.
    """
    made = task(np.random.default_rng(5), 8).sums()
    above, below = (made.numerators[s] - made.numerators[0] for s in (3, -1))
    g = gains_of(made, seed=3, resamples=4_000)[3]
    assert g.value is not None and g.value == pytest.approx(above.sum() / below.sum())

    def size(values: np.ndarray, centre: float = 0.0) -> float:
        n = len(values)
        return abs(values.sum() - centre) / math.sqrt(n * values.var())

    random = np.random.default_rng(99)
    left = above - g.value * below
    sizes = [size(random.choice(left, len(left))) for _ in range(4_000)]
    reach = float(np.quantile(sizes, 0.95))
    assert g.low is not None and g.high is not None
    assert g.low < g.value < g.high
    # Two sets of 4,000 resamples have quantiles that differ by a few percent.
    assert size(above - g.low * below) == pytest.approx(reach, rel=0.06)
    assert size(above - g.high * below) == pytest.approx(reach, rel=0.06)
    assert size(above - g.low * below) == pytest.approx(size(above - g.high * below))


def test_base_and_last_are_0_and_1_by_definition() -> None:
    made = gains(task(np.random.default_rng(1), 30), resamples=200)
    assert (made[0].value, made[0].low, made[0].high) == (0, 0, 0)
    assert (made[-1].value, made[-1].low, made[-1].high) == (1, 1, 1)


def test_without_a_gain_there_is_no_g() -> None:
    made = task(np.random.default_rng(1), 30, curve=(0.0, 0.1, -0.5, -1.0))
    assert {one.value for one in gains(made)} == {None}
    assert gains(made)[1].note == "the gain is not above 0"


def test_of_a_gain_not_clear_of_0_g_has_no_ends() -> None:
    made = task(np.random.default_rng(3), 20, curve=(0.0, 0.0, 0.0, 0.02), noise=3)
    one = gains(made)[2]
    assert one.value is not None
    assert (one.low, one.note) == (None, "the gain is not clear of 0 over these clusters")


def test_nothing_depends_on_the_order_of_items() -> None:
    made = task(np.random.default_rng(3), 30)
    turned = np.random.default_rng(0).permutation(len(made.clusters))
    names = [made.clusters[place] for place in turned]
    other = Task(made.numerators[:, turned], made.denominators[turned], names)
    assert gains(made, resamples=200) == gains(other, resamples=200)
    assert rises(made, resamples=200) == rises(other, resamples=200)


def test_halves_are_equal_and_go_by_the_names_alone() -> None:
    """First bytes of SHA-256, from the examples of FIPS 180-2: ba of "abc", e3 of "", 24 of the
    long one. The half with the smaller ones chooses."""
    long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    assert choosing(["abc", "", long]).tolist() == [True, False, True]
    assert choosing(["", "abc"]).tolist() == [False, True]
    sums = Task(np.ones((2, 3)), np.ones(3), ["abc", "", long]).sums()
    assert (sums.half(True).names, sums.half(False).names) == (("abc", long), ("",))
    names = [f"turn {k}" for k in range(1_001)]
    before, after = choosing(names[:-1]), choosing(names)
    assert (before.sum(), after.sum()) == (500, 501)
    assert (before != after[:-1]).sum() <= 1  # what is added moves one other at most
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    assert {name for name, one in zip(names, after, strict=True) if one} == set(order[:501])


@pytest.mark.parametrize(
    ("numerators", "denominators", "names"),
    [
        (np.ones((2, 3)), np.ones(2), ["a", "b", "c"]),
        (np.ones((2, 3)), np.ones(3), ["a", "b"]),
        (np.ones((2, 0)), np.ones(0), []),
        (np.full((2, 1), np.nan), np.ones(1), ["a"]),
        (np.ones((2, 1)), np.zeros(1), ["a"]),
    ],
)
def test_a_task_has_to_fit(
    numerators: np.ndarray, denominators: np.ndarray, names: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"clusters|finite"):
        Task(numerators, denominators, names)


def covered(clusters: int, tokens: bool, series: int, resamples: int) -> np.ndarray:
    """(2, checkpoints): how often intervals of g and of differences hold the truth."""
    hits = np.zeros((2, len(CURVE)))
    for seed in range(series):
        sums = task(np.random.default_rng([7, seed]), clusters, tokens=tokens).sums()
        both = gains_of(sums, seed, resamples), rises_of(sums, 0, seed, resamples)
        for row, (found, whole) in enumerate(zip(both, (1.0, RISE[tokens]), strict=True)):
            for s, one in enumerate(found):
                if one.low is not None and one.high is not None:
                    hits[row, s] += one.low <= CURVE[s] * whole <= one.high
    return hits / series


def test_intervals_hold_the_truth() -> None:
    """300 series of 95% have 91 to 98% (.999), at each checkpoint with an interval."""
    both = covered(40, tokens=True, series=300, resamples=500)
    assert both[0, 1:-1].min() > 0.91 and both[0, 1:-1].max() < 0.985
    assert both[1, 1:].min() > 0.91 and both[1, 1:].max() < 0.985


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("clusters", [40, 60])
@pytest.mark.parametrize("tokens", [True, False])
def test_intervals_hold_the_truth_in_2000_series(clusters: int, tokens: bool) -> None:
    """2,000 series of 95%: over checkpoints 93.5 to 96.5%, and each of them within what chance
    makes of 95% (.999 of one is 93.4 to 96.6; there are 15)."""
    both = covered(clusters, tokens, series=2_000, resamples=1_000)
    for row in (both[0, 1:-1], both[1, 1:]):
        assert 0.935 <= row.mean() <= 0.965
        assert row.min() >= 0.93 and row.max() <= 0.97
