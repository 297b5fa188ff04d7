"""Whether fidelity to people changes before the stop, with it, or after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tremble.errors import UserError
from tremble.stats.inference.bootstrap import RESAMPLES
from tremble.stats.progress.changes import Band, band_of, compare
from tremble.stats.progress.series import Fidelity
from tremble.stats.progress.stop import Stop
from tremble.text import decimal

Word = Literal["before", "with", "after", "never", "cannot say"]
# The smallest change of r that "never" is about: a convention, half of a small r.
MARGIN = 0.05
# A change within the range of stops is "with" it only if that range has at most one checkpoint on
# either side of the stop.
_NEAR = 1


@dataclass(frozen=True, slots=True)
class Timing:
    """When fidelity changes, and why that cannot be told.

    `left`: the first checkpoint at which the simultaneous 95% band leaves 0; `stays`: the first
    from which it stays away, on the same side, up to the last; both None if there is none.
    `change`: fidelity at `left` less that of the base. `smallest`: the smallest change that the
    band shows at every checkpoint with a probability of .80; both in the unit of the measure,
    None without a band.
    """

    word: Word
    reason: str
    left: int | None
    stays: int | None
    change: float | None
    smallest: float | None
    band: Band


def timing(
    fidelity: Fidelity,
    stop: Stop,
    margin: float = MARGIN,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Timing:
    """The word for when fidelity to people changes.

    It goes by the first checkpoint at which the band leaves 0 and by the range of stops that
    resamples of the task choose (the middle 80%, and the stop itself): "before" it, "after" it, or
    "with" where it lies within it and the range has at most one checkpoint on either side of the
    stop. "after" also needs a change from the stop to that checkpoint, with a paired 95% interval
    that excludes 0: a change that began earlier and is only seen late is not "after". "never": the
    band leaves 0 nowhere, and would have shown a change of `margin` at every checkpoint. All else
    "cannot say", with the reason.

    `margin` is in the unit of the measure. Raises UserError: `margin` not above 0; ValueError: a
    stop of another number of checkpoints.
    """
    if not margin > 0:
        raise UserError(f"margin = {margin} is no size of a change; choose a number above 0.")
    if stop.chosen and len(stop.chosen) != len(fidelity.values):
        raise ValueError(f"{len(fidelity.values)} checkpoints, {len(stop.chosen)} of the stop")
    band = band_of(fidelity, seed, resamples)
    if band.reach is None:
        return Timing(_UNTOLD, f"fidelity has no band: {band.note}", None, None, None, None, band)
    left, stays, smallest = _left(band), _stays(band), max(band.smallest)
    if left is None:
        word, reason = _nowhere(smallest, margin)
    else:
        word, reason = _ordered(fidelity, stop, left, seed, resamples)
        if stays is None:
            reason += "; at the last checkpoint it is not seen any more"
    change = None if left is None else band.change[left - 1]
    return Timing(word, reason, left, stays, change, smallest, band)


_UNTOLD: Word = "cannot say"


def _sides(band: Band) -> list[int]:
    """-1, 0 or 1 for every checkpoint after the base: below 0, not clear of it, above."""
    return [int(low > 0) - int(high < 0) for low, high in zip(band.low, band.high, strict=True)]


def _left(band: Band) -> int | None:
    return next((s for s, side in enumerate(_sides(band), 1) if side), None)


def _stays(band: Band) -> int | None:
    sides = _sides(band)
    if not sides[-1]:
        return None
    first = len(sides)
    while first > 1 and sides[first - 2] == sides[-1]:
        first -= 1
    return first


def _nowhere(smallest: float, margin: float) -> tuple[Word, str]:
    size = decimal(margin)
    if smallest <= margin:
        return "never", f"no change at any checkpoint, and one of {size} would have been seen"
    return _UNTOLD, (
        f"no change is seen at any checkpoint, but one of {size} could have been missed: the "
        f"smallest that these data show is {decimal(smallest)}"
    )


def _ordered(
    fidelity: Fidelity, stop: Stop, left: int, seed: int, resamples: int
) -> tuple[Word, str]:
    at, seen = stop.checkpoint, f"a change is first seen at checkpoint {left}"
    if at is None or stop.earliest is None or stop.latest is None:
        return _UNTOLD, f"{seen}, but there is no stop: {stop.reason}"
    earliest, latest = min(stop.earliest, at), max(stop.latest, at)
    span = f"checkpoint {at}"
    if earliest < latest:
        span += f" (resamples of the task choose {earliest} to {latest})"
    if left < earliest:
        return "before", f"{seen}, before the stop at {span}"
    if left <= latest:
        if max(at - earliest, latest - at) <= _NEAR:
            return "with", f"{seen}, the stop is {span}"
        return _UNTOLD, f"{seen}, within the range of the stop, {span}"
    since = compare(fidelity, left, at, seed, resamples)
    if since.low is None or since.high is None or since.low <= 0 <= since.high:
        return _UNTOLD, f"{seen}, after the stop at {span}, but may have begun earlier"
    return "after", f"{seen}, after the stop at {span}"
