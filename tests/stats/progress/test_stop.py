"""The rule that chooses a stop: by hand, in each case without one, and by simulation."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest

from tests.support.series import CURVE, PASSED, fidelity, task
from tremble.errors import UserError
from tremble.stats.progress.series import Task, choosing
from tremble.stats.progress.stop import (
    Stop,
    at_equal_g,
    choose_stop,
    fidelity_at,
    first_stays,
)


def names_of(chooses: int, reports: int) -> list[str]:
    """So many names of clusters that choose, then as many, or one less, that report."""
    names = [str(number) for number in range(chooses + reports)]
    mask = choosing(names)
    assert mask.sum() == chooses
    return [names[at] for at in (*np.flatnonzero(mask), *np.flatnonzero(~mask))]


def alike(curve: tuple[float, ...], chooses: int = 12, reports: int = 12) -> Task:
    """Every cluster goes the same way, those that choose by 1 nat and the others by 2."""
    names = names_of(chooses, reports)
    size = np.array([1.0] * chooses + [2.0] * reports)
    return Task(np.outer(curve, size) - 4, np.ones(len(names)), names)


def test_by_hand() -> None:
    """Two kinds of clusters in each half, six of each: g of kind a and of kind b at six checkpoints
        a: 0  .4  .96  .80  1.00  1      (1 token, gain 1 nat)
        b: 0  .6  .98  .90   .96  1      (3 tokens, gain 1 nat each)
    so g = (a + 3 b) / 4: 0  .55  .975  .875  .97  1. It reaches .93 at 2, falls to .875 at 3, and
    stays from 4 on. At .85 it stays from 2 on.
    """
    a, b = [0, 0.4, 0.96, 0.8, 1, 1], [0, 0.6, 0.98, 0.9, 0.96, 1]
    names, tokens = names_of(12, 12), np.array([1.0, 3.0] * 12)
    losses = 5 - np.array([a, b] * 12).T
    made = Task(-losses * tokens, tokens, names)
    stop = choose_stop(made, keep=0.93)
    assert (stop.checkpoint, stop.reason, stop.halves) == (4, None, (12, 12))
    assert stop.gain is not None and stop.gain.value == pytest.approx(0.97)
    assert stop.gain.clusters == 12
    assert stop.rise.value == pytest.approx(1)
    assert choose_stop(made, keep=0.85).checkpoint == 2
    # The lowest g of any cluster is at 4 that of b, .96, so the lower bound is above .93 there.
    assert stop.surely == 4
    # g of a resample at 3 is between .8 and .9, so that none chooses an earlier one than 4.
    assert stop.chosen == (0, 0, 0, 0, 1, 0)
    assert (stop.earliest, stop.latest) == (4, 4)


def test_one_half_chooses_and_the_other_reports() -> None:
    """The half that chooses is done at 2 (g = .95), of which the other half has .5."""
    names = names_of(12, 12)
    g = [np.repeat([one, other], 12) for one, other in ((0, 0), (0.3, 0.2), (0.95, 0.5), (1, 1))]
    stop = choose_stop(Task(np.stack(g).astype(float), np.ones(24), names))
    assert stop.checkpoint == 2
    assert stop.gain is not None and stop.gain.value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("g", "first"),
    [
        ([0, 0.5, 0.95, 0.94, 1], 2),
        ([0, 0.95, 0.5, 0.95, 1], 3),
        ([0, 0.5, 0.6, 0.7, 1], 4),
        ([1, 1, 1], 0),
        ([0, 1, 0.5], 3),
        ([0, np.nan, 1], 2),
    ],
)
def test_the_first_that_stays(g: list[float], first: int) -> None:
    assert int(first_stays(np.array(g), 0.93)) == first


def test_how_often_each_is_chosen() -> None:
    """By a loop over resamples of the clusters that choose, drawn elsewhere."""
    made = task(np.random.default_rng(8), 60, noise=0.5)
    stop = choose_stop(made, resamples=4_000)
    sums = made.sums().half(True)
    random, picks = np.random.default_rng(77), np.zeros(len(CURVE))
    for _ in range(4_000):
        drawn = random.integers(len(sums.names), size=len(sums.names))
        total = sums.numerators[:, drawn].sum(axis=1)
        g = (total - total[0]) / (total[-1] - total[0])
        low = [s for s in range(len(g)) if g[s] < 0.93]
        picks[max(low) + 1] += 1
    # Shares of 4,000 draws differ by .016 (two standard errors of the difference are .022).
    assert stop.chosen == pytest.approx(picks / 4_000, abs=0.04)
    assert sum(stop.chosen) == pytest.approx(1)


def test_the_stop_is_mostly_the_true_one() -> None:
    stops = [
        choose_stop(task(np.random.default_rng(k), 200, noise=0.2), resamples=200)
        for k in range(30)
    ]
    assert sum(one.checkpoint == PASSED for one in stops) >= 25
    assert all(one.surely is None or one.surely >= (one.checkpoint or 0) for one in stops)


def test_the_rule_sees_no_human_decisions() -> None:
    assert set(inspect.signature(choose_stop).parameters) == {"task", "keep", "seed", "resamples"}
    assert {f.name for f in dataclasses.fields(Task)} == {"numerators", "denominators", "clusters"}


def test_the_order_of_items_changes_nothing() -> None:
    made = task(np.random.default_rng(3), 60)
    turned = np.random.default_rng(0).permutation(len(made.clusters))
    names = [made.clusters[place] for place in turned]
    other = Task(made.numerators[:, turned], made.denominators[turned], names)
    assert choose_stop(made, resamples=300) == choose_stop(other, resamples=300)


def test_a_stage_is_its_checkpoints() -> None:
    """From checkpoint 2 (.6) to 6 (1): g within it is 0, .25, .5, .95, 1."""
    made = alike((0, 0.3, 0.6, 0.7, 0.8, 0.98, 1))
    assert choose_stop(made.at([2, 3, 4, 5, 6])).checkpoint == 3
    assert choose_stop(made).checkpoint == 5


def differing(*kinds: tuple[float, ...]) -> Task:
    """As many clusters of each kind in both halves, each kind with its own g by checkpoint."""
    return Task(np.array(kinds * 12).T, np.ones(12 * len(kinds)), names_of(*[6 * len(kinds)] * 2))


def test_the_cautious_stop_needs_a_lower_bound() -> None:
    """At 2 half of the clusters have .8 and half 1.1, .95 on average with an error of
    .15 / sqrt(11) = .045, so that the lower bound is about .85; at 3 all have .95."""
    stop = choose_stop(differing((0, 0.5, 0.8, 0.95, 1), (0, 0.5, 1.1, 0.95, 1)))
    assert (stop.checkpoint, stop.surely) == (2, 3)


def test_falls_count_once_and_only_if_they_are_clear() -> None:
    """One fall of two checkpoints is one. Two falls to .9 (.84 and .96 in half of the clusters
    each, an error of .06 / sqrt(11) = .018) are not clear of .93; to .9 in all of them they are."""
    assert choose_stop(alike((0, 0.95, 0.5, 0.5, 0.98, 1))).checkpoint == 4
    up, down = (0, 0.95, 0.96, 0.95, 0.96, 0.99, 1), (0, 0.95, 0.84, 0.95, 0.84, 0.99, 1)
    assert choose_stop(differing(up, down)).checkpoint == 5
    clear = choose_stop(alike((0, 0.95, 0.9, 0.95, 0.9, 0.99, 1)))
    assert clear.reason is not None and clear.reason.endswith("clearly falls below it 2 times")


RISING = (0, 0.5, 0.96, 1)


def no_gain_in(half: str) -> Task:
    """Clusters of one half go up and down by 1 in turn; those of the other up by 2."""
    turns, up = [1.0, -0.9] * 6, [2.0] * 12
    rises = np.array(turns + up if half == "chooses" else up + turns)
    return Task(np.outer(RISING, rises), np.ones(24), names_of(12, 12))


def level_curve() -> Task:
    """g lies at `keep` all the way, so that chance alone says where it stays above."""
    return task(np.random.default_rng(2), 60, curve=(0, *(0.93,) * 8, 1), noise=0.3)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (alike((0, 0.96, 1)), "only 3 checkpoints (a stop needs 4)"),
        (alike(RISING, 10, 9), "only 19 clusters in the task (a stop needs 20)"),
        (
            alike((0, 0.5, -0.5, -1)),
            "the gain from the first to the last checkpoint is not above 0 over all clusters: "
            "-1.50 [",
        ),
        (
            no_gain_in("chooses"),
            "the gain from the first to the last checkpoint is not above 0 over the half of the "
            "clusters that chooses: .05 [",
        ),
        (
            no_gain_in("reports"),
            "the gain from the first to the last checkpoint is not above 0 over the half of the "
            "clusters that reports: .05 [",
        ),
        (
            level_curve(),
            "g is too unsteady: resamples of the task's clusters choose anything from checkpoint ",
        ),
        (
            alike((0, 0.95, 0.5, 0.95, 0.5, 1, 1, 1)),
            "g is too unsteady: it reaches .93 and clearly falls below it 2 times",
        ),
    ],
    ids=["short", "few", "no gain", "none where chosen", "none reported", "by chance", "falls"],
)
def test_no_recommendation(made: Task, reason: str) -> None:
    stop = choose_stop(made, resamples=500)
    assert stop.checkpoint is None and stop.gain is None
    assert stop.reason is not None and stop.reason.startswith(reason)
    people = fidelity(np.random.default_rng(1), None)
    assert fidelity_at(stop, people) is None


@pytest.mark.parametrize("keep", [0, -0.1, 1.2, float("nan")])
def test_keep_is_a_share(keep: float) -> None:
    with pytest.raises(UserError, match=rf"^keep = {keep} is no share of the gain; choose "):
        choose_stop(alike(RISING), keep=keep)


def test_fidelity_at_the_stop() -> None:
    """r has fallen by .2 from the stop on: below the base there, and level with the last."""
    random = np.random.default_rng(4)
    stop = choose_stop(task(random, 200, noise=0.2), resamples=300)
    people = fidelity(random, PASSED, sizes=(6,) * 400)
    found = fidelity_at(stop, people, resamples=500)
    assert stop.checkpoint == PASSED and found is not None
    assert (found.base.at, found.base.against, found.last.against) == (PASSED, 0, len(CURVE) - 1)
    assert found.base.estimate == pytest.approx(-0.2, abs=0.06)
    assert found.base.high is not None and found.base.high < 0
    assert found.last.estimate == pytest.approx(0, abs=0.06)


def test_fidelity_needs_the_checkpoints_of_the_task() -> None:
    stop: Stop = choose_stop(alike(RISING))
    with pytest.raises(ValueError, match="9 checkpoints of fidelity, 4 of the task"):
        fidelity_at(stop, fidelity(np.random.default_rng(1), None))


def test_fidelity_at_equal_g() -> None:
    """Run a is at g = .5 halfway between .4 and .6, where r is halfway between .30 and .20; run b
    passes .5 a quarter of the way from .4 to .8, first going up; nothing reaches 1.5."""
    runs = {
        "a": ([0, 0.4, 0.6, 1], [0.4, 0.3, 0.2, 0.1]),
        "b": ([0, 0.4, 0.8, 0.3], [0.4, 0.4, 0.2, 0.0]),
    }
    found = at_equal_g(runs, [0, 0.5, 0.9, 1, 1.5])
    assert found["a"] == [0.4, pytest.approx(0.25), pytest.approx(0.125), 0.1, None]
    assert found["b"] == [0.4, pytest.approx(0.35), None, None, None]
    nan = float("nan")  # r is undefined at the base; its neighbour has its own
    assert at_equal_g({"c": ([0, 0.5, 1], [nan, 0.3, nan])}, [0.5])["c"] == [0.3]
    with pytest.raises(ValueError):
        at_equal_g({"c": ([0, 1], [0.1])}, [0.5])
