"""Levels: is the model's mean that of people?"""

from __future__ import annotations

from dataclasses import dataclass

from tremble.stats.verdict.answer import CANNOT_SAY, MARGINS, NO, NOT_SHOWN, YES, Answer, Margins
from tremble.text import counted, decimal


@dataclass(frozen=True, slots=True)
class Level:
    """Means of people and of the model's predictions, in the outcome's own unit; `low` and `high`:
    the 95% interval of model less people, None where `why` says there is none; `scale`: the
    outcome's range; `texts`: whether the interval is for these very texts alone; `mark`: how few
    items it rests on; `left_out`: decisions that have no mean."""

    people: float
    model: float
    low: float | None
    high: float | None
    scale: float
    texts: bool = False
    why: str | None = None
    mark: str | None = None
    left_out: int = 0


def levels(level: Level | None, margins: Margins = MARGINS) -> Answer | None:
    """ "yes" where the interval lies within the margin of 0, "no" where it lies wholly outside,
    else "not shown"; "cannot say" without an interval; None where the outcome has no mean."""
    if level is None:
        return None
    made = _answer(level, margins)
    if level.mark is not None and made.answer != CANNOT_SAY:
        made = made._replace(why=f"{made.why}; {level.mark}")
    if level.left_out > 0:
        more = counted(level.left_out, "more decision")
        have = "has" if level.left_out == 1 else "have"
        without = f"{more} {have} no mean, since the options have no values and none is the target"
        made = made._replace(why=f"{made.why}; {without}")
    return made


def _answer(level: Level, margins: Margins) -> Answer:
    predicted, people = _three(level.model), _three(level.people)
    means = f"the model's mean prediction is {predicted} and people's mean {people}"
    if level.low is None or level.high is None:
        return Answer(CANNOT_SAY, f"{means}; not enough data to compare them: {level.why}")
    margin = margins.level * level.scale
    span = f"95% interval: {_three(level.low)} to {_three(level.high)}"
    for_these = " for these texts only" if level.texts else ""
    apart = f"{means}, a difference of {_three(level.model - level.people)} ({span}){for_these}"
    if -margin <= level.low and level.high <= margin:
        return Answer(YES, f"{apart}, within the margin of {decimal(margin)}", level.texts)
    if level.low > margin or level.high < -margin:
        return Answer(NO, f"{apart}, more than the margin of {decimal(margin)}", level.texts)
    return Answer(
        NOT_SHOWN,
        f"{apart}, which may be more or less than the margin of {decimal(margin)}",
        level.texts,
    )


def _three(value: float) -> str:
    """With three decimals, so that the difference of two means is seen to be theirs."""
    return decimal(value, 3)
