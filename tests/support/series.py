"""Simulated series of checkpoints: a held-out task, and fidelity to people."""

from __future__ import annotations

import numpy as np

from tremble.stats.trajectory.series import Fidelity, Task

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
    people: int = 100,
    each: int = 6,
    drop: float = 0.2,
    steps: int = len(CURVE),
) -> Fidelity:
    """Predictions of `people` with `each` binary decisions; r falls by `drop` from a checkpoint on.

    The latent outcome y and predictions have mean 0 and variance 1, parts of both shared within a
    person. A prediction is rho y* + sqrt(1 - rho^2) (a part that all checkpoints share, and one of
    its own), where y* is the decision standardised, so that r is rho: .45, later .45 - drop.
    """
    who = np.repeat(np.arange(people), each)
    n = len(who)

    def noise(shared: float, rows: int = 1) -> np.ndarray:
        person = random.normal(size=(rows, people))[:, who]
        own = random.normal(size=(rows, n))
        return np.sqrt(shared) * person + np.sqrt(1 - shared) * own

    outcome = (noise(0.2)[0] > 0).astype(float)
    always, own = noise(0.2), noise(0.2, steps)
    rho = np.full((steps, 1), 0.45)
    if drop_at is not None:
        rho[drop_at:] -= drop
    rest = np.sqrt(0.8) * always + np.sqrt(0.2) * own
    return Fidelity(rho * (2 * outcome - 1) + np.sqrt(1 - rho**2) * rest, [who], outcome)
