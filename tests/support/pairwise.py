"""Cases of several dimensions in which each pair of values that go together comes at least once."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

Case = Mapping[str, str]  # dimension -> value
Together = Callable[[Case], bool]  # whether values of some dimensions go together


def pairwise(
    dimensions: Mapping[str, Sequence[str]], together: Together, seed: int = 0
) -> list[dict[str, str]]:
    """Few cases, the same ones each time.

    `together` is asked of two dimensions at a time: values go together if each two of them do.
    Each case starts with a pair that no case has yet; every further dimension takes the value that
    brings most new pairs.
    """
    chance = random.Random(seed)
    fits = {
        (one, other, a, b): together({one: a, other: b})
        for one, other in combinations(dimensions, 2)
        for a in dimensions[one]
        for b in dimensions[other]
    }
    fits |= {(other, one, b, a): fit for (one, other, a, b), fit in fits.items()}
    left = {
        pair: True
        for pair in fits
        if fits[pair] and _completed(dimensions, fits, dict([pair[::2], pair[1::2]]), {}, chance)
    }
    cases = []
    while any(left.values()):
        pair = next(pair for pair, lacking in left.items() if lacking)
        made = _completed(dimensions, fits, dict([pair[::2], pair[1::2]]), left, chance)
        assert made is not None
        for one, other in combinations(dimensions, 2):
            left[one, other, made[one], made[other]] = False
            left[other, one, made[other], made[one]] = False
        cases.append(made)
    return cases


def _completed(
    dimensions: Mapping[str, Sequence[str]],
    fits: Mapping[tuple[str, str, str, str], bool],
    begun: Mapping[str, str],
    left: Mapping[tuple[str, str, str, str], bool],
    chance: random.Random,
) -> dict[str, str] | None:
    """A case with what is begun, by going back where nothing fits; None where there is none."""
    rest = [name for name in dimensions if name not in begun]
    if not rest:
        return {name: begun[name] for name in dimensions}
    name = chance.choice(rest) if left else rest[0]
    values = [v for v in dimensions[name] if all(fits[name, d, v, w] for d, w in begun.items())]
    chance.shuffle(values)
    values.sort(key=lambda v: -sum(left.get((name, d, v, w), False) for d, w in begun.items()))
    for value in values:
        made = _completed(dimensions, fits, {**begun, name: value}, left, chance)
        if made is not None:
            return made
    return None
