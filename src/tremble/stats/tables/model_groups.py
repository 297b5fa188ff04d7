"""Wins and differences of r by model family and by size, and under other filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tremble.stats.filters import Filters, dropped
from tremble.stats.inference.significance import ALL, CORE_FAMILIES
from tremble.stats.tables.breakdowns import count_wins

RESAMPLES = 5000
SEED = 20260317
# The bands of Shapira et al. (2026), in billions of parameters.
SIZES = (("below 3B", 0.0, 3.0), ("3B to 14B", 3.0, 14.0), ("from 14B", 14.0, float("inf")))
SWEEP_MASS = (None, 0.5, 0.6, 0.7, 0.8, 0.9)
SWEEP_R = (None, 0.1, 0.2, 0.3, 0.4, 0.5)

Row = dict[str, Any]
Catalogue = Mapping[str, tuple[str | None, float | None]]


def size_band(billions: float | None) -> str | None:
    """The band of a number of parameters (billions), None where it is not known."""
    if billions is None:
        return None
    return next(name for name, low, high in SIZES if low <= billions < high)


def known_of(row: Row, catalogue: Catalogue) -> tuple[str | None, float | None]:
    """Model family and billions of parameters of a pair: of the base model, else the aligned.

    Both are unknown where the two are of different families: what holds for one of them does not
    hold for the pair.
    """
    both = [catalogue.get(row[side], (None, None)) for side in ("base", "aligned")]
    families = {family for family, _ in both if family is not None}
    if len(families) > 1:
        return None, None
    sizes = [billions for _, billions in both if billions is not None]
    return families.pop() if families else None, sizes[0] if sizes else None


def by_family(
    rows: Iterable[Row], key: Callable[[Row], tuple[Any, ...]]
) -> dict[tuple[Any, ...], list[Row]]:
    """Rows of the pair table by `key` and family of games, and by `key` and "all" for those of the
    four families of Shapira et al. (2026)."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((*key(row), row["family"]), []).append(row)
        if row["family"] in CORE_FAMILIES:
            groups.setdefault((*key(row), ALL), []).append(row)
    return groups


def by_model_group(
    pairs: Sequence[Row],
    catalogue: Catalogue,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Row]:
    """Rows per model family and size band, mode, formulation and family of games.

    `pairs` are rows of `pair_table`; `catalogue` maps a model's name (the base model's, else the
    aligned one's) to (model family, parameters in billions). Rows: group ("model family" or
    "size"), value, mode, formulation, family, pairs, kept, base, aligned, ties, direction, p,
    median (of r of base minus r of aligned over kept pairs), low, high, note.

    low and high are the 2.5 and 97.5 percentiles of the median over `resamples` bootstrap samples
    of pairs; in the pool of the four families a pair brings all its families with it. None with
    fewer than two pairs. Siblings of one model family are not independent: intervals by size are
    too narrow.
    """

    def family(row: Row) -> tuple[Any, ...]:
        return "model family", known_of(row, catalogue)[0], row["mode"], row["formulation"]

    def size(row: Row) -> tuple[Any, ...]:
        band = size_band(known_of(row, catalogue)[1])
        return "size", band, row["mode"], row["formulation"]

    groups = by_family(pairs, family) | by_family(pairs, size)
    bands = {name: i for i, (name, _, _) in enumerate(SIZES)}

    def place(key: tuple[Any, ...]) -> tuple[Any, ...]:
        unknown = key[1] is None
        return key[0], unknown, bands.get(key[1], 0), str(key[1])

    return [_group(key, groups[key], resamples, seed) for key in sorted(groups, key=place)]


def _group(key: tuple[Any, ...], rows: Sequence[Row], resamples: int, seed: int) -> Row:
    kept = [row for row in rows if row["kept"]]
    difference = np.array([row["r_base"] - row["r_aligned"] for row in kept])
    names = [(row["base"], row["aligned"]) for row in kept]
    low, high = median_interval(difference, names, resamples, seed)
    notes = []
    if key[1] is None:
        notes.append(f"{key[0]} not known, or different for base and aligned")
    if not kept:
        notes.append("no pair kept")
    elif low is None:
        notes.append("one pair, no interval")
    columns = ("group", "value", "mode", "formulation", "family")
    return {
        **dict(zip(columns, key, strict=True)),
        **count_wins(rows),
        "median": float(np.median(difference)) if len(kept) else None,
        "low": low,
        "high": high,
        "note": "; ".join(notes) or None,
    }


def median_interval(
    values: np.ndarray, clusters: Sequence[Any], resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float | None, float | None]:
    """The 2.5 and 97.5 percentiles of the median over bootstrap samples of whole clusters.

    `values` (n), `clusters` (n) names. (None, None) with fewer than two clusters.
    """
    numbers = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    count = len(numbers)
    if count < 2:
        return None, None
    order = np.argsort(values, kind="stable")
    place = np.array([numbers[name] for name in clusters])[order]
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    upto = np.cumsum(drawn[:, place], axis=1)  # how many values lie at or below each, per sample
    total = upto[:, -1:]
    ranked = values[order]
    lower = (upto < (total + 1) // 2).sum(axis=1)
    upper = (upto < total // 2 + 1).sum(axis=1)
    medians = (ranked[lower] + ranked[upper]) / 2
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(low), float(high)


def filter_sweep(pairs: Sequence[Row]) -> list[Row]:
    """Wins under every combination of the two filters, per mode, formulation and family.

    `pairs` are rows of `pair_table`, made with any filters. Rows: mode, formulation, family ("all"
    pools the four of Shapira et al., 2026), mass, min_r (None: switched off), pairs, kept, base,
    aligned, ties, direction, p. Pairs without a winner (n below 30, r undefined) count under no
    filter.
    """
    groups = by_family(pairs, lambda row: (row["mode"], row["formulation"]))
    return [
        {
            "mode": mode,
            "formulation": formulation,
            "family": family,
            "mass": mass,
            "min_r": min_r,
            **count_wins([_again(row, Filters(mass, min_r)) for row in rows]),
        }
        for (mode, formulation, family), rows in groups.items()
        for mass in SWEEP_MASS
        for min_r in SWEEP_R
    ]


def _again(row: Row, filters: Filters) -> Row:
    """What `count_wins` needs of a pair, filtered anew."""
    if row["winner"] is None:
        return {"winner": None, "kept": False}
    r, masses = (row["r_base"], row["r_aligned"]), (row["mass_base"], row["mass_aligned"])
    return {"winner": row["winner"], "kept": dropped(r, masses, filters) is None}
