"""Distribution: are the model's shares of three or more options those of people?"""

from __future__ import annotations

from dataclasses import dataclass

from tremble.stats.verdict.answer import CANNOT_SAY, MARGINS, NO, NOT_SHOWN, YES, Answer, Margins
from tremble.text import decimal


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the model's shares are from people's beyond what chance puts between the people asked
    and all others: a share of the range of the options' values (`valued`), else of all people.
    `low`, `high`: its 95% interval, None where `why` says there is none; `texts` as in `Level`."""

    excess: float | None
    low: float | None
    high: float | None
    valued: bool
    texts: bool = False
    why: str | None = None


def distribution(distance: Distance | None, margins: Margins = MARGINS) -> Answer | None:
    """ "yes" where the interval ends at or below `near`, "no" where it begins above `far`, else
    "not shown"; "cannot say" without an interval; None where there are two options."""
    if distance is None:
        return None
    if distance.excess is None or distance.low is None or distance.high is None:
        return Answer(CANNOT_SAY, f"not enough data to judge the distance: {distance.why}")
    between = f"95% interval: {decimal(distance.low)} to {decimal(distance.high)}"
    span = f"{decimal(distance.excess)} ({between})"
    moved = f"a share of {span} of the model's answers would have to change"
    if distance.valued:
        moved = f"the model's answers would have to move by {span} of the scale's range on average"
    for_these = " (for these texts only)" if distance.texts else ""
    away = f"to match people's shares, beyond chance, {moved}{for_these}"
    near, far = decimal(margins.near), decimal(margins.far)
    if distance.high <= margins.near:
        return Answer(YES, f"{away}: at most {near}", distance.texts)
    if distance.low > margins.far:
        return Answer(NO, f"{away}: more than {far}", distance.texts)
    if distance.low > margins.near:
        return Answer(
            NOT_SHOWN, f"{away}: more than {near}, but not clearly more than {far}", distance.texts
        )
    return Answer(NOT_SHOWN, f"{away}: this may be more or less than {near}", distance.texts)
