"""Effects: does a treatment do to the model what it does to people?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tremble.stats.inference.intervals import LEVEL
from tremble.stats.verdict.answer import (
    CANNOT_SAY,
    IN_PART,
    MARGINS,
    NO,
    NOT_SHOWN,
    YES,
    Answer,
    Margins,
)
from tremble.text import counted, decimal

_NAMED = 2  # contrasts that a sentence names


@dataclass(frozen=True, slots=True)
class Contrasted:
    """One contrast: what it is called, people's effect, the model's and the difference (model less
    people), in the outcome's own unit, whose range is `scale`.

    `people_p`, `model_p`: two-sided, of no effect, adjusted over the contrasts of this model and
    family (Holm); the model's is 0 for an effect that has no error. `low`, `high`: the interval of
    the difference. None where `why` says there is none. `texts`: of these very texts alone.
    """

    name: str
    people: float
    model: float
    difference: float
    low: float | None
    high: float | None
    people_p: float | None
    model_p: float | None
    scale: float = 1.0
    texts: bool = False
    why: str | None = None

    def clear(self, p: float | None) -> bool:
        return p is not None and p < 1 - LEVEL

    @property
    def people_clear(self) -> bool:
        return self.clear(self.people_p)

    @property
    def both_clear(self) -> bool:
        return self.people_clear and self.clear(self.model_p) and self.model != 0

    def margin(self, margins: Margins) -> float:
        """How far apart the effects may be and count as equal, in the outcome's unit."""
        return max(margins.effect * self.scale, margins.effect_share * abs(self.people))

    def near(self, margins: Margins) -> bool:
        """Whether all of the difference's interval lies within the margin."""
        margin = self.margin(margins)
        low, high = self.low, self.high
        return low is not None and high is not None and -margin <= low and high <= margin

    @property
    def said(self) -> str:
        for_these = ", for these texts" if self.texts else ""
        people, model = (_signed(value) for value in (self.people, self.model))
        return f"{self.name} moves people by {people} and the model by {model}{for_these}"


def effects(contrasts: Sequence[Contrasted], margins: Margins = MARGINS) -> Answer | None:
    """The first that holds; None without a contrast:

    - "no": after Holm people's effect and the model's are both clear of 0, with opposite signs;
    - "cannot say": no contrast has an interval;
    - "yes": the interval of every difference lies within the margin;
    - "not shown": no effect of people is clear of 0, or a contrast has no interval and the others
      would be a "yes";
    - "in part": all clear signs agree, but a size is off or not shown to be right.
    """
    if not contrasts:
        return None
    wrong = [one for one in contrasts if one.both_clear and one.people * one.model < 0]
    if wrong:
        return Answer(NO, _listed(wrong, "the sign is wrong: "))
    known = [one for one in contrasts if one.low is not None]
    if not known:
        first = contrasts[0]
        return Answer(CANNOT_SAY, f"no difference has an interval; {first.name}: {first.why}")
    off = [one for one in known if not one.near(margins)]
    lacking = len(contrasts) - len(known)
    if not off and not lacking:
        return Answer(YES, _listed(known, "every difference is within the margin: "))
    if not any(one.people_clear for one in contrasts) or not off:
        what = "no effect of people is clear of 0"
        if any(one.people_clear for one in contrasts):
            what = f"{counted(lacking, 'contrast')} without an interval"
        return Answer(NOT_SHOWN, _listed(off or contrasts, f"{what}: "))
    off.sort(key=lambda one: (not one.people_clear, -abs(one.difference) / one.scale))
    begin = "no clear sign is wrong, but sizes are off or not shown to be right: "
    return Answer(IN_PART, _listed(off, begin))


def _listed(contrasts: Sequence[Contrasted], begin: str) -> str:
    named = [f"{one.said}{_span(one)}" for one in contrasts[:_NAMED]]
    more = len(contrasts) - len(named)
    return begin + "; ".join(named) + (f"; and {more:,} more" if more else "")


def _span(one: Contrasted) -> str:
    if one.low is None or one.high is None:
        return ""
    return f" (difference {decimal(one.low)} to {decimal(one.high)})"


def _signed(value: float) -> str:
    return decimal(value) if value < 0 else f"+{decimal(value)}"
