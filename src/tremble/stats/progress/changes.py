"""Fidelity of one checkpoint less that of another, over the same decisions and whole clusters.

r and means alike are functions of sums over clusters, so resamples, errors and intervals are those
of `inference.moments` and `inference.bootstrap`: the symmetric studentised interval with errors
from the influence of every cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from tremble.stats.frames.clusters import as_kinds
from tremble.stats.inference.bootstrap import RESAMPLES, replicates
from tremble.stats.inference.intervals import (
    LEVEL,
    MOST_UNDEFINED,
    Resampled,
    Units,
    studentised,
    units_of,
    why_undefined,
)
from tremble.stats.inference.moments import OneWay, TwoWay, Values, blocks, features
from tremble.stats.inference.power import POWER
from tremble.stats.metrics.correlation import pearson
from tremble.stats.progress.series import Fidelity

_CHANCE = float(norm.ppf(0.80))
_R_APART = 2.0  # two r differ by no more


@dataclass(frozen=True, slots=True)
class Change:
    """Fidelity at checkpoint `at` less that at `against`, in the unit of the measure.

    `low`, `high`: 95% interval; `p`: two-sided, that it is 0; `se`: over clusters, with G / (G - 1)
    for few; `smallest`: the smallest difference that such data show with a probability of .80 by a
    two-sided test at .05 (`inference.power`), 2.80 errors; `n` decisions. All None where `note`
    says why; with numbers it is a warning.
    """

    at: int
    against: int
    estimate: float | None
    low: float | None
    high: float | None
    p: float | None
    se: float | None
    smallest: float | None
    n: int
    note: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Changes (pairs) in the sample, and in every resample (resamples, pairs), in the unit of the
    measure; NaN where undefined. `same` (pairs): both checkpoints give the same values, so there is
    no change and no error. `units`: what was resampled."""

    sample: Values
    resampled: Values
    same: np.ndarray
    units: Units


def undefined(fidelity: Fidelity, checkpoint: int) -> str | None:
    """Why the measure has no value at a checkpoint of `Fidelity.known`, or None."""
    if fidelity.outcomes is not None:
        return why_undefined([fidelity.values[checkpoint]], fidelity.outcomes)
    return None if fidelity.values.shape[1] else "no decisions"


def levels(fidelity: Fidelity) -> list[float | None]:
    """The measure itself at every checkpoint, over the decisions that all of them have; None where
    r is undefined or nothing is there."""
    known = fidelity.known()
    return [_level(known, checkpoint) for checkpoint in range(len(known.values))]


def _level(known: Fidelity, checkpoint: int) -> float | None:
    row = known.values[checkpoint]
    if known.outcomes is not None:
        return pearson(row, known.outcomes)[0]
    return float(row.mean()) if len(row) else None


def drawn_changes(
    known: Fidelity,
    pairs: Sequence[tuple[int, int]],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Drawn:
    """Changes between pairs (at, against) of checkpoints on shared resamples of whole clusters.

    `known`: as from `Fidelity.known`, with every measure defined (`undefined`) and enough clusters
    (`units_of`).
    """
    units, codes = units_of(as_kinds(known.clusters))
    at, against = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    same = (known.values[at] == known.values[against]).all(axis=1)
    counts = [int(kind.max()) + 1 for kind in codes]
    width = 2 if known.outcomes is None else 9
    parts = []
    for block in blocks(len(pairs), len(codes[0]), max(counts), width):
        columns, scale = _columns(known, at[block], against[block])
        sums = OneWay(codes[0], columns) if len(codes) == 1 else TwoWay(codes, columns)
        sample = sums.values([np.ones((1, count)) for count in counts])
        drawn = replicates(sums, counts, seed, resamples)
        parts.append([scale * each for one in (sample, drawn) for each in (one.value, one.error)])
    value, error, values, errors = (
        np.concatenate(part, axis=1) for part in zip(*parts, strict=True)
    )
    return Drawn(Values(value[0], error[0]), Values(values, errors), same, units)


def _columns(known: Fidelity, at: np.ndarray, against: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(pairs, points, columns) to be summed, and (pairs) what values from these sums lack."""
    one, other = known.values[at], known.values[against]
    if known.outcomes is not None:
        return features([one, other], known.outcomes), np.ones(len(at))
    steps = one - other
    largest = np.abs(steps).max(axis=1)
    scale = np.where(largest > 0, largest, 1.0)
    return np.stack([np.ones_like(steps), steps / scale[:, None]], axis=-1), scale


def compare(
    fidelity: Fidelity, at: int, against: int, seed: int = 0, resamples: int = RESAMPLES
) -> Change:
    """Fidelity at one checkpoint less that at another, paired, with its 95% interval."""
    known = fidelity.known()
    n = known.values.shape[1]
    reasons = [undefined(known, checkpoint) for checkpoint in (at, against)]
    units, _ = units_of(as_kinds(known.clusters))
    reason = reasons[0] or reasons[1] or units.reason
    one, other = _level(known, at), _level(known, against)
    estimate = None if one is None or other is None else one - other
    if reason is not None:
        return _without(at, against, estimate, n, reason)
    drawn = drawn_changes(known, [(at, against)], seed, resamples)
    if drawn.same[0]:
        note = "the same checkpoint" if at == against else "both checkpoints give the same values"
        return Change(at, against, 0.0, 0.0, 0.0, None, 0.0, None, n, note)
    value, error = float(drawn.sample.value[0]), float(drawn.sample.error[0])
    if not np.isfinite(error):
        return _without(at, against, estimate, n, "no variation between clusters")
    made = Resampled(value, error, drawn.resampled.value[:, 0], drawn.resampled.error[:, 0])
    kept = made.defined()
    if len(kept.values) < (1 - MOST_UNDEFINED) * resamples:
        lacking = f"{resamples - len(kept.values)} of {resamples} resamples undefined"
        return _without(at, against, estimate, n, lacking)
    low, high = studentised(value, error, kept.values, kept.errors)
    se = error * _few(units)
    smallest = POWER * se
    if fidelity.outcomes is not None:  # r has ends
        low, high = max(low, -_R_APART), min(high, _R_APART)
        smallest = min(smallest, _R_APART)
    return Change(at, against, estimate, low, high, kept.p(), se, smallest, n, units.warning)


def _few(units: Units) -> float:
    """What an error over clusters is multiplied by where these are few."""
    return float(np.sqrt(units.rarer.number / (units.rarer.number - 1)))


def _without(at: int, against: int, estimate: float | None, n: int, note: str) -> Change:
    return Change(at, against, estimate, None, None, None, None, None, n, note)


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Changes from the base, f(s) - f(0) for s = 1 to the last, with a simultaneous 95% band.

    `change`, `low`, `high`, `smallest` (checkpoints - 1): in the unit of the measure; `smallest`
    is the smallest change that the band shows with a probability of .80. `reach`: half its width in
    standard errors. `n` decisions of `clusters` clusters; `note`: why there is no band (all but
    `n` and `clusters` empty), or a warning.
    """

    change: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    smallest: tuple[float, ...]
    reach: float | None
    n: int
    clusters: int
    note: str | None = None


def band_of(fidelity: Fidelity, seed: int = 0, resamples: int = RESAMPLES) -> Band:
    """The sup-t band of all changes from the base: as wide, in standard errors, as 95% of resamples
    of whole clusters stay within at every checkpoint at once (Montiel Olea and Plagborg-Møller
    2019, Journal of Applied Econometrics 34, with errors studentised in every resample, which
    holds with few clusters). ValueError: fewer than two checkpoints."""
    known = fidelity.known()
    steps, n = known.values.shape
    if steps < 2:
        raise ValueError(f"{steps} checkpoints: a band needs the base and one more")
    units, _ = units_of(as_kinds(known.clusters))
    reasons = (undefined(known, checkpoint) for checkpoint in range(steps))
    reason = next((one for one in reasons if one), None) or units.reason
    if reason is not None:
        return _no_band(units, n, reason)
    drawn = drawn_changes(known, [(s, 0) for s in range(1, steps)], seed, resamples)
    value = np.where(drawn.same, 0.0, drawn.sample.value)
    error = np.where(drawn.same, 0.0, drawn.sample.error)
    if not np.isfinite(error).all():
        return _no_band(units, n, "no variation between clusters at a checkpoint")
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.abs(drawn.resampled.value - value) / drawn.resampled.error
    sizes = sizes[:, ~drawn.same]
    kept = sizes[np.isfinite(sizes).all(axis=1)]
    if len(kept) < (1 - MOST_UNDEFINED) * resamples:
        return _no_band(units, n, f"{resamples - len(kept)} of {resamples} resamples undefined")
    reach = float(np.quantile(kept.max(axis=1, initial=0.0), LEVEL))
    smallest = (reach + _CHANCE * _few(units)) * error
    if fidelity.outcomes is not None:
        smallest = np.minimum(smallest, _R_APART)
    return Band(
        tuple(value.tolist()),
        tuple((value - reach * error).tolist()),
        tuple((value + reach * error).tolist()),
        tuple(smallest.tolist()),
        reach,
        n,
        units.rarer.number,
        units.warning,
    )


def _no_band(units: Units, n: int, note: str) -> Band:
    return Band((), (), (), (), None, n, units.rarer.number, note)
