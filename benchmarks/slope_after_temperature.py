"""Three slopes after a temperature, where the truth is known.

logit P(y = 1) = .5 + b x + u, u normal with sd 1 per person, 12 choices each, x the log-odds of
the prediction. Five folds of people, a temperature T for each from the other four. The slope after
should be the slope as scored times T: of all points pooled at the temperatures of their folds, the
mean of the slopes within folds, and of all points at the median temperature (what `measures`
reports). Printed is each over the slope as scored times T. About 10 seconds on one core.
"""

from __future__ import annotations

import numpy as np

from tremble.stats.metrics.calibration import recalibration
from tremble.stats.metrics.temperature import COLDEST, HOTTEST, cross_fitted, log_shares

SIMULATIONS, CHOICES, FOLDS = 300, 12, 5
NAMES = ("pooled", "within folds", "one temperature")


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def slope(x: np.ndarray, y: np.ndarray) -> float:
    slopes, _, there = recalibration(logistic(x)[None], y, np.ones((1, len(y))))
    return float(slopes[0]) if there[0] else np.nan


def simulated(rng: np.random.Generator, people: int, b: float) -> tuple[list[float], float]:
    """The three slopes after, and what they should be: NaN where T is at a bound."""
    x = 1.05 * (rng.normal(size=(people, 1)) + rng.normal(size=(people, CHOICES)))
    leaning = rng.normal(size=(people, 1))
    y = (rng.random(x.shape) < logistic(0.5 + b * x + leaning)).astype(float).ravel()
    fold = np.repeat(np.arange(people) % FOLDS, CHOICES)
    p = logistic(x.ravel())
    logs = log_shares(np.array([p, 1 - p]))[:, None]
    valid, use = np.ones((2, len(y)), bool), np.ones((1, len(y)))
    inverse, temperatures = cross_fitted(logs, valid, np.array([y, 1 - y]), use, fold)
    z, by, t = logs[0, 0] - logs[1, 0], inverse[0], float(temperatures[0])
    within = [slope((z * by)[fold == k], y[fold == k]) for k in range(FOLDS)]
    inside = COLDEST * 1.001 < t < HOTTEST * 0.999
    slopes = [slope(z * by, y), float(np.mean(within)), slope(z / t, y)]
    return slopes, slope(z, y) * t if inside else np.nan


def main() -> None:
    print("people  true b  temperature  slope            5%  median    95%  sign changes")
    for people, b in ((10, 0.5), (20, 0.2), (20, 0.5), (40, 0.2), (40, 0.5), (100, 0.5)):
        rng = np.random.default_rng([people, int(10 * b)])
        drawn = [simulated(rng, people, b) for _ in range(SIMULATIONS)]
        kept = [(slopes, wanted) for slopes, wanted in drawn if np.isfinite(wanted)]
        ratios = np.array([[one / wanted for one in slopes] for slopes, wanted in kept])
        for name, column in zip(NAMES, ratios.T, strict=True):
            known = column[np.isfinite(column)]
            low, middle, high = np.quantile(known, (0.05, 0.5, 0.95))
            print(
                f"{people:6} {b:7} {len(kept) / SIMULATIONS:12.0%}  {name:15} "
                f"{low:6.2f} {middle:7.2f} {high:6.2f} {(known < 0).mean():12.1%}"
            )


if __name__ == "__main__":
    main()
