"""Simulated series of checkpoints: a held-out task, and fidelity to people."""

from __future__ import annotations

import numpy as np

from tremble.stats.progress.series import Fidelity, Task

# Progress by checkpoint: steep until .93 is passed at checkpoint 5, then nearly flat.
CURVE = (0.0, 0.3, 0.55, 0.72, 0.85, 0.96, 0.985, 0.99, 1.0)
PASSED = 5


# T(last) - T(0) of `task`: of tokens more than 1, since clusters with longer answers gain more.
RISE = {True: 1.09, False: 1.0}


def task(
    random: np.random.Generator,
    clusters: int,
    curve: tuple[float, ...] = CURVE,
    tokens: bool = True,
    noise: float = 0.5,
) -> Task:
    """Minus the loss per token, or of items (`tokens` False), in clusters of unequal size.

    Clusters differ in level, in how much they gain and at each checkpoint; items differ by `noise`
    at each. A gain is 1 + .3 z, and lengths are in proportion to exp(.3 z), so that the mean gain
    of a token is 1 + .3 * .3 (the mean of z tilted by exp(.3 z) is .3).
    """
    sizes = 1 + random.poisson(3, clusters)
    codes = np.repeat(np.arange(clusters), sizes)
    items, steps = len(codes), len(curve)
    z = random.normal(size=clusters)[codes]
    lengths = np.exp(3 + 0.3 * z + random.normal(0, 0.6, items)) if tokens else np.ones(items)
    level = random.normal(-3, 1, clusters)[codes]
    own = random.normal(0, noise / 4, (steps, clusters))[:, codes]
    mean = level + np.outer(curve, 1 + 0.3 * z) + own + random.normal(0, noise, (steps, items))
    return Task(mean * lengths, lengths, [f"turn {code}" for code in codes])


def fidelity(
    random: np.random.Generator,
    drop_at: int | None,
    sizes: tuple[int, ...] = (6,) * 100,
    drop: float = 0.2,
) -> Fidelity:
    """Binary decisions of as many people as `sizes`, so many each, and predictions of them at the
    checkpoints of `CURVE`: r is .45, from checkpoint `drop_at` on lower by `drop`.

    With y the decision as -1 or 1 (each as likely: mean 0, variance 1) a prediction is
    r y + sqrt(1 - r^2) e, and e, of variance 1, does not depend on y: so its correlation with y
    is r. Decisions hang together within people, and e within people and over checkpoints.
    """
    who = np.repeat(np.arange(len(sizes)), sizes)

    def noise(rows: int = 1) -> np.ndarray:
        person = random.normal(size=(rows, len(sizes)))[:, who]
        return np.sqrt(0.2) * person + np.sqrt(0.8) * random.normal(size=(rows, len(who)))

    outcome = (noise()[0] > 0).astype(float)
    rest = np.sqrt(0.8) * noise() + np.sqrt(0.2) * noise(len(CURVE))
    r = np.full((len(CURVE), 1), 0.45)
    if drop_at is not None:
        r[drop_at:] -= drop
    return Fidelity(r * (2 * outcome - 1) + np.sqrt(1 - r**2) * rest, [who], outcome)
