"""How far the answers that a model predicts are from people's, as whole distributions.

The distance between the shares of the options is taken at every text, and its mean over texts has
each of them count once. So many people differ from their own shares by chance; the excess is what
is left beyond that (`inference.excess`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tremble.stats.frames.clusters import effective
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN, RunFamily, run_and_family
from tremble.stats.frames.responses import several
from tremble.stats.frames.shares import Shares, shares
from tremble.stats.inference.excess import Spread, halves, item_of_text, over_both, over_people
from tremble.stats.inference.intervals import (
    FEW_CLUSTERS,
    MIN_CLUSTERS,
    Size,
    Units,
    units_of,
)
from tremble.stats.metrics.distances import Distance, TotalVariation, Wasserstein
from tremble.text import counted, join_notes

Row = dict[str, Any]
TOTAL_VARIATION, WASSERSTEIN = "total variation", "Wasserstein-1"
_OF_RANGE = "Wasserstein-1 in shares of each text's own range"


class Measured(NamedTuple):
    """A row of `distribution_table` and the people and items behind it."""

    row: Row
    units: Units


def distribution_table(evidence: Evidence) -> list[Row]:
    """One row per run, family and distance, of texts with three or more options that two people
    read at least, and of problems with the rates of as many options.

    model, format, formulation, family, distance, texts, people_n (people, null where not known),
    mean (of the distance over texts), chance (by how much so many people differ from their own
    shares), excess (mean less chance) with its 95% interval low and high; share, share_low and
    share_high: the excess in shares of the range of the values, each text's own; over (what the
    interval covers: "people" who read these very texts where they are of fewer than five items,
    else "people and items"; of rates the items are the problems), note.

    Total variation is a share of answers; Wasserstein-1, where options have values, is in their
    unit. Where for some problems the number of people is not known they are left out; where for
    all, there is the mean alone.
    """
    return [one.row for one in measured(evidence)]


def judged(evidence: Evidence) -> dict[RunFamily, Measured]:
    """By model, format, formulation and family the distance that a verdict goes by: Wasserstein-1
    where options have values, else total variation. Its interval stands in `share_low` and
    `share_high`."""
    return {run_and_family(one.row): one for one in measured(evidence)}


def measured(evidence: Evidence) -> list[Measured]:
    """The rows of `distribution_table` with their units; of a run and family Wasserstein-1 last."""
    rows: list[tuple[int, Measured]] = []
    for of in shares(evidence):
        distances = _distances(of)
        known = np.stack([_known(of, name) for name in distances])
        found = halves(of, list(distances.values()), known)
        held: dict[bytes, Units] = {}
        for run, names in enumerate(of.runs.iter_rows(named=True)):
            named = {**{name: names[name] for name in RUN}, "family": of.family}
            offs = {
                name: _Off(
                    np.where(known[place, run], distance.between(of.model[run], of.people), np.nan),
                    found.chance[place],
                    distance.gradients(of.model[run], of.people, of.n),
                    float(found.moved[place, run]),
                )
                for place, (name, distance) in enumerate(distances.items())
                if known[place, run].any()
            }
            shared = offs.pop(_OF_RANGE, None)
            for name, off in offs.items():
                texts = np.isfinite(off.apart)
                key = texts.tobytes()
                if key not in held:
                    held[key] = units_of([kind.at(texts[of.text]) for kind in of.kinds])[0]
                valued = shared if name == WASSERSTEIN else None
                made = _measured(of, name, off, valued, held[key])
                rows.append((run, Measured({**named, **made.row}, made.units)))
    return [one for _, one in sorted(rows, key=lambda row: row[0])]


def _distances(of: Shares) -> dict[str, Distance]:
    made: dict[str, Distance] = {TOTAL_VARIATION: TotalVariation()}
    if np.isfinite(of.values).any():
        made[WASSERSTEIN] = Wasserstein.of(of.values)
        ranges = of.ranges[:, None]
        if several(ranges) is not None:
            with np.errstate(invalid="ignore", divide="ignore"):
                made[_OF_RANGE] = Wasserstein.of(np.where(ranges > 0, of.values / ranges, 0.0))
    return made


def _known(of: Shares, name: str) -> np.ndarray:
    """(runs, texts): where this distance of a run is known, of the texts of which the number of
    people is; of all texts where that is known of none."""
    scored = np.isfinite(of.model).all(axis=2)
    if name != TOTAL_VARIATION:
        scored &= (np.isfinite(of.values) | ~of.valid).all(axis=1)
    counted_ones = scored & (of.n >= 2)
    return np.asarray(np.where(counted_ones.any(axis=1, keepdims=True), counted_ones, scored))


@dataclass(frozen=True, slots=True, eq=False)
class _Off:
    """How far one run is off by one distance: `apart` and `chance` (texts), NaN where unknown; the
    gradients (G, texts, options); and the variance by halves of the people."""

    apart: np.ndarray
    chance: np.ndarray
    gradients: np.ndarray
    by_halves: float


@dataclass(frozen=True, slots=True)
class _Excess:
    """A mean distance, less chance, its interval, what this covers, and why there is none or what a
    reader must know."""

    mean: float
    chance: float | None
    excess: float | None
    low: float | None
    high: float | None
    over: str | None
    why: str | None


def _excess(of: Shares, off: _Off, units: Units) -> _Excess:
    known = np.isfinite(off.apart)
    mean = float(off.apart[known].mean())
    if not np.isfinite(off.chance[known]).all():
        unknown = "no excess: the number of people behind rates is not known"
        return _Excess(mean, None, None, None, None, None, unknown)
    by_chance = float(off.chance[known].mean())
    spread, over, why = _spread(of, off, units)
    low, high = (None, None) if spread is None else spread.interval()
    return _Excess(mean, by_chance, mean - by_chance, low, high, over, why)


def _measured(of: Shares, name: str, off: _Off, shared: _Off | None, units: Units) -> Measured:
    """`shared`: the distances of texts as shares of their own ranges, None where these are one."""
    known, made, differ = np.isfinite(off.apart), _excess(of, off, units), None
    if shared is not None:
        part, scale = _excess(of, shared, units), 1.0
        differ = f"{several(of.ranges)}: shares are of each text's own range"
    else:
        part = made
        scale = float(np.nanmax(of.ranges)) if name == WASSERSTEIN else 1.0
    share, share_low, share_high = (
        None if value is None or not scale else value / scale
        for value in (part.excess, part.low, part.high)
    )
    row = {
        "distance": name,
        "texts": int(known.sum()),
        "people_n": _people(of, known),
        "mean": made.mean,
        "chance": made.chance,
        "excess": made.excess,
        "low": made.low,
        "high": made.high,
        "share": share,
        "share_low": share_low,
        "share_high": share_high,
        "over": made.over,
        "note": join_notes(made.why, *_left_out(of, known), differ),
    }
    return Measured(row, units)


def _spread(of: Shares, off: _Off, units: Units) -> tuple[Spread | None, str | None, str | None]:
    """The spread of the mean, what it covers, and why there is none or what a reader must know."""
    excess = off.apart - off.chance
    known = np.isfinite(excess)
    bent = (of, excess, off.gradients, off.by_halves)
    items = len(np.unique(item_of_text(of)[known]))
    single = (of.option >= 0) & known[of.text]
    who = of.person[single]
    readers = Size(len(np.unique(who)), effective(who) if len(who) else 0.0)
    if single.any() and readers.number < MIN_CLUSTERS:
        return None, None, f"only {readers.number} people (an interval needs {MIN_CLUSTERS})"
    if items >= MIN_CLUSTERS:
        made, over, why = over_both(*bent), "people and items", units.warning
    else:
        made, over = over_people(*bent), "people"
        why = f"for {'this text' if known.sum() == 1 else 'these texts'} only"
        if single.any() and readers.below(FEW_CLUSTERS):
            why += f"; {readers.said('people', FEW_CLUSTERS)}: interval rough"
    if made.df is None:
        return None, None, "no interval: nothing varies"
    return made, over, why


def _people(of: Shares, known: np.ndarray) -> int | None:
    """How many people the texts (texts) had; those behind rates of several problems are added."""
    single = (of.option >= 0) & known[of.text]
    behind = of.n[known & of.rated].sum()
    if not np.isfinite(behind):
        return None
    return len(np.unique(of.person[single])) + round(float(behind))


def _left_out(of: Shares, known: np.ndarray) -> Iterator[str | None]:
    if (of.n[known] >= 2).any() and not (of.n >= 2).all():
        yield (
            f"{counted(int((~(of.n >= 2)).sum()), 'problem')} excluded: the number of people "
            "behind the rates is unknown or below two"
        )
    if of.lone:
        yield f"{counted(of.lone, 'text')} read by only one person excluded"
    if of.short:
        yield f"{counted(of.short, 'text')} with two options excluded"
