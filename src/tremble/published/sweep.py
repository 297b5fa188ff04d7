"""Wins of the 120 published pairs under every filter, and what rounding leaves open.

A pair is kept where both have a mean mass of at least X and the higher r is at least Y
(arXiv:2603.17218v2, section 3.2 and appendix C). Masses and r are printed with two decimals, so
the true value lies within .005 of the printed one, and a mass within 0 and 1: a plain count of the
printed table need not equal a count of the true values. Everything here is exact: figures are
integers in units of .005 and thresholds are decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from statistics import median
from typing import Any

from tremble.errors import UserError
from tremble.published.figures import ALL, GAMES, PUBLISHED_NAME, Entry, entries_of
from tremble.text import did_you_mean

Threshold = Decimal | None
MASSES: tuple[Threshold, ...] = (None, *map(Decimal, ("0.5", "0.6", "0.7", "0.8", "0.9")))
MIN_CORRS: tuple[Threshold, ...] = (None, *map(Decimal, ("0.1", "0.2", "0.3", "0.4", "0.5")))
MASS, MIN_CORR = Decimal("0.8"), Decimal("0.3")
EVERY = (*GAMES, ALL)
_ONE = 200  # 1 in units of .005


def threshold(text: str, what: str, low: int, high: int) -> Threshold:
    """'none' is None, a number from `low` to `high` a decimal. Raises UserError for all else."""
    if text.strip().casefold() == "none":
        return None
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not low <= value <= high:
        raise UserError(f"{what} is {text!r}; give a number from {low} to {high}, or none.")
    return value


def games_named(name: str) -> str:
    """The published name of a family of games, also for tremble's own. Raises UserError."""
    games = PUBLISHED_NAME.get(name, name)
    if games not in EVERY:
        known = [*EVERY, *PUBLISHED_NAME]
        raise UserError(
            f"no published family of games is called {name!r}{did_you_mean(name, known)}"
        )
    return games


def _interval(printed: int, low: int) -> tuple[int, int]:
    """Bounds of the true value in units of .005, inside `low` and 1."""
    return max(low, 2 * printed - 1), min(_ONE, 2 * printed + 1)


def kept(entry: Entry, mass: Threshold = MASS, min_corr: Threshold = MIN_CORR) -> bool:
    """Whether the printed figures of a pair pass both filters."""
    masses, r = (entry.mass_base, entry.mass_aligned), (entry.r_base, entry.r_aligned)
    return (mass is None or min(masses) >= 100 * mass) and (
        min_corr is None or max(r) >= 100 * min_corr
    )


def _enough_mass(entry: Entry, mass: Threshold) -> tuple[bool, bool]:
    """Whether both masses can be, and whether both must be, at least `mass`."""
    if mass is None:
        return True, True
    bounds = [_interval(printed, 0) for printed in (entry.mass_base, entry.mass_aligned)]
    limit = _ONE * mass
    return min(high for _, high in bounds) >= limit, min(low for low, _ in bounds) >= limit


def outcomes(entry: Entry, mass: Threshold, min_corr: Threshold) -> frozenset[str]:
    """What can be true of a pair: "base" wins, "aligned" wins, "neither" (dropped or tied).

    A side can win where its highest r is above the other's lowest and reaches the threshold.
    Neither wins where a mass may be short, where both r may be below the threshold, or where the
    two r may be equal: kept or not, a tie counts for neither side.
    """
    can_pass, must_pass = _enough_mass(entry, mass)
    low_base, high_base = _interval(entry.r_base, -_ONE)
    low_aligned, high_aligned = _interval(entry.r_aligned, -_ONE)
    limit = Decimal(-_ONE) if min_corr is None else _ONE * min_corr
    possible = set()
    if can_pass and high_base > low_aligned and high_base >= limit:
        possible.add("base")
    if can_pass and high_aligned > low_base and high_aligned >= limit:
        possible.add("aligned")
    lowest_best = max(low_base, low_aligned)
    if not must_pass or lowest_best < limit or min(high_base, high_aligned) >= lowest_best:
        possible.add("neither")
    return frozenset(possible)


def count(entries: Iterable[Entry], mass: Threshold, min_corr: Threshold) -> dict[str, int]:
    """base, aligned, ties of the printed figures, and the bounds of both sides' wins.

    Pairs are rounded independently, so the fewest and most wins of each pair add up; both bounds
    of one side are reached, but not always together with those of the other (`possible_counts`).
    """
    result = dict.fromkeys(
        ("base", "aligned", "ties", "base_min", "base_max", "aligned_min", "aligned_max"), 0
    )
    for entry in entries:
        if kept(entry, mass, min_corr):
            difference = entry.r_base - entry.r_aligned
            result["base" if difference > 0 else "aligned" if difference < 0 else "ties"] += 1
        open_to = outcomes(entry, mass, min_corr)
        for side in ("base", "aligned"):
            result[f"{side}_min"] += open_to == {side}
            result[f"{side}_max"] += side in open_to
    return result


def possible_counts(
    entries: Iterable[Entry], mass: Threshold, min_corr: Threshold
) -> set[tuple[int, int]]:
    """Every (base wins, aligned wins) that some true values behind the printed ones give."""
    step = {"base": (1, 0), "aligned": (0, 1), "neither": (0, 0)}
    reached = {(0, 0)}
    for entry in entries:
        steps = [step[outcome] for outcome in outcomes(entry, mass, min_corr)]
        reached = {(base + b, aligned + a) for base, aligned in reached for b, a in steps}
    return reached


def wins(
    games: Sequence[str] = EVERY,
    masses: Sequence[Threshold] = MASSES,
    min_corrs: Sequence[Threshold] = MIN_CORRS,
) -> list[dict[str, Any]]:
    """A row per family of games and filter; "all" is the sum over the four repeated families.

    mass and min_corr are None where that filter is off. base, aligned and ties are counted from
    the printed figures, the bounds hold for all true values within .005 of every printed one.
    """
    rows = []
    for name in games:
        chosen = entries_of(games_named(name))
        for mass in masses:
            for min_corr in min_corrs:
                row = {
                    "games": games_named(name),
                    "mass": None if mass is None else float(mass),
                    "min_corr": None if min_corr is None else float(min_corr),
                }
                rows.append({**row, **count(chosen, mass, min_corr)})
    return rows


def median_difference(
    entries: Sequence[Entry], mass: Threshold = MASS, min_corr: Threshold = MIN_CORR
) -> tuple[float, int] | None:
    """Median of r of base minus r of aligned over the kept pairs, and their number, or None."""
    gaps = [e.r_base - e.r_aligned for e in entries if kept(e, mass, min_corr)]
    return (float(median(gaps)) / 100, len(gaps)) if gaps else None


def median_bounds(
    entries: Sequence[Entry], mass: Threshold = MASS, min_corr: Threshold = MIN_CORR
) -> tuple[float, float] | None:
    """The smallest and largest median difference that the rounding leaves open, or None.

    A pair that must be kept always counts; one that may be is taken in where it moves the median
    further. The pairs that move it furthest for a given number are those with the smallest (the
    largest) differences, so that trying every number of them is exact.
    """
    always: list[tuple[Decimal, Decimal]] = []
    perhaps: list[tuple[Decimal, Decimal]] = []
    for entry in entries:
        can_pass, must_pass = _enough_mass(entry, mass)
        base, aligned = _interval(entry.r_base, -_ONE), _interval(entry.r_aligned, -_ONE)
        limit = Decimal(-_ONE) if min_corr is None else _ONE * min_corr
        if not can_pass or max(base[1], aligned[1]) < limit:
            continue
        smallest = _least(base, aligned, limit)
        largest = -_least(aligned, base, limit)
        must = must_pass and max(base[0], aligned[0]) >= limit
        (always if must else perhaps).append((smallest, largest))
    if not always and not perhaps:
        return None
    ends = []
    for side, best in ((0, min), (1, max)):
        fixed = [difference[side] for difference in always]
        more = sorted((difference[side] for difference in perhaps), reverse=side == 1)
        tried = [fixed + more[:k] for k in range(len(more) + 1)]
        ends.append(float(best(median(values) for values in tried if values)) / _ONE)
    return ends[0], ends[1]


def _least(first: tuple[int, int], second: tuple[int, int], limit: Decimal) -> Decimal:
    """The smallest first - second with at least one of the two at or above the limit."""
    if second[1] >= limit:
        return Decimal(first[0] - second[1])
    return max(Decimal(first[0]), limit) - second[1]
