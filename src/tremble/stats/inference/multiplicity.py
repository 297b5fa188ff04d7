"""p values adjusted for how many tests were made.

A null p is a test that could not be made: it stays null and does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

P = float | None


def holm(p: Sequence[P]) -> list[P]:
    """Holm's (1979, Scandinavian Journal of Statistics 6) step-down adjustment.

    Those at or below alpha are rejected with at most alpha chance of any false rejection, however
    the tests depend on each other.
    """
    known = sorted((value, place) for place, value in enumerate(p) if value is not None)
    adjusted: list[P] = [None] * len(p)
    largest = 0.0
    for rank, (value, place) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - rank)))
        adjusted[place] = largest
    return adjusted


def benjamini_hochberg(p: Sequence[P]) -> list[P]:
    """Benjamini and Hochberg's (1995, JRSS B 57) step-up adjustment.

    Of those at or below q, at most a share q is falsely rejected in the long run, for independent
    or positively dependent tests.
    """
    known = sorted((value, place) for place, value in enumerate(p) if value is not None)
    adjusted: list[P] = [None] * len(p)
    smallest = 1.0
    for rank, (value, place) in reversed(list(enumerate(known, start=1))):
        smallest = min(smallest, value * len(known) / rank)
        adjusted[place] = smallest
    return adjusted


def within(
    adjust: Callable[[Sequence[P]], list[P]], p: Sequence[P], families: Sequence[Hashable]
) -> list[P]:
    """`adjust` applied to the tests of each family on its own; order is kept."""
    places: dict[Hashable, list[int]] = {}
    for place, family in enumerate(families):
        places.setdefault(family, []).append(place)
    adjusted: list[P] = [None] * len(p)
    for members in places.values():
        for place, value in zip(members, adjust([p[m] for m in members]), strict=True):
            adjusted[place] = value
    return adjusted
