"""Presentations: one decision with its options in another order, or under other labels.

A presentation is a number, so that a score says which one it is of: bit 0 is the order of the
options, bit 1 the order of payoff rows, and what is above them the labels: 0 the record's own, 1
those exchanged, 2 and 3 the first of `LETTERS` and these exchanged, 4 and 5 the second. Exchanged
means that the first option has the last label. Number 0 is the record as it stands.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import product

from tremble.decisions.record import Decision, Option
from tremble.decisions.view import View
from tremble.games.base import family

COUNTERBALANCES = ("order", "labels", "rows")
LETTERS = (("J", "F", "Q", "X", "M", "K"), ("A", "B", "C", "D", "E", "F"))


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
    orders = (0, 1) if both or "order" in counterbalance else (0,)
    rows = (0, 1) if words.payoff_rows and "rows" in counterbalance else (0,)
    labels = _labels(decision, both) if "labels" in counterbalance else (0,)
    return tuple(sorted(o + 2 * r + 4 * n for o, r, n in product(orders, rows, labels)))


def _labels(decision: Decision, both: bool) -> tuple[int, ...]:
    """The label treatments of a decision; without exchanges where `both` orders are shown."""
    own = {option.label for option in decision.options}
    found = [0]
    if all(len(label) == 1 for label in own):
        found.append(1)
    for number, letters in enumerate(LETTERS, start=1):
        chosen = letters[: len(decision.options)]
        if len(chosen) == len(decision.options) and set(chosen) != own:
            found += [2 * number, 2 * number + 1]
    return tuple(n for n in found if not (both and n % 2))


def shown_options(decision: Decision, presentation: int = 0) -> tuple[Option, ...]:
    """The options in shown order, with the labels they are shown under."""
    options = relabelled(decision, presentation)
    if not presentation & 1:
        return options
    if not family(decision.family).both_orders:
        return options[::-1]
    keys = [option.key for option in reversed(options)]
    return tuple(replace(o, key=key) for key, o in zip(keys, options, strict=True))


def relabelled(decision: Decision, presentation: int) -> tuple[Option, ...]:
    """The options in the record's order, with the labels of a presentation."""
    which, exchanged = divmod(presentation >> 2, 2)
    if not which and not exchanged:
        return decision.options
    labels = [option.label for option in decision.options]
    if which:
        labels = list(LETTERS[which - 1][: len(labels)])
    if exchanged:
        labels.reverse()
    return tuple(Option(o.key, label) for o, label in zip(decision.options, labels, strict=True))


def view(decision: Decision, presentation: int = 0) -> View:
    """What this person could see, for the words of a family."""
    options = shown_options(decision, presentation)
    rows = relabelled(decision, presentation)
    return View(
        rules=decision.parameters,
        role=decision.role or "",
        round=decision.round,
        events=decision.visible(),
        options=options,
        order=presentation & 1,
        rows=rows[::-1] if presentation & 2 else rows,
    )
