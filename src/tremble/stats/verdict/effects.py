"""Effects: does a treatment do to the model what it does to people?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tremble.stats.inference.intervals import FEW_CLUSTERS, LEVEL
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
VALUE = "value"  # the outcome where options have values
INTERACTION = "interaction"  # in the name of one
# Of the outcome's range: a model's effect that has no error and is smaller is none.
LEAST = 0.005


@dataclass(frozen=True, slots=True)
class Contrasted:
    """One contrast: what it is called, people's effect and the model's, None where there is none,
    in the unit of the `outcome` (VALUE, or the target), whose range is `scale`.

    `people_p`, `model_p`: two-sided, of no effect, adjusted over the contrasts of this model and
    family (Holm); the model's is 0 for an effect that has no error. `low`, `high`: the interval of
    the difference, model less people. None where `why` says there is none. `texts`: of these very
    texts alone; `items`: else of so many.
    """

    name: str
    people: float | None
    model: float | None
    low: float | None
    high: float | None
    people_p: float | None
    model_p: float | None
    outcome: str = VALUE
    scale: float = 1.0
    texts: bool = False
    why: str | None = None
    items: int | None = None

    def clear(self, p: float | None) -> bool:
        return p is not None and p < 1 - LEVEL

    @property
    def people_clear(self) -> bool:
        return self.clear(self.people_p)

    @property
    def wrong(self) -> bool:
        """Whether both are clear, with opposite signs."""
        people, model = self.people or 0.0, self.model or 0.0
        if not (self.people_clear and self.clear(self.model_p)) or people * model >= 0:
            return False
        return bool(self.model_p) or abs(model) >= LEAST * self.scale

    @property
    def difference(self) -> float:
        return (self.model or 0.0) - (self.people or 0.0)

    def margin(self, margins: Margins) -> float:
        """How far apart the effects may be and count as equal, in the outcome's unit."""
        return max(margins.effect * self.scale, margins.effect_share * abs(self.people or 0.0))

    def near(self, margins: Margins) -> bool:
        """Whether all of the difference's interval lies within the margin."""
        margin = self.margin(margins)
        low, high = self.low, self.high
        return low is not None and high is not None and -margin <= low and high <= margin

    def off(self, margins: Margins) -> bool:
        """Whether all of it lies outside the margin."""
        margin = self.margin(margins)
        low, high = self.low, self.high
        return low is not None and high is not None and (low > margin or high < -margin)

    def still(self, margins: Margins) -> bool:
        """Whether people clearly move and the model, as far as it shows, does not."""
        small = abs(self.model or 0.0) < LEAST * self.scale
        return self.people_clear and small and (self.model_p == 0 or self.off(margins))

    @property
    def standing(self) -> str:
        """In words, how little a model moves that is `still`."""
        return "hardly moves" if float(decimal(self.model)) else "does not move"

    def said(self, margins: Margins) -> str:
        """Both effects and their difference in words."""
        if self.people is None or self.model is None:
            return f"{self.name}: {self.why}"
        what = "mean" if self.outcome == VALUE else f"share of {self.outcome!r}"
        people, model = _signed(self.people), _signed(self.model)
        for_these = ", for these texts only" if self.texts else ""
        difference = f" (no interval: {self.why})"
        if self.low is not None and self.high is not None:
            difference = (
                f" (95% interval of the difference: {decimal(self.low)} to {decimal(self.high)}; "
                f"up to {decimal(self.margin(margins))} counts as equal)"
            )
        said = f"{self.name} moves people's {what} by {people} and the model's by {model}"
        if INTERACTION in self.name:
            said = f"{self.name} is {people} in people's {what} and {model} in the model's"
        elif self.still(margins):
            said = (
                f"{self.name} moves people's {what} by {people} but {self.standing} the model's "
                f"({model})"
            )
        return f"{said}{for_these}{difference}"


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
    wrong = [one for one in contrasts if one.wrong]
    if wrong:
        return _listed(NO, wrong, "the model moves in the wrong direction", margins)
    known = [one for one in contrasts if one.low is not None]
    if not known:
        return _listed(CANNOT_SAY, contrasts, "not enough data to compare effects", margins)
    apart = [one for one in known if not one.near(margins)]
    lacking = [one for one in contrasts if one.low is None]
    clear = any(one.people_clear for one in contrasts)
    if not apart and not lacking:
        what = "every difference is within the margin"
        if not clear:
            what += ", though no effect on people is clearly different from 0"
        return _listed(YES, known, what, margins)
    if not clear:
        what = "no effect on people is clearly different from 0"
        return _listed(NOT_SHOWN, apart or lacking, what, margins)
    if not apart:
        have = "has" if len(lacking) == 1 else "have"
        what = f"{counted(len(lacking), 'contrast')} {have} no interval"
        return _listed(NOT_SHOWN, lacking, what, margins)
    off = [one for one in apart if one.off(margins)]
    what = "the size is wrong" if off else "the size is not shown to be right"
    named = sorted(
        off or apart, key=lambda one: (not one.still(margins), -abs(one.difference) / one.scale)
    )
    begin = f"no effect clearly has the wrong sign, but {what}"
    if unmoved := [one for one in named if one.still(margins)]:
        moves = "moves" if len(unmoved) == 1 else "move"
        least = max(unmoved, key=lambda one: abs(one.model or 0.0) / one.scale)
        begin = (
            f"the model {least.standing} with {counted(len(unmoved), 'contrast')} that {moves} "
            f"people; {begin}"
        )
    return _listed(IN_PART, named, begin, margins)


def _listed(answer: str, contrasts: Sequence[Contrasted], begin: str, margins: Margins) -> Answer:
    named = [one.said(margins) for one in contrasts[:_NAMED]]
    more = len(contrasts) - len(named)
    rest = f"; and {more:,} more in `tremble analyze`" if more else ""
    texts = all(one.texts for one in contrasts)
    least = min((one.items for one in contrasts if one.items is not None), default=FEW_CLUSTERS)
    few = f"; only {least} items, fewer than {FEW_CLUSTERS}" if least < FEW_CLUSTERS else ""
    return Answer(answer, f"{begin}: {'; '.join(named)}{rest}{few}", texts)


def _signed(value: float) -> str:
    return decimal(value) if value < 0 else f"+{decimal(value)}"
