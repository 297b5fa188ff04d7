"""How often the interval of a distribution's excess holds what the excess is on average.

    python benchmarks/distribution_coverage.py [--simulations 1000] [--splits 100]

People choose among five options with values 1 to 5. Texts differ in what they draw people to, and
people in how far up the scale they lean (the sd on the log-odds scale stands in the table). A model
predicts the true shares of every text, or these with so much of them moved to the first option. The
excess of a distance speaks of so many people: what it is on average, over people (and texts, where
they are drawn anew), is what an interval should hold in 95%. Prints a Markdown table with, of total
variation, the true distance, means of the observed distance, of chance and of the excess, and how
often intervals held the latter, for Wasserstein-1 too; about 10 minutes on one core.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import polars as pl

from tremble.stats.frames.clusters import Kind
from tremble.stats.frames.shares import Shares
from tremble.stats.inference.excess import halves, over_both, over_people
from tremble.stats.metrics.distances import Distance, TotalVariation, Wasserstein

OPTIONS, OF_TEXTS = 5, 0.7
FIXED = 5  # texts below this number are these very ones
_SCALE = np.linspace(-1, 1, OPTIONS)


@dataclass(frozen=True, slots=True)
class Design:
    """So many people and texts, of which each person reads all or one; or the rates of so many
    people at each text. `lean`: sd of people; `off`: share moved to the first option."""

    people: int
    texts: int
    lean: float = 0.0
    off: float = 0.0
    reads: str = "all"


DESIGNS = [
    *(Design(60, 20, lean, off) for lean in (0.0, 1.5) for off in (0.0, 0.1, 0.3)),
    *(Design(60, 8, 1.5, off) for off in (0.0, 0.1, 0.3)),
    *(Design(60, 40, 1.5, off) for off in (0.0, 0.1, 0.3)),
    *(Design(100, 20, 0.8, off) for off in (0.0, 0.05, 0.2)),
    *(Design(20, 20, 1.5, off) for off in (0.0, 0.1, 0.3)),
    *(Design(200, 20, 0.0, off, "one") for off in (0.0, 0.1, 0.3)),
    *(Design(60, 20, 0.0, off, "rates") for off in (0.0, 0.1, 0.3)),
    *(Design(60, 3, 1.5, off) for off in (0.0, 0.1, 0.3)),
    *(Design(60, 1, 0.0, off) for off in (0.0, 0.1, 0.3)),
]


def _softmax(x: np.ndarray) -> np.ndarray:
    made = np.exp(x)
    return np.asarray(made / made.sum(axis=-1, keepdims=True))


def true_shares(draws: np.ndarray, lean: float) -> np.ndarray:
    """(texts, options) of all people there are, by Gauss-Hermite quadrature over their leanings."""
    points, weights = np.polynomial.hermite_e.hermegauss(31)
    each = _softmax(draws + (lean * points)[:, None, None] * _SCALE)
    return np.asarray(np.einsum("q,qtk->tk", weights / weights.sum(), each))


def drawn(design: Design, draws: np.ndarray, rng: np.random.Generator) -> Shares:
    """The shares of one simulated study of texts that draw people so (texts, options)."""
    truth = true_shares(draws, design.lean)
    model = (1 - design.off) * truth + design.off * np.eye(OPTIONS)[0]
    texts = np.arange(design.texts)
    if design.reads == "rates":
        counts = np.stack([rng.multinomial(design.people, each / each.sum()) for each in truth])
        person, text, option = texts, texts, np.full(design.texts, -1)
    else:
        person = np.repeat(np.arange(design.people), design.texts)
        text = np.tile(texts, design.people)
        if design.reads == "one":
            person = np.arange(design.people)
            text = person % design.texts
        lean = design.lean * rng.normal(size=design.people)
        each = _softmax(draws[text] + lean[person][:, None] * _SCALE)
        option = (rng.random(len(text))[:, None] > each.cumsum(axis=1)).sum(axis=1)
        option = np.minimum(option, OPTIONS - 1)
        counts = np.zeros((design.texts, OPTIONS))
        np.add.at(counts, (text, option), 1)
    return Shares(
        family="",
        valid=np.ones((design.texts, OPTIONS), bool),
        values=np.tile(np.arange(1.0, OPTIONS + 1), (design.texts, 1)),
        people=counts / counts.sum(axis=1, keepdims=True),
        n=counts.sum(axis=1).astype(float),
        rated=np.full(design.texts, design.reads == "rates"),
        model=model[None],
        runs=pl.DataFrame(),
        text=text,
        option=option,
        person=person,
        cell=np.arange(len(text)),
        meeting=np.arange(len(text)),
        kinds=[Kind(person), Kind(text, "items")],
        lone=0,
        short=0,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """Of one distance over all simulations: the true distance, mean distance, chance and excess,
    and shares of intervals that held the mean excess, and zero."""

    true: float
    distance: float
    chance: float
    excess: float
    held: float
    held_zero: float


def covered(design: Design, simulations: int, splits: int, seed: int = 0) -> list[Found]:
    """For total variation and Wasserstein-1."""
    key = [seed, design.people, design.texts, round(10 * design.lean), round(10 * design.off)]
    rng = np.random.default_rng(key)
    fixed = OF_TEXTS * np.random.default_rng([*key, 1]).normal(size=(design.texts, OPTIONS))
    kept = np.empty((2, simulations, 6))
    for turn in range(simulations):
        draws = fixed
        if design.texts >= FIXED:
            draws = OF_TEXTS * rng.normal(size=(design.texts, OPTIONS))
        of = drawn(design, draws, rng)
        truth = true_shares(draws, design.lean)
        distances: list[Distance] = [TotalVariation(), Wasserstein.of(of.values)]
        known = np.ones((2, 1, design.texts), bool)
        found = halves(of, distances, known, splits, seed=turn)
        for place, distance in enumerate(distances):
            apart = distance.between(of.model[0], of.people)
            excess = apart - found.chance[place]
            gradients = distance.gradients(of.model[0], of.people, of.n)
            over = over_both if design.texts >= FIXED else over_people
            by_halves = float(found.moved[place, 0])
            low, high = over(of, excess, gradients, by_halves).interval()
            assert low is not None and high is not None
            true = distance.between(of.model[0], truth).mean()
            off = found.chance[place].mean()
            kept[place, turn] = true, apart.mean(), off, excess.mean(), low, high
    made = []
    for rows in kept:
        mean, low, high = rows[:, 3].mean(), rows[:, 4], rows[:, 5]
        held = [float(((low <= value) & (value <= high)).mean()) for value in (mean, 0.0)]
        made.append(Found(*(float(value) for value in rows[:, :4].mean(axis=0)), *held))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=1_000)
    parser.add_argument("--splits", type=int, default=100)
    asked = parser.parse_args()
    print(
        "| people | texts | each reads | people differ | moved | true | distance | chance | excess "
        "| held | Wasserstein-1 held |"
    )
    print("|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for design in DESIGNS:
        one, other = covered(design, asked.simulations, asked.splits)
        reads = {"all": "all", "one": "one", "rates": "rates, so many people each"}[design.reads]
        print(
            f"| {design.people} | {design.texts} | {reads} | {design.lean:g} | {design.off:g} | "
            f"{one.true:.3f} | {one.distance:.3f} | {one.chance:.3f} | {one.excess:.3f} | "
            f"{100 * one.held:.1f} | {100 * other.held:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
