"""How far a model's shares are from people's beyond chance, and how sure that is.

So many people differ from their own shares by chance. By how much is seen between two halves of
them: shares of m people vary by 1 / sqrt(m), so that halves of n differ from each other by twice as
much as all n differ from what others of their kind would choose. The excess of a distance is what
it has beyond that. Where a model is right it is 0 on average. Where a model is far off the luck of
people adds little to the distance, and the excess is short of the true distance, by no more than
the chance that was taken off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.stats import t

from tremble.stats.frames.clusters import effective, summed
from tremble.stats.frames.shares import Shares
from tremble.stats.inference.intervals import LEVEL
from tremble.stats.metrics.distances import Distance

SPLITS = 400
_NUMBERS = 3_000_000  # per array: a few dozen megabytes


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """What halves of the people say of M distances.

    `chance` (M, texts): by how much so many people's shares are off by chance, on average, NaN
    where fewer than two are known; `moved` (M, runs): the variance of the mean distance of a run
    from one half, NaN where the run predicts no text that people chose at.
    """

    chance: np.ndarray
    moved: np.ndarray


def halves(
    of: Shares,
    distances: Sequence[Distance],
    known: np.ndarray,
    splits: int = SPLITS,
    seed: int = 0,
) -> Halves:
    """By random halves of the people; `known` (M, runs, texts): where a run has a distance.

    Chance is half the mean distance of two halves of the people who read a text. Whole people are
    split, the same halves at all texts; the people behind rates, of whom only their number is
    known, at each problem. Of halves of a and b people it is sqrt(a b) / (a + b) times their
    distance, which is half of it where they are equal.
    """
    total, count = np.zeros((len(distances), len(of.n))), np.zeros(len(of.n))
    means: list[np.ndarray] = []
    chosen = known & ~of.rated
    for one, other, factor in _halves(of, splits, np.random.default_rng(seed)):
        both = np.isfinite(factor)
        count += both.sum(axis=0)
        # Where nobody of the half read a text, all of its readers stand for it.
        half = np.where(both[..., None], one, of.people)
        of_step = np.full((len(distances), len(of.model), len(one)), np.nan)
        for place, distance in enumerate(distances):
            apart = np.where(both, factor * distance.between(one, other), 0.0)
            total[place] += apart.sum(axis=0)
            for run, model in enumerate(of.model):
                at = chosen[place, run]
                if at.any():
                    off = distance.between(np.broadcast_to(model, half.shape), half)
                    of_step[place, run] = off[:, at].sum(axis=1) / known[place, run].sum()
        means.append(of_step)
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = np.where(count > 0, total / count, np.nan)
    return Halves(chance, np.concatenate(means, axis=-1).var(axis=-1, ddof=1))


def _halves(
    of: Shares, splits: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Shares of both halves, (step, texts, options) each, and the factor of their distance, (step,
    texts), NaN where a half is empty."""
    texts, options = of.valid.shape
    single = of.option >= 0
    people = int(of.person.max()) + 1
    place = of.text[single] * options + of.option[single]
    counts = sparse.csr_array(
        (np.ones(single.sum()), (of.person[single], place)), shape=(people, texts * options)
    )
    rated = _counts(of)
    whole = rated + np.asarray(counts.sum(axis=0)).reshape(texts, options)
    taking_part = np.unique(of.person[single])
    step = max(1, min(splits, _NUMBERS // max(whole.size, people)))
    for start in range(0, splits, step):
        drawn = np.zeros((min(step, splits - start), people))
        for row in drawn:
            row[rng.permutation(taking_part)[: len(taking_part) // 2]] = 1.0
        first = np.asarray((counts.T @ drawn.T).T).reshape(-1, texts, options)
        first += _half_of_rates(rated, len(drawn), rng)
        second = whole - first
        a, b = first.sum(axis=-1), second.sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.where((a > 0) & (b > 0), np.sqrt(a * b) / (a + b), np.nan)
            yield (
                np.nan_to_num(first / a[..., None]),
                np.nan_to_num(second / b[..., None]),
                factor,
            )


def _counts(of: Shares) -> np.ndarray:
    """(texts, options): people behind rates, as whole numbers that add up to n; 0 where n is not
    known and for single choices. What rounding leaves goes to the largest remainders."""
    n = np.where(of.rated & (of.n >= 2), of.n, 0.0)
    wanted = of.people * n[:, None]
    made = np.floor(wanted + 1e-9)
    rank = np.argsort(np.argsort(made - wanted, axis=1, kind="stable"), axis=1)
    left = np.round(n - made.sum(axis=1))[:, None]
    return np.asarray(np.where(rank < left, made + 1, made))


def _half_of_rates(counts: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
    """(step, texts, options): of so many people a random half, option by option hypergeometric."""
    made = np.zeros((step, *counts.shape))
    rows = np.flatnonzero(counts.any(axis=1))
    if not len(rows):
        return made
    held = counts[rows].astype(np.int64)
    rest = held.sum(axis=1)
    left = np.broadcast_to(rest // 2, (step, len(rows)))
    for k in range(held.shape[1]):
        rest = rest - held[:, k]
        drawn = rng.hypergeometric(held[:, k], rest, left)
        made[:, rows, k] = drawn
        left = left - drawn
    return made


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean over texts, its standard error and degrees of freedom, None where there are none."""

    mean: float
    error: float | None = None
    df: float | None = None

    def interval(self) -> tuple[float | None, float | None]:
        """The ends of the 95% interval by Student's t."""
        if self.error is None or self.df is None:
            return None, None
        reach = float(t.ppf((1 + LEVEL) / 2, self.df)) * self.error
        return self.mean - reach, self.mean + reach


def influences(of: Shares, gradient: np.ndarray) -> np.ndarray:
    """(D): by how much each decision moved the mean over the texts that `gradient` (texts, options)
    is known for, 0 at others and for rates.

    Of a person with a share s of the answers to a text divided by sqrt(1 - s), so that the squares
    add up to the unbiased variance (CR2 of Bell and McCaffrey 2002, Survey Methodology 28).
    """
    texts = int(np.isfinite(gradient).all(axis=1).sum())
    moved = gradient - (gradient * of.people).sum(axis=1, keepdims=True)
    single = of.option >= 0
    made = np.zeros(len(of.text))
    at, n = of.text[single], of.n[of.text[single]]
    share = np.bincount(of.cell)[of.cell[single]] / n
    made[single] = np.nan_to_num(moved[at, of.option[single]]) / (n * texts * np.sqrt(1 - share))
    return made


def over_people(of: Shares, excess: np.ndarray, gradients: np.ndarray, by_halves: float) -> Spread:
    """The mean of `excess` (texts, NaN where unknown) over people alone, for these very texts.

    `gradients` (G, texts, options): of the distance in people's shares. The variance is that of
    the linear part, with the gradient that makes it largest, or by halves of the people
    (`Halves.moved`), whichever is larger: near zero a distance is bent. Of rates each problem has
    people of its own.
    """
    known = np.isfinite(excess)
    count, rated = int(known.sum()), known & of.rated
    found = []
    for gradient in _where(gradients, known):
        off = (gradient - (gradient * of.people).sum(axis=1, keepdims=True))[rated]
        alone = (of.people[rated] * off**2).sum(axis=1) / (of.n[rated] - 1) / count**2
        found.append((_of_clusters(of.person, influences(of, gradient)), alone))
    by_people, alone = max(found, key=lambda each: each[0] + each[1].sum())
    parts = [(max(by_people, np.nan_to_num(by_halves)), _people(of, known) - 1)]
    parts += zip(alone.tolist(), (of.n[rated] - 1).tolist(), strict=True)
    return _spread(float(excess[known].mean()), parts, sum(part for part, _ in parts))


def over_both(of: Shares, excess: np.ndarray, gradients: np.ndarray, by_halves: float) -> Spread:
    """As `over_people`, over people and items of their kind.

    As for other means: by people, plus by items, less what both hold (Cameron, Gelbach and Miller
    2011, Journal of Business and Economic Statistics 29), never below one of them.
    """
    known = np.isfinite(excess)
    mean = float(excess[known].mean())
    inside = np.unique(item_of_text(of)[known], return_inverse=True)[1]
    items = int(inside.max()) + 1
    apart = np.bincount(inside, (excess[known] - mean) / known.sum())
    by_items = float((apart**2).sum()) * items / max(items - 1, 1)
    found = []
    for gradient in _where(gradients, known):
        moved = influences(of, gradient)
        found.append((_of_clusters(of.person, moved), _of_clusters(of.meeting, moved)))
    by_people, together = max(found)
    by_people = max(by_people, np.nan_to_num(by_halves))
    variance = max(by_items + by_people - together, by_items, by_people)
    parts = [(by_people, _people(of, known) - 1), (by_items, effective(inside) - 1)]
    return _spread(mean, parts, variance)


def _where(gradients: np.ndarray, known: np.ndarray) -> Iterator[np.ndarray]:
    """Those that differ, NaN where a text is not `known`."""
    for place, gradient in enumerate(gradients):
        if not any(np.array_equal(gradient, other) for other in gradients[:place]):
            yield np.where(known[:, None], gradient, np.nan)


def item_of_text(of: Shares) -> np.ndarray:
    """(texts): the number of its item; a problem that is none is one of its own."""
    made = np.zeros(len(of.n), np.int64)
    made[of.text] = of.kinds[-1].codes
    return made


def _people(of: Shares, known: np.ndarray) -> float:
    """How many people of equal size read these texts (texts), of single choices."""
    read = (of.option >= 0) & known[of.text]
    return effective(of.person[read]) if read.any() else 0.0


def _of_clusters(codes: np.ndarray, moved: np.ndarray) -> float:
    return float((summed(codes, moved[:, None]) ** 2).sum())


def _spread(mean: float, parts: list[tuple[float, float]], variance: float) -> Spread:
    """With Satterthwaite's degrees of freedom of the parts, each a variance and its own."""
    if not variance > 0:
        return Spread(mean)
    lost = sum((part / variance) ** 2 / df for part, df in parts if part > 0 and df > 0)
    return Spread(mean, float(np.sqrt(variance)), 1 / lost if lost > 0 else None)
