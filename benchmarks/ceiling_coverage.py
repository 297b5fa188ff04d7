"""How often the 95% interval of a ceiling holds it, where the truth is known.

Problems: rates of so many problems by so many people each, true rates beta(2, 2). Prompts: the same
prompts for all, true shares evenly from .05 to .95, each read by so many people who read one.
People: each chooses once in 12 of the same 40 situations, and leans one way or the other (sd .8 on
the log-odds scale, of situations 1). About 10 seconds on one core.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tremble.stats.inference.ceiling_interval import ceiling_interval

SIMULATIONS = 1_000
Drawn = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # outcome, noise, context, cluster
Draw = Callable[[np.random.Generator], Drawn]


def of_rates(problems: int, people: int) -> tuple[Draw, float]:
    def draw(rng: np.random.Generator) -> Drawn:
        seen = rng.binomial(people, rng.beta(2, 2, problems)) / people
        luck = seen * (1 - seen) / (people - 1)
        return seen, luck, np.full(problems, -1), np.arange(problems)

    return draw, math.sqrt(0.05 / (0.05 + 0.2 / people))


def repeated(y: np.ndarray, context: np.ndarray, cluster: np.ndarray) -> Drawn:
    """Choices in contexts that were seen more than once, with their noise."""
    seen, chose = np.bincount(context), np.bincount(context, y)
    luck = chose * (seen - chose) / np.maximum(seen * (seen - 1), 1)
    kept = seen[context] > 1
    codes = np.unique(cluster[kept], return_inverse=True)[1]
    return y[kept], luck[context][kept], context[kept], codes


def of_shares(shares: np.ndarray) -> float:
    return math.sqrt(shares.var() / (shares.mean() * (1 - shares.mean())))


def of_prompts(prompts: int, people: int) -> tuple[Draw, float]:
    shares = np.linspace(0.05, 0.95, prompts)
    context = np.repeat(np.arange(prompts), people)

    def draw(rng: np.random.Generator) -> Drawn:
        y = (rng.random(len(context)) < shares[context]).astype(float)
        return repeated(y, context, np.arange(len(context)))

    return draw, of_shares(shares)


def of_people(people: int) -> tuple[Draw, float]:
    fixed = np.random.default_rng(1)
    situations, leanings = fixed.normal(size=40), 0.8 * fixed.normal(size=20_000)
    shares = np.array([(1 / (1 + np.exp(-x - leanings))).mean() for x in situations])

    def draw(rng: np.random.Generator) -> Drawn:
        context = np.concatenate([rng.choice(40, 12, replace=False) for _ in range(people)])
        cluster = np.repeat(np.arange(people), 12)
        odds = situations[context] + 0.8 * rng.normal(size=people)[cluster]
        y = (rng.random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(float)
        return repeated(y, context, cluster)

    return draw, of_shares(shares)


def main() -> None:
    designs = [
        *((f"{n} problems, {k} people each", of_rates(n, k)) for n in (30, 100) for k in (5, 30)),
        *((f"{n} prompts, {k} people each", of_prompts(n, k)) for n in (6, 24) for k in (10, 40)),
        ("24 prompts, 2 people each", of_prompts(24, 2)),
        *((f"{n} people, 12 choices each", of_people(n)) for n in (10, 20, 40, 100)),
    ]
    print("| design | ceiling | held | mean width |\n|---|--:|--:|--:|")
    for name, (draw, truth) in designs:
        rng = np.random.default_rng(len(name))
        widths, held = [], 0
        for _ in range(SIMULATIONS):
            y, luck, context, cluster = draw(rng)
            low, high, _ = ceiling_interval(y, luck, context, [cluster])
            if low is not None and high is not None:
                held += low <= truth <= high
                widths.append(high - low)
        share = 100 * held / len(widths)
        print(f"| {name} | {truth:.2f} | {share:.1f} | {np.mean(widths):.2f} |")


if __name__ == "__main__":
    main()
