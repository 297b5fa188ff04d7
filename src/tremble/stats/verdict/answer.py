"""What every question of the verdict has: an answer with its reason, and the margins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tremble.stats.filters import MIN_MASS

YES, IN_PART, NO = "yes", "in part", "no"
NOT_SHOWN, CANNOT_SAY = "not shown", "cannot say"


class Answer(NamedTuple):
    """One of "yes", "in part", "no", "not shown", "cannot say", and the reason in words; `texts`:
    whether it is of these very texts alone."""

    answer: str
    why: str
    texts: bool = False


@dataclass(frozen=True, slots=True)
class Margins:
    """How near is near enough: conventions, not results, which a study may set.

    `level` and `effect` in shares of the outcome's range, `effect_share` of people's own effect
    (the larger of both counts); `near` and `far`: distances of distributions, in shares of the
    range, up to which they are alike and beyond which they are not; `mass`: the least mean
    probability of all options together with which anything is said.
    """

    level: float = 0.05
    effect: float = 0.05
    effect_share: float = 0.5
    near: float = 0.05
    far: float = 0.10
    mass: float = MIN_MASS


MARGINS = Margins()
