"""How often the interval of Cohen's d over whole people holds a planted d of .10.

60 people with 20 to 200 responses each, who differ in how hard they are to predict and in how much
harder the aligned model finds them: `python benchmarks/misalignment_coverage.py [SIMULATIONS]`.
"""

from __future__ import annotations

import sys

import numpy as np

from tremble.stats.inference.over_people import PairSums, Spread, d_of_responses, ratio

PLANTED, PEOPLE = 0.10, 60


def drawn(
    random: np.random.Generator, shape: str, people: int = PEOPLE
) -> tuple[PairSums, np.ndarray]:
    """One study: sums per person, of nats whose d in the population is `PLANTED`, and each person's
    sum of differences.

    Persons' levels have an SD of .5 and their differences one of .15; responses vary about the
    person's level with an SD of 1, half of which both models share. All parts have mean 0, so the
    population's variance of a response is the sum of theirs, of post with that of differences.
    `shape`: "normal", "skewed" (parts of an exponential) or "tied": how many responses people give
    goes with their differences, which moves the mean over responses.
    """
    sizes = random.integers(20, 201, people)
    level = 0.5 * _part(random, shape, people)
    differ = random.standard_normal(people)
    if shape == "tied":  # uniform sizes, scaled: mean 0 and variance 1 like the normal part
        spread = np.sqrt(((201 - 20) ** 2 - 1) / 12)
        differ = (differ + (sizes - 110) / spread) / np.sqrt(2)
    differ = 0.15 * differ
    owner = np.repeat(np.arange(people), sizes)
    shared = _part(random, shape, len(owner)) / np.sqrt(2)
    base, post = (shared + _part(random, shape, len(owner)) / np.sqrt(2) for _ in range(2))
    base, post = base + level[owner], post + level[owner] + differ[owner]
    post += PLANTED * _sd(shape) - _weighted(shape)
    parts = [
        np.bincount(owner, part, people)
        for part in (np.ones(len(owner)), base, post, base**2, post**2)
    ]
    return PairSums(*parts), parts[2] - parts[1]


def _part(random: np.random.Generator, shape: str, n: int) -> np.ndarray:
    return random.exponential(size=n) - 1 if shape == "skewed" else random.standard_normal(n)


def _moments(shape: str) -> tuple[float, float]:
    """Mean and variance of a response's part in the difference, over responses: people weigh as
    they answer, so where that goes with the difference neither is that over people."""
    if shape != "tied":
        return 0.0, 0.15**2
    sizes = np.arange(20, 201)
    weights = sizes / sizes.sum()
    spread = np.sqrt(((201 - 20) ** 2 - 1) / 12)
    at = 0.15 * (sizes - 110) / spread / np.sqrt(2)
    mean = float(weights @ at)
    return mean, float(weights @ at**2) - mean**2 + 0.15**2 / 2


def _weighted(shape: str) -> float:
    return _moments(shape)[0]


def _sd(shape: str) -> float:
    """The pooled SD of responses in the population."""
    return float(np.sqrt(1 + 0.25 + _moments(shape)[1] / 2))


def holds(found: Spread, truth: float = PLANTED) -> bool:
    assert found.low is not None and found.high is not None
    return found.low <= truth <= found.high


def coverage(shape: str, simulations: int, seed: int = 1, people: int = PEOPLE) -> list[float]:
    """The share of intervals that hold the truth: of d, and of the difference in nats."""
    random = np.random.default_rng(seed)
    both = []
    for _ in range(simulations):
        pair, differences = drawn(random, shape, people)
        difference = ratio(differences, pair.n)
        both.append((holds(d_of_responses(pair)), holds(difference, PLANTED * _sd(shape))))
    return [float(share) for share in np.mean(both, axis=0)]


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    for people in (60, 20, 10):
        for shape in ("normal", "skewed", "tied"):
            of_d, of_nats = coverage(shape, number, people=people)
            print(f"{people} people, {shape}: d {of_d:.4f}, nats {of_nats:.4f} of {number:,}")
