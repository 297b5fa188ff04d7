"""How often the interval of "worth k people per prompt" covers the k of a known truth.

    python benchmarks/worth_coverage.py [--simulations 2000]

People choose yes or no about items; some people and some items are more for yes than others (sd .8
and 1 on the log-odds scale). A model knows 85% of an item's log-odds, errs besides by a normal
error of each item, or has a leaning of its own; its k follows from the truth over 400,000 items:
the mean variance of one answer over the mean squared distance of prediction and share of all
people. Everybody reads everything ("crossed"), three in ten of it ("part"), or every item has
readers of its own ("nested"). An interval without a bound reaches to infinity. Prints a Markdown
table, of coverage with the shares of intervals wholly above and wholly below k; about 10 minutes on
one core.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np

from tremble.stats.inference.worth import Readers, worth

OF_PEOPLE, OF_ITEMS, KNOWN = 0.8, 1.0, 0.85
ITEMS = (6, 10, 20, 40)
DESIGNS = {"crossed": 60, "part": 60, "nested": 20}  # and their people, or readers of an item
TRUTH = 400_000
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)


class Model(NamedTuple):
    """Errors of a model on the log-odds scale: the spread over items, and its own leaning."""

    spread: float
    leaning: float


MODELS = (Model(0.3, 0.0), Model(1.0, 0.0), Model(0.3, 1.0))


def sigmoid(z: np.ndarray) -> np.ndarray:
    shares: np.ndarray = 1 / (1 + np.exp(-z))
    return shares


def shares_of_all(hard: np.ndarray) -> np.ndarray:
    """What all people would do about items (log-odds of the average person)."""
    shares: np.ndarray = sigmoid(hard[:, None] + OF_PEOPLE * NODES) @ WEIGHTS / WEIGHTS.sum()
    return shares


def predictions(hard: np.ndarray, model: Model, rng: np.random.Generator) -> np.ndarray:
    error = model.leaning + rng.normal(0, model.spread, len(hard))
    return sigmoid(KNOWN * hard + error)


def true_k(model: Model, seed: int = 0) -> float:
    """By the definition, over many items."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, OF_ITEMS, TRUTH)
    share = shares_of_all(hard)
    distance = (predictions(hard, model, rng) - share) ** 2
    return float((share * (1 - share)).mean() / distance.mean())


def study(
    items: int, design: str, model: Model, rng: np.random.Generator
) -> tuple[np.ndarray, Readers]:
    """Predictions of the items that two people or more have read, and what these did."""
    people = DESIGNS[design]
    hard = rng.normal(0, OF_ITEMS, items)
    x = predictions(hard, model, rng)
    item, person = (codes.ravel() for codes in np.indices((items, people)))
    if design == "nested":
        person = person + people * item
    leaning = rng.normal(0, OF_PEOPLE, int(person.max()) + 1)
    value = (rng.random(len(item)) < sigmoid(hard[item] + leaning[person])).astype(float)
    if design == "part":
        kept = rng.random(len(item)) < 0.3
        item, person, value = item[kept], person[kept], value[kept]
    n = np.bincount(item, minlength=items).astype(float)
    share = np.bincount(item, value, items) / np.maximum(n, 1)
    variance = share * (1 - share) * n / np.maximum(n - 1, 1)
    readers = Readers(share, variance, n, np.arange(items), item, value, person)
    return x[n >= 2], readers.at(n >= 2)


def covered(
    items: int, design: str, model: Model, simulations: int, seed: int = 0
) -> tuple[float, float, float]:
    """Shares of simulations whose interval covers k, lies above it and lies below it."""
    truth = true_k(model)
    rng = np.random.default_rng([seed, items, len(design), round(10 * model.spread)])
    above = below = 0
    for _ in range(simulations):
        found = worth(*study(items, design, model, rng))
        # Without a lower bound all of the interval lies beyond any number.
        above += found.low is None or found.low > truth
        below += found.high is not None and found.high < truth
    return 1 - (above + below) / simulations, above / simulations, below / simulations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=2_000)
    asked = parser.parse_args()
    print("| design | k | " + " | ".join(f"{items} items" for items in ITEMS) + " |")
    print("|---|--:|" + "--:|" * len(ITEMS))
    for design in DESIGNS:
        for model in MODELS:
            cells = []
            for items in ITEMS:
                both, above, below = covered(items, design, model, asked.simulations)
                cells.append(f"{100 * both:.1f} ({100 * above:.1f}, {100 * below:.1f})")
            print(f"| {design} | {true_k(model):.1f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
