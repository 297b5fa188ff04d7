"""How often an interval of r leaves out zero where a model knows nothing, by the number of items.

    python benchmarks/items_coverage.py [--simulations 2000] [--resamples 999]

60 people read the same items and choose; some people and some items are more for yes than others
(sd .8 and 1 on the log-odds scale; of items also 0). A model of pure noise has a prediction for
each item, of which people know nothing: its r is 0 over people and items drawn anew, so an exact
95% interval leaves out 0 in 5%. Beside it the interval over people alone, as it was before items
were resampled. Prints a Markdown table; about 12 minutes on one core.
"""

from __future__ import annotations

import argparse

import numpy as np

from tremble.stats.frames.clusters import Kind
from tremble.stats.inference.bootstrap import r_interval

PEOPLE, OF_PEOPLE = 60, 0.8
ITEMS = (6, 10, 12, 20, 40)
SPREADS = (1.0, 0.0)


def noise_study(
    items: int, spread: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[Kind]]:
    """Predictions of a model that knows nothing, choices (points), people and items. `spread`: the
    standard deviation of items on the log-odds scale."""
    person, item = np.divmod(np.arange(PEOPLE * items), items)
    leaning = OF_PEOPLE * rng.normal(size=PEOPLE)[person] + spread * rng.normal(size=items)[item]
    chosen = (rng.random(len(item)) < 1 / (1 + np.exp(-leaning))).astype(float)
    predicted = 1 / (1 + np.exp(-rng.normal(size=items)))[item]
    return predicted, chosen, [Kind(person), Kind(item, "items")]


def left_out(
    items: int, spread: float, simulations: int, resamples: int, seed: int = 0
) -> tuple[float, float]:
    """Shares of simulations whose interval leaves out zero: over people and items, and over people
    alone."""
    rng = np.random.default_rng([seed, items, round(10 * spread)])
    counts = np.zeros(2)
    for _ in range(simulations):
        predicted, chosen, kinds = noise_study(items, spread, rng)
        for place, over in enumerate((kinds, kinds[:1])):
            found = r_interval(predicted, chosen, over, resamples=resamples)
            assert found.low is not None and found.high is not None
            counts[place] += not found.low <= 0 <= found.high
    both, people = counts / simulations
    return float(both), float(people)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=2_000)
    parser.add_argument("--resamples", type=int, default=999)
    asked = parser.parse_args()
    print("| items | they differ (sd) | over people and items | over people alone |")
    print("|--:|--:|--:|--:|")
    for spread in SPREADS:
        for items in ITEMS:
            both, people = left_out(items, spread, asked.simulations, asked.resamples)
            row = f"| {items} | {spread:g} | {100 * both:.1f} | {100 * people:.1f} |"
            print(row, flush=True)


if __name__ == "__main__":
    main()
