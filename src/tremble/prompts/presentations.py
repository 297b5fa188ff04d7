"""Presentations: one decision with its options in another order, or under other labels.

A presentation goes by a number, so that a score says which one it is of; `Presentation` says what
the number stands for. Number 0 is the record as it stands.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import product

from tremble.decisions.record import Decision, Option
from tremble.decisions.view import View
from tremble.games.base import family

COUNTERBALANCES = ("order", "labels", "rows")
LETTERS = (("J", "F", "Q", "X", "M", "K"), ("A", "B", "C", "D", "E", "F"))


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a decision is shown.

    `backwards`: the options in the other order. `rows_backwards`: the rows of payoffs in the other
    order. `letters`: whose labels they have, 0 the record's own, n the nth of `LETTERS`.
    `exchanged`: the first option has the last label.
    """

    backwards: bool = False
    rows_backwards: bool = False
    letters: int = 0
    exchanged: bool = False

    @property
    def number(self) -> int:
        """What is stored: bit 0 the order of the options, bit 1 that of the rows, then labels."""
        labels = 2 * self.letters + self.exchanged
        return self.backwards + 2 * self.rows_backwards + 4 * labels

    @classmethod
    def of(cls, number: int) -> Presentation:
        """The presentation that goes by a number."""
        letters, exchanged = divmod(number >> 2, 2)
        return cls(bool(number & 1), bool(number & 2), letters, bool(exchanged))


def presentations(decision: Decision, counterbalance: Collection[str] = ()) -> tuple[int, ...]:
    """The presentations of a decision, all combinations of what `counterbalance` names.

    `order` lists the options backwards, each under its own label. `rows` puts the rows of payoffs
    in the other order, where a family has rows apart from its options. `labels` shows the options
    under both sets of `LETTERS` as well, and every set of letters exchanged; words are never
    exchanged, since they say what an option does. Families that are always shown in both orders,
    with labels that stay with the positions, have order, rows and exchange in that; only
    other letters are added. A decision with a prompt or a transcript of its own has one
    presentation.
    """
    if decision.prompt is not None:
        return (0,)
    words = family(decision.family)
    if words.transcript is not None:
        return (0,)
    both = words.both_orders
    orders = (False, True) if both or "order" in counterbalance else (False,)
    rows = (False, True) if words.payoff_rows and "rows" in counterbalance else (False,)
    labels = _labels(decision, both) if "labels" in counterbalance else [(0, False)]
    shown = (Presentation(o, r, *treated) for o, r, treated in product(orders, rows, labels))
    return tuple(sorted(presentation.number for presentation in shown))


def _labels(decision: Decision, both: bool) -> list[tuple[int, bool]]:
    """The letters of a decision, each with whether they are exchanged, which they are not where
    `both` orders are shown."""
    own = {option.label for option in decision.options}
    treatments = [(0, False)]
    if all(len(label) == 1 for label in own):
        treatments.append((0, True))
    for number, letters in enumerate(LETTERS, start=1):
        chosen = letters[: len(decision.options)]
        if len(chosen) == len(decision.options) and set(chosen) != own:
            treatments += [(number, False), (number, True)]
    return [(letters, exchanged) for letters, exchanged in treatments if not (both and exchanged)]


def shown_options(decision: Decision, presentation: int = 0) -> tuple[Option, ...]:
    """The options in shown order, with the labels they are shown under."""
    options = relabelled(decision, presentation)
    if not Presentation.of(presentation).backwards:
        return options
    if not family(decision.family).both_orders:
        return options[::-1]
    keys = [option.key for option in reversed(options)]
    return tuple(replace(o, key=key) for key, o in zip(keys, options, strict=True))


def relabelled(decision: Decision, presentation: int) -> tuple[Option, ...]:
    """The options in the record's order, with the labels of a presentation."""
    how = Presentation.of(presentation)
    if not how.letters and not how.exchanged:
        return decision.options
    labels = [option.label for option in decision.options]
    if how.letters:
        labels = list(LETTERS[how.letters - 1][: len(labels)])
    if how.exchanged:
        labels.reverse()
    return tuple(Option(o.key, label) for o, label in zip(decision.options, labels, strict=True))


def view(decision: Decision, presentation: int = 0) -> View:
    """What this person could see, for the words of a family."""
    how = Presentation.of(presentation)
    options = shown_options(decision, presentation)
    rows = relabelled(decision, presentation)
    return View(
        rules=decision.parameters,
        role=decision.role or "",
        round=decision.round,
        events=decision.visible(),
        options=options,
        order=int(how.backwards),
        rows=rows[::-1] if how.rows_backwards else rows,
    )
