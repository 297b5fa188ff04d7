"""How much a rate can spread between people."""

from __future__ import annotations

import math

_ROUNDED = 0.005  # so far a printed rate or spread may be from what it was


def largest_spread(rate: float, n: int | None) -> float:
    """The largest standard deviation (divisor n - 1) of n numbers from 0 to 1 with the mean `rate`,
    both rounded to two decimals: all of them are then 0 or 1 (Bhatia & Davis, 2000). Where n is not
    known it is taken as 2, of which the bound is the widest."""
    near = min(max(0.5, rate - _ROUNDED), rate + _ROUNDED)  # of all that is printed so
    people = 2 if n is None or n < 2 else n
    return math.sqrt(near * (1 - near) * people / (people - 1)) + _ROUNDED
