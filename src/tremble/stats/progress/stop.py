"""When to stop: the earliest checkpoint that keeps nearly all of the gain on a task.

The rule reads the task alone. It chooses on one half of the clusters, and the other half says what
is kept there: a checkpoint chosen for its high g would otherwise flatter itself. `keep` and what
counts as too unsteady are conventions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tremble.stats.frames.clusters import weights
from tremble.stats.inference.bootstrap import RESAMPLES
from tremble.stats.inference.intervals import FEW_CLUSTERS
from tremble.stats.progress.changes import Change, compare
from tremble.stats.progress.gain import Estimate, gains_of, rises_of
from tremble.stats.progress.keep import KEEP, check_keep
from tremble.stats.progress.series import Fidelity, Sums, Task
from tremble.text import counted, decimal

MIN_CHECKPOINTS = 4
# Resamples that choose earlier than all but this share, and later, lie outside the range.
_TAIL = 0.1
# Conventions: g is too unsteady if the range of choices spans more than this share of the series,
_WIDEST = 0.5
# or if g, once it has reached `keep`, clearly falls below it so many times.
_FALLS = 2


@dataclass(frozen=True, slots=True)
class Stop:
    """Where to stop, by one task.

    `checkpoint`: the earliest from which g stays at or above `keep` up to the last, on the half of
    the clusters that chooses; None where `reason` says why nothing is recommended. `gain`: g there
    on the other half. `surely`: the earliest from which the lower 95% bound of g stays at or above
    `keep`, on the half that chooses. `chosen` (checkpoints): the share of clustered resamples of
    that half that choose each; `earliest` and `latest`: the middle 80% of these choices.
    `rise`: T(last) - T(0) over all clusters, in the unit of T. `halves`: clusters of the half that
    chooses and of the other.
    """

    keep: float
    checkpoint: int | None
    reason: str | None
    gain: Estimate | None
    surely: int | None
    chosen: tuple[float, ...]
    earliest: int | None
    latest: int | None
    rise: Estimate
    halves: tuple[int, int]


def first_stays(g: np.ndarray, keep: float = KEEP) -> np.ndarray:
    """The earliest checkpoint from which g (..., checkpoints) stays at or above `keep` up to the
    last, (...) whole numbers; as many as there are checkpoints where the last is below."""
    below = ~(np.asarray(g, float) >= keep)
    steps = below.shape[-1]
    last = steps - 1 - np.argmax(below[..., ::-1], axis=-1)
    return np.where(below.any(axis=-1), last + 1, 0)


def choose_stop(task: Task, keep: float = KEEP, seed: int = 0, resamples: int = RESAMPLES) -> Stop:
    """The checkpoint to stop at; of the checkpoints of one stage (`Task.at`) that of the stage.

    Nothing is recommended with fewer than four checkpoints, with fewer than 20 clusters, if the
    interval of the gain T(last) - T(0) is not above 0, over all clusters and over each half, and if
    g is too unsteady: the middle 80% of the choices of resamples
    span more than half of the series, or g has clearly fallen below `keep` twice after reaching it
    (its interval lies below).

    Raises UserError: `keep` not above 0 and at most 1.
    """
    check_keep(keep)
    whole = task.sums()
    chooses, reports = whole.half(True), whole.half(False)
    steps, halves = len(whole.numerators), (len(chooses.names), len(reports.names))
    rise = rises_of(whole, 0, seed, resamples)[-1]
    reason = _too_few(steps, halves) or _no_gain(rise, "all clusters")
    for half, what in ((chooses, "chooses"), (reports, "reports")):
        if reason is None:
            over = rises_of(half, 0, seed, resamples)[-1]
            reason = _no_gain(over, f"the half of the clusters that {what}")
    if reason is not None:
        return Stop(keep, None, reason, None, None, (), None, None, rise, halves)
    inside = gains_of(chooses, seed, resamples)
    g = np.array([one.value for one in inside], float)
    low = np.array([np.nan if one.low is None else one.low for one in inside])
    picks = _choices(chooses, keep, seed, resamples)
    chosen = np.bincount(picks, minlength=steps) / max(1, len(picks))
    earliest, latest = (int(np.searchsorted(np.cumsum(chosen), p)) for p in (_TAIL, 1 - _TAIL))
    surely = int(first_stays(low, keep))
    at: int | None = int(first_stays(g, keep))
    reason = _unsteady(inside, keep, earliest, latest)
    outside = None
    if reason is None and at is not None:
        outside = gains_of(reports, seed, resamples)[at]
    else:
        at = None
    shares = tuple(float(share) for share in chosen)
    return Stop(keep, at, reason, outside, surely, shares, earliest, latest, rise, halves)


def _too_few(steps: int, halves: tuple[int, int]) -> str | None:
    if steps < MIN_CHECKPOINTS:
        return f"only {counted(steps, 'checkpoint')} (a stop needs {MIN_CHECKPOINTS})"
    if sum(halves) < FEW_CLUSTERS:
        return f"only {counted(sum(halves), 'cluster')} in the task (a stop needs {FEW_CLUSTERS})"
    return None


def _no_gain(rise: Estimate, where: str) -> str | None:
    if rise.value is not None and rise.low is not None and rise.high is not None and rise.low > 0:
        return None
    shown = decimal(rise.value)
    if rise.low is not None:
        shown += f" [{decimal(rise.low)}, {decimal(rise.high)}]"
    return f"the gain from the first to the last checkpoint is not above 0 over {where}: {shown}"


def _choices(sums: Sums, keep: float, seed: int, resamples: int) -> np.ndarray:
    """The checkpoint that each resample of whole clusters chooses; those without a gain choose
    none and are dropped."""
    rise = (sums.numerators - sums.numerators[0]).T
    made = []
    for (drawn,) in weights([len(rise)], seed, resamples):
        total = drawn @ rise
        total = total[total[:, -1] > 0]
        made.append(first_stays(total, keep * total[:, -1:]))
    return np.concatenate(made)


def _unsteady(g: Sequence[Estimate], keep: float, earliest: int, latest: int) -> str | None:
    last = len(g) - 1
    if latest - earliest > _WIDEST * last:
        return (
            "g is too unsteady: resamples of the task's clusters choose anything from checkpoint "
            f"{earliest} to {latest}"
        )
    reached, falls = False, 0
    for one in g:
        if one.value is not None and one.value >= keep:
            reached = True
        elif reached and one.high is not None and one.high < keep:
            reached, falls = False, falls + 1
    if falls < _FALLS:
        return None
    return f"g is too unsteady: it reaches {decimal(keep)} and clearly falls below it {falls} times"


@dataclass(frozen=True, slots=True)
class AtStop:
    """Fidelity at the stop less that of the base, and less that of the last checkpoint."""

    base: Change
    last: Change


def fidelity_at(
    stop: Stop, fidelity: Fidelity, seed: int = 0, resamples: int = RESAMPLES
) -> AtStop | None:
    """Fidelity at a stop that was chosen without it, paired; None without a recommendation.

    Raises ValueError: a fidelity with other checkpoints than the task.
    """
    if stop.checkpoint is None:
        return None
    last = len(stop.chosen) - 1
    if len(fidelity.values) != last + 1:
        raise ValueError(f"{len(fidelity.values)} checkpoints of fidelity, {last + 1} of the task")
    return AtStop(
        compare(fidelity, stop.checkpoint, 0, seed, resamples),
        compare(fidelity, stop.checkpoint, last, seed, resamples),
    )


def at_equal_g(
    runs: Mapping[str, tuple[Sequence[float], Sequence[float]]], levels: Sequence[float]
) -> dict[str, list[float | None]]:
    """Fidelity of several runs where they have come equally far, by the name of the run.

    `runs`: g and fidelity of every checkpoint, in the order of training; `levels`: of g. All g must
    be on one scale (of one task, base and reference). Linear between the two neighbouring
    checkpoints where g first passes a level, None where a run never does. ValueError: lengths that
    differ.
    """
    return {name: [_at(g, f, level) for level in levels] for name, (g, f) in runs.items()}


def _at(g: Sequence[float], f: Sequence[float], level: float) -> float | None:
    points = list(zip(g, f, strict=True))
    for (g0, f0), (g1, f1) in pairwise(points):
        if min(g0, g1) <= level <= max(g0, g1):
            share = (level - g0) / (g1 - g0) if g1 != g0 else 0.0
            if share in (0.0, 1.0):  # the other may have none
                return float(f1 if share else f0)
            return float(f0 + share * (f1 - f0))
    return None
