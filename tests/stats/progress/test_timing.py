"""Changes of fidelity, their band and the word: against other code, by hand and by simulation."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from tests.support.series import CURVE, PASSED, fidelity, task
from tremble.errors import UserError
from tremble.stats.inference.bootstrap import difference_interval
from tremble.stats.progress.changes import band_of, compare, levels
from tremble.stats.progress.gain import Estimate
from tremble.stats.progress.series import Fidelity
from tremble.stats.progress.stop import Stop, choose_stop
from tremble.stats.progress.timing import timing

UNEQUAL = tuple(int(size) for size in np.random.default_rng(0).integers(2, 16, 40))


def means(steps: tuple[float, ...], noise: float = 0.1, people: int = 40) -> Fidelity:
    """Minus log loss that differs from the base's by `steps` on average, people by people."""
    random = np.random.default_rng(12)
    who = np.repeat(np.arange(people), 5)
    base = random.normal(-0.6, 0.3, len(who))
    own = random.normal(0, noise, (len(steps), people))[:, who]
    own -= own.mean(axis=1, keepdims=True)
    own[0] = 0
    return Fidelity(base + np.array(steps)[:, None] + own, [who])


def stop_at(at: int | None, earliest: int, latest: int, steps: int) -> Stop:
    rise = Estimate(1.0, 0.9, 1.1, 100)
    why = None if at is not None else "only 3 checkpoints (a stop needs 4)"
    return Stop(0.93, at, why, rise, at, (1 / steps,) * steps, earliest, latest, rise, (50, 50))


def test_a_difference_of_r_is_that_of_the_bootstrap() -> None:
    """With the resamples of the same seed, also where people and items cross."""
    made = fidelity(np.random.default_rng(1), PASSED, sizes=UNEQUAL)
    items = np.arange(len(made.values[0])) % 30
    for kinds in (made.clusters, [*made.clusters, items]):
        assert made.outcomes is not None
        one = Fidelity(made.values, kinds, made.outcomes)
        found = compare(one, 7, 0, seed=3, resamples=400)
        other = difference_interval(
            made.values[7], made.values[0], made.outcomes, kinds, seed=3, resamples=400
        )
        assert (found.estimate, found.low, found.high, found.p, found.se) == pytest.approx(
            (other.estimate, other.low, other.high, other.p, other.se)
        )
        assert found.smallest == pytest.approx((1.959964 + 0.841621) * (found.se or 0), rel=1e-6)


def test_a_difference_of_means_has_the_error_of_clusters() -> None:
    """The sandwich of a regression on a constant (statsmodels, G / (G - 1)), people as clusters."""
    random = np.random.default_rng(2)
    who = np.repeat(np.arange(len(UNEQUAL)), UNEQUAL)
    values = random.normal(size=(2, len(who))) + random.normal(size=(2, len(UNEQUAL)))[:, who]
    found = compare(Fidelity(values, [who]), 1, 0, resamples=300)
    fit = sm.OLS(values[1] - values[0], np.ones(len(who))).fit(
        cov_type="cluster", cov_kwds={"groups": who, "use_correction": False}
    )
    groups = len(UNEQUAL)
    assert found.estimate == pytest.approx(fit.params[0])
    assert found.se == pytest.approx(fit.bse[0] * np.sqrt(groups / (groups - 1)))
    assert found.n == len(who)


def test_with_people_and_items_means_have_errors_of_both() -> None:
    """Clustered two ways (statsmodels); the correction for few is that of the 30 items."""
    random = np.random.default_rng(2)
    who, item = np.repeat(np.arange(50), 30), np.tile(np.arange(30), 50)
    values = random.normal(size=(2, len(who))) + random.normal(size=(2, 50))[:, who]
    values += random.normal(size=(2, 30))[:, item]
    found = compare(Fidelity(values, [who, item]), 1, 0, resamples=300)
    fit = sm.OLS(values[1] - values[0], np.ones(len(who))).fit()
    both = cov_cluster_2groups(fit, who, item, use_correction=False)[0]
    assert found.se == pytest.approx(float(np.sqrt(both[0, 0] * 30 / 29)))


def test_levels_by_hand() -> None:
    """Means of two checkpoints over the points that both have; r by numpy."""
    values = np.array([[1.0, 2, 3, np.nan], [2, 4, 0, 9]])
    who = np.arange(4)
    assert levels(Fidelity(values, [who])) == [2, 2]
    outcomes = np.array([0.0, 1, 0, 1])
    r = np.corrcoef(values[1, :3], outcomes[:3])[0, 1]
    assert levels(Fidelity(values, [who], outcomes)) == [0, pytest.approx(r)]


def test_no_change_without_a_measure() -> None:
    made = fidelity(np.random.default_rng(1), None, sizes=(6,) * 20)
    flat = np.array(made.values)
    flat[3] = 0.5
    still = Fidelity(flat, made.clusters, made.outcomes)
    assert compare(still, 3, 0).note == "constant prediction"
    assert band_of(still).note == "constant prediction"
    assert timing(still, stop_at(5, 5, 5, 9)).word == "cannot say"
    few = Fidelity(made.values[:, :24], [made.clusters[0][:24]], made.outcomes[:24])  # type: ignore
    assert compare(few, 3, 0).note == "only 4 clusters (an interval needs 5)"
    assert timing(few, stop_at(5, 5, 5, 9)).reason == (
        "fidelity has no band: only 4 clusters (an interval needs 5)"
    )


def test_the_same_predictions_are_no_change() -> None:
    made = fidelity(np.random.default_rng(1), None, sizes=(6,) * 20)
    same = Fidelity(made.values[[0, 0, 1]], made.clusters, made.outcomes)
    found = compare(same, 1, 0)
    assert (found.estimate, found.low, found.high) == (0, 0, 0)
    band = band_of(same, resamples=200)
    assert (band.low[0], band.high[0]) == (0, 0)
    assert band.low[1] < band.change[1] < band.high[1]


def test_the_band_is_wider_than_one_interval() -> None:
    """And with one change alone, it is that interval."""
    made = fidelity(np.random.default_rng(6), PASSED, sizes=UNEQUAL)
    alone = Fidelity(made.values[[0, 7]], made.clusters, made.outcomes)
    one, band = compare(alone, 1, 0, resamples=400), band_of(alone, resamples=400)
    assert (band.low[0], band.high[0]) == pytest.approx((one.low, one.high))
    # A test that rejects beyond the half width h finds a change of h + .84 errors 80 times of 100.
    half, error = (band.high[0] - band.low[0]) / 2, one.se or 0
    assert band.smallest[0] == pytest.approx(half + 0.841621 * error, rel=1e-6)
    every = band_of(made, resamples=400)
    assert every.low[6] < band.low[0] and every.high[6] > band.high[0]


# Nine checkpoints that differ from the base by so much, in nats: noise has errors of about .02.
FALLS_AT_5 = (0, 0, 0, 0, 0, -0.5, -0.5, -0.5, -0.5)


@pytest.mark.parametrize(
    ("steps", "stop", "word", "left", "stays"),
    [
        (FALLS_AT_5, stop_at(7, 6, 7, 9), "before", 5, 5),
        (FALLS_AT_5, stop_at(5, 5, 5, 9), "with", 5, 5),
        (FALLS_AT_5, stop_at(6, 5, 7, 9), "with", 5, 5),
        (FALLS_AT_5, stop_at(6, 4, 7, 9), "cannot say", 5, 5),
        (FALLS_AT_5, stop_at(4, 3, 4, 9), "after", 5, 5),
        # Resamples can all lie beside the stop itself: it counts with them.
        (FALLS_AT_5, stop_at(5, 6, 6, 9), "with", 5, 5),
        (FALLS_AT_5, stop_at(None, 5, 5, 9), "cannot say", 5, 5),
        ((0,) * 9, stop_at(5, 5, 5, 9), "never", None, None),
        ((0,) * 9, stop_at(None, 5, 5, 9), "never", None, None),
        # Up, back, and down: it first leaves at 2, and stays away from 6.
        ((0, 0, 0.5, 0, 0, 0, -0.5, -0.5, -0.5), stop_at(4, 4, 4, 9), "before", 2, 6),
        ((0, 0, 0, 0, 0, 0.5, 0.5, -0.5, -0.5), stop_at(6, 6, 6, 9), "before", 5, 7),
        ((0, 0, 0.5, 0.5, 0, 0, 0, 0, 0), stop_at(4, 4, 4, 9), "before", 2, None),
    ],
)
def test_the_word(
    steps: tuple[float, ...], stop: Stop, word: str, left: int | None, stays: int | None
) -> None:
    made = timing(means(steps), stop, margin=0.2, resamples=500)
    assert (made.word, made.left, made.stays) == (word, left, stays), made.reason


def test_a_change_that_began_before_is_not_after() -> None:
    """It grows by a little from checkpoint to checkpoint: 4 lacks what 5 just has."""
    slow = means((0, 0, -0.02, -0.03, -0.04, -0.06, -0.06, -0.06, -0.06))
    made = timing(slow, stop_at(4, 4, 4, 9), resamples=500)
    assert made.left is not None and made.left > 4
    assert made.word == "cannot say"
    assert made.reason.endswith("after the stop at checkpoint 4, but may have begun earlier")


def test_a_change_that_goes_away_again_is_said_with_its_size() -> None:
    made = timing(means((0, 0, -0.3, -0.3, 0, 0, 0, 0, 0)), stop_at(5, 5, 5, 9), resamples=500)
    assert (made.word, made.left, made.stays) == ("before", 2, None)
    assert made.change == pytest.approx(-0.3, abs=0.02)
    assert made.reason.endswith("; at the last checkpoint it is not seen any more")


def test_no_smallest_change_of_r_is_larger_than_r_can_change() -> None:
    few = fidelity(np.random.default_rng(1), None, sizes=(2,) * 6)
    made = timing(few, stop_at(5, 5, 5, 9), resamples=500)
    assert made.smallest is not None and made.smallest <= 2
    found = compare(few, 1, 0, resamples=500)
    assert found.smallest is not None and found.smallest <= 2


def test_never_needs_data_that_could_have_shown_it() -> None:
    made = timing(means((0,) * 9), stop_at(5, 5, 5, 9), margin=0.01, resamples=500)
    assert made.word == "cannot say"
    assert made.smallest is not None and made.smallest > 0.01
    assert made.reason.startswith(
        "no change is seen at any checkpoint, but one of .01 could have been missed: the smallest "
    )


def test_never_is_about_every_checkpoint() -> None:
    """The last checkpoint varies ten times as much as the others: it could hide a change."""
    sure, rough = means((0,) * 4, noise=0.02), means((0,) * 4, noise=0.2)
    values = np.concatenate([sure.values[:3], rough.values[3:]])
    stop = stop_at(2, 2, 2, 4)
    assert timing(sure, stop, resamples=500).word == "never"
    assert timing(Fidelity(values, sure.clusters), stop, resamples=500).word == "cannot say"


@pytest.mark.parametrize("margin", [0, -0.1, float("nan")])
def test_a_margin_is_above_0(margin: float) -> None:
    with pytest.raises(UserError, match=rf"^margin = {margin} is no size of a change; choose "):
        timing(means((0,) * 9), stop_at(5, 5, 5, 9), margin=margin)


def test_shapes_have_to_fit() -> None:
    with pytest.raises(ValueError, match="9 checkpoints, 4 of the stop"):
        timing(means((0,) * 9), stop_at(2, 2, 2, 4))
    with pytest.raises(ValueError, match="a band needs the base and one more"):
        band_of(means((0,)))
    with pytest.raises(ValueError, match="clusters and outcomes"):
        Fidelity(np.ones((2, 3)), [np.arange(4)])


def words(offset: int | None, series: int, resamples: int, noise: float = 0.2) -> Counter[str]:
    """Of so many series, task and people both new, how many get each word: 600 decisions of
    100 people, 200 first turns; r falls by .2 `offset` checkpoints from the true stop."""
    found: Counter[str] = Counter()
    for seed in range(series):
        random = np.random.default_rng([3, seed])
        stop = choose_stop(task(random, 200, noise=noise), seed=seed, resamples=resamples)
        people = fidelity(random, None if offset is None else PASSED + offset)
        found[timing(people, stop, seed=seed, resamples=resamples).word] += 1
    return found


PLANTED = [(-2, "before"), (0, "with"), (2, "after")]


@pytest.mark.parametrize(("offset", "word"), PLANTED)
def test_planted_changes_get_their_word(offset: int, word: str) -> None:
    assert words(offset, series=50, resamples=300)[word] >= 40


def test_without_a_change_it_is_rarely_before_or_after() -> None:
    """100 series of 5% have at most 12 (.999)."""
    found = words(None, series=100, resamples=300)
    assert found["before"] + found["after"] <= 12


def covered(sizes: tuple[int, ...], series: int, resamples: int) -> np.ndarray:
    """How often the interval of one difference holds -.2, and the band all eight changes at once:
    of r; then of means, of which the truth is 0."""
    hits = np.zeros(4)
    truth = np.array([0.0] * (PASSED - 1) + [-0.2] * (len(CURVE) - PASSED))
    for seed in range(series):
        r = fidelity(np.random.default_rng([9, seed]), PASSED, sizes=sizes)
        mean = Fidelity(r.values, r.clusters)
        for place, (made, true) in enumerate(((r, truth), (mean, 0 * truth))):
            one = compare(made, 7, 0, seed, resamples)
            band = band_of(made, seed, resamples)
            assert one.low is not None and one.high is not None
            hits[2 * place] += one.low <= true[-1] <= one.high
            hits[2 * place + 1] += bool(
                np.all((np.array(band.low) <= true) & (true <= np.array(band.high)))
            )
    return hits / series


def test_intervals_and_bands_hold_the_truth() -> None:
    """200 series of 95% have 89 to 99% (.999)."""
    found = covered(UNEQUAL, series=200, resamples=300)
    assert found.min() >= 0.89 and found.max() <= 0.99


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("sizes", [(6,) * 100, UNEQUAL, UNEQUAL[:25]], ids=["100", "40", "25"])
def test_intervals_and_bands_hold_the_truth_in_2000_series(sizes: tuple[int, ...]) -> None:
    """A band of eight may be somewhat too wide with few people, never too narrow."""
    interval, band = covered(sizes, series=2_000, resamples=500).reshape(2, 2).T
    assert interval.min() >= 0.935 and interval.max() <= 0.965
    assert band.min() >= 0.935 and band.max() <= 0.975


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize(("offset", "word"), PLANTED)
def test_planted_changes_get_their_word_in_500_series(offset: int, word: str) -> None:
    """Also with a task so noisy that the true stop is often missed."""
    assert words(offset, series=500, resamples=500)[word] >= 400
    assert words(offset, series=500, resamples=500, noise=0.25)[word] >= 400


@pytest.mark.slow
@pytest.mark.simulation
def test_without_a_change_it_is_rarely_before_or_after_in_1000_series() -> None:
    found = words(None, series=1_000, resamples=500)
    assert found["before"] + found["after"] <= 65


@pytest.mark.slow
@pytest.mark.simulation
def test_the_smallest_difference_is_found_in_80_of_100() -> None:
    """Means of normal differences over 60 people whose true difference is the smallest one (2.80
    errors of .1 / sqrt(60)): 1,000 series of 80% have 76 to 84% (.999); t instead of z costs 1."""
    true, found = 2.8016 * 0.1 / np.sqrt(60), 0
    for seed in range(1_000):
        values = np.zeros((2, 60))
        values[1] = np.random.default_rng([4, seed]).normal(true, 0.1, 60)
        one = compare(Fidelity(values, [np.arange(60)]), 1, 0, seed, resamples=500)
        found += one.low is not None and one.low > 0
    assert 740 <= found <= 840
