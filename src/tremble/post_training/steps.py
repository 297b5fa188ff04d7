"""Which steps of a training are kept as checkpoints."""

from __future__ import annotations

import numpy as np


def kept_steps(steps: int, count: int) -> tuple[int, ...]:
    """`count` steps from 1 to `steps`, evenly on a logarithmic scale, the last one always among
    them; fewer where whole numbers run out."""
    if count == 1 or steps == 1:
        return (steps,)
    found = {round(float(one)) for one in np.geomspace(1, steps, count)}
    # Small steps fall together; what is lost is taken from the next ones that are free.
    free = iter(one for one in range(1, steps + 1) if one not in found)
    while len(found) < min(count, steps):
        found.add(next(free))
    return tuple(sorted(found))
