"""Levels: is the model's mean that of people?"""

from __future__ import annotations

from dataclasses import dataclass

from tremble.stats.verdict.answer import CANNOT_SAY, MARGINS, NO, NOT_SHOWN, YES, Answer, Margins
from tremble.text import decimal


@dataclass(frozen=True, slots=True)
class Level:
    """Means of people and of the model's predictions, in the outcome's own unit; `low` and `high`:
    the 95% interval of model less people, None where `why` says there is none; `scale`: the
    outcome's range; `texts`: whether the interval is for these very texts alone."""

    people: float
    model: float
    low: float | None
    high: float | None
    scale: float
    texts: bool = False
    why: str | None = None


def levels(level: Level | None, margins: Margins = MARGINS) -> Answer | None:
    """ "yes" where the interval lies within the margin of 0, "no" where it lies wholly outside,
    else "not shown"; "cannot say" without an interval; None where the outcome has no mean."""
    if level is None:
        return None
    means = f"the model's mean is {_three(level.model)}, people's {_three(level.people)}"
    if level.low is None or level.high is None:
        return Answer(CANNOT_SAY, f"{means}; the difference has no interval: {level.why}")
    margin = margins.level * level.scale
    span = f"{_three(level.low)} to {_three(level.high)}"
    for_these = " for these texts" if level.texts else ""
    apart = f"{means}: a difference of {_three(level.model - level.people)} ({span}){for_these}"
    if -margin <= level.low and level.high <= margin:
        return Answer(YES, f"{apart}, within {decimal(margin)}")
    if level.low > margin or level.high < -margin:
        return Answer(NO, f"{apart}, more than {decimal(margin)}")
    return Answer(NOT_SHOWN, f"{apart}, which may be more or less than {decimal(margin)}")


def _three(value: float) -> str:
    """With three decimals, so that the difference of two means is seen to be theirs."""
    return decimal(value, 3)
