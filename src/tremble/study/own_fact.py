"""One fact about participants, or one part of it, held against what was chosen."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tremble.decisions.record import Decision, target_share
from tremble.text import composed

_FEWEST = 5  # decisions in which each value goes with one choice
_MANY = 20  # decisions in which values tell nearly every choice
_NEARLY = 0.95  # of them
_SAME = 1e-4  # chance of being the choice itself everywhere, below which it is no chance
_TELLS = 0.01  # chance of telling the choice as well as it does
_VALUES = 500  # of one fact that are counted
_PAIRS = 1000  # numbers with rates, the first
_ORDERED = 8  # numbers in the order of the rates: less than 1 in 20,000 by chance
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\d)")
# How a rate is written: as it is or in percent; what is left of it.
_FORMS = frozenset({(1, False), (100, False), (1, True), (100, True)})


@dataclass(slots=True)
class Fact:
    """What it was in the decisions of one family.

    `choices`: those of the decisions that have it; `itself`: whether it was always the choice;
    `by_value`: the choices by the hash of its value, of the first values, and `further` decisions
    with others. Of decisions with rates of many people: `rates`, rounded to percent, `forms` in
    which it was always the target option's rate, and `pairs` of its number and the rate.
    """

    choices: Counter[str] = field(default_factory=Counter)
    itself: bool = True
    by_value: dict[int, Counter[str]] = field(default_factory=dict)
    further: int = 0
    rates: Counter[int] = field(default_factory=Counter)
    forms: frozenset[tuple[int, bool]] = _FORMS
    pairs: list[tuple[float, float]] = field(default_factory=list)

    def add(self, value: str, decision: Decision) -> None:
        choice = decision.choice
        if choice is None:
            self._add_rate(value, decision)
            return
        self.choices[choice] += 1
        if self.itself:
            labels = {o.label for o in decision.options if o.key == choice}
            self.itself = _bare(value) in {_bare(text) for text in (choice, *labels)}
        marked = hash(value)
        if marked in self.by_value or len(self.by_value) < _VALUES:
            self.by_value.setdefault(marked, Counter())[choice] += 1
        else:
            self.further += 1

    def _add_rate(self, value: str, decision: Decision) -> None:
        rate = target_share(decision)
        if rate is None:
            return
        self.rates[round(100 * rate)] += 1
        numbers = _NUMBER.findall(value)
        if len(numbers) != 1:
            self.forms = frozenset()
            return
        number = float(numbers[0])
        self.forms = frozenset(
            (scale, rest)
            for scale, rest in self.forms
            # As far as it is rounded to percent.
            if abs(number - scale * (1 - rate if rest else rate)) <= 0.005001 * scale
        )
        if len(self.pairs) < _PAIRS:
            self.pairs.append((number, rate))

    def same(self, parts: int) -> str | None:
        """What it is, where it is the choice or the rate itself, and in so many decisions that it
        is not so by chance; `parts`: how many are looked at."""
        if self.itself and _by_chance(self.choices.values()) <= _SAME / parts:
            return f"the choice itself in all {self.choices.total():,}"
        if self.forms and _by_chance(self.rates.values()) <= _SAME / parts:
            return f"the share of people who chose the target option in all {self.rates.total():,}"
        return None

    def tells(self, every: Counter[str], parts: int) -> str | None:
        """What its values do, where they tell what was chosen in all or nearly all decisions, more
        than chance has them do: that there is none counts as a value. `every`: the choices of all
        decisions of the family; `parts`: how many are looked at."""
        ordered = self._ordered()
        if ordered:
            every_one = "all" if len(self.pairs) == self.rates.total() else "the first"
            return (
                "its numbers are in the order of what people chose in "
                f"{every_one if ordered == 1 else 'nearly all'} {len(self.pairs):,}"
            )
        missing = every - self.choices
        groups = [*self.by_value.values(), *([missing] if missing else [])]
        total = sum(group.total() for group in groups)
        right = sum(max(group.values()) for group in groups)
        if len(every) < 2 or total == 0:
            return None
        again, wrong = total - len(groups), total - right
        likely = max(every.values()) / every.total()
        if _as_well(again, wrong, likely) > _TELLS / parts:
            return None
        if wrong == 0 and self.further == 0:
            said = f"each of its values goes with one choice only in all {total:,}"
            return said if total >= _FEWEST else None
        often = sum(group.total() for group in groups if group.total() > 1)
        if often >= _MANY and wrong <= (1 - _NEARLY) * often:
            return f"its values tell the choice in {right:,} of {total:,}"
        return None

    def _ordered(self) -> float:
        """1 where its numbers are in the order of the rates, or in the opposite one; the rank
        correlation, without its sign, where that is nearly so in many decisions; else 0."""
        numbers, rates = [[pair[at] for pair in self.pairs] for at in (0, 1)]
        if min(len({*numbers}), len({*rates})) < _ORDERED:
            return 0.0
        from scipy.stats import spearmanr  # takes a while to load, and few studies have rates here

        found = abs(float(spearmanr(numbers, rates).statistic))
        if found > 1 - 1e-9:
            return 1.0
        return found if found >= _NEARLY and len(numbers) >= _MANY else 0.0


def _bare(text: str) -> str:
    """A text without capitals, and without what is around its words."""
    return re.sub(r"^\W+|\W+$", "", composed(text)).casefold() or text


def _by_chance(counts: Iterable[int]) -> float:
    """The chance that values with these counts, dealt out anew, come to lie as they do: 1 where
    they are all the same."""
    some = list(counts)
    ways = math.lgamma(sum(some) + 1) - sum(math.lgamma(count + 1) for count in some)
    return math.exp(-ways)


def _as_well(tries: int, wrong: int, likely: float) -> float:
    """An upper bound (Chernoff's) of the chance of so few wrong ones in so many tries, each right
    with the probability `likely`."""
    if tries <= 0:
        return 1.0
    right = 1 - wrong / tries
    if right <= likely:
        return 1.0
    apart = right * math.log(right / likely)
    if wrong:
        apart += (1 - right) * math.log((1 - right) / (1 - likely))
    return math.exp(-tries * apart)
