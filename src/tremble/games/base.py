"""Families of games, one module each: the rules in words as the person could see them.

A family is a `Family` named `FAMILY` in its module, listed in `_MODULES`. Its three functions
take a `View` (what this person could see at this decision, and nothing else) and return text:

- `rules`: paragraphs that say what is played, who the reader is and what is known;
- `history`: lines, one or more per visible event, then what is on the table. It only ever grows:
  the lines of an earlier decision of the same game are the first lines of a later one;
- `question`: one sentence that asks for the decision.

Two more take the same `View`: `normative` gives the equilibrium or the expected-value choice,
`numbers` what baselines compute with. A family whose history is a text of its own, with the answer
in the middle of a sentence, has `transcript`: that text up to the answer. It is then read as it
stands, like a decision that brings its own prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import Extensions, Unfit
from tremble.games.theory.normative import Normative

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """One family in words and in numbers. `both_orders`: options are shown in both orders and
    averaged; the labels stay with the positions, so that each option is also read under each
    label. `numbers`: what baselines read off a decision, as JSON can hold it. `sides`: what the
    person and the other side are called, None where there is no other side. `dialogue`: whether
    players may write to each other. `payoff_rows`: whether payoffs stand in rows, by `View.rows`,
    that can be put in another order than the options. For controls: `misled` gives rules with
    other parameters, of which a reader would conclude something else; `scaled` rules, or an event,
    with all amounts times a factor, None where they are not known as numbers; `retold` an event of
    another game (its data, the rules there and here) as these rules would have it, None where they
    cannot; `on_the_table` names the parameters that are all there is to decide about.
    `surface_forms`: label -> other words for it, counted where a study asks."""

    name: str
    rules: Callable[[View], list[str]]
    history: Callable[[View], list[str]]
    question: Callable[[View], str]
    both_orders: bool = False
    normative: Callable[[View], Normative] | None = None
    numbers: Callable[[View], dict[str, Any]] | None = None
    sides: Callable[[View], tuple[str, str]] | None = None
    dialogue: bool = False
    payoff_rows: bool = False
    transcript: Callable[[View], str] | None = None
    misled: Callable[[View], Told] | None = None
    scaled: Callable[[Told, float], Told | None] | None = None
    retold: Callable[[Told, Told, Told], Told | None] | None = None
    on_the_table: tuple[str, ...] = ()
    surface_forms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_MODULES = {
    "bargaining": "bargaining",
    "persuasion": "persuasion",
    "persuasion_seller": "persuasion_seller",
    "persuasion_review": "persuasion_review",
    "negotiation": "negotiation",
    "repeated_matrix": "repeated_matrix",
    "one_shot_matrix": "one_shot_matrix",
    "lottery": "lottery",
    "multi_issue": "multi_issue",
    "session": "session",
}

# What the words of a family raise where a record is not as they need it (`prompts.parts.usable`).
NOT_USABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError)


def _of_package(found: Any, entry: Entry) -> Family:
    """The family that an entry point leads to, under the name of the entry point."""
    if not isinstance(found, Family):
        raise Unfit("a tremble.games.base.Family")
    from tremble.games.guarded import guarded_family  # which knows what a Family is

    return guarded_family(found, entry)


EXTENSIONS = Extensions("family", _MODULES, _of_package)


def family(name: str) -> Family:
    """The family of that name.

    Raises UserError when tremble has no words for it, and for one of another package that cannot be
    loaded.
    """
    return _own(name) if name in _MODULES else _added(name)


def _added(name: str) -> Family:
    added = EXTENSIONS.get(name)
    if added is None:
        raise UserError(
            f"tremble has no prompts for a game called {name!r}; give these decisions their own "
            "`prompt`."
        )
    return added


@cache
def _own(name: str) -> Family:
    loaded: Family = import_module(f"tremble.games.{_MODULES[name]}").FAMILY
    return loaded


def known(name: str) -> bool:
    """Whether tremble or an installed package has a family of that name. Raises UserError where two
    packages have."""
    return name in _MODULES or EXTENSIONS.entry(name) is not None


def amount(value: float) -> str:
    """A number as a person reads it: 10000.0 -> '10,000', 12.5 -> '12.5', -3.0 -> '-3'."""
    rounded = round(float(value), 6)
    return f"{int(rounded):,}" if rounded == int(rounded) else f"{rounded:,.10g}"


def points(value: float) -> str:
    """A number of points: 1.0 -> '1 point', 0 -> '0 points', -2.5 -> '-2.5 points'."""
    number = amount(value)
    return f"{number} point{'' if number in ('1', '-1') else 's'}"


def money(value: float) -> str:
    """An amount of dollars: 10000.0 -> '$10,000', -12.5 -> '-$12.50', 0.125 -> '$0.125'."""
    size = abs(round(float(value), 6))
    cents = size != int(size) and size == round(size, 2)
    return ("-$" if value < 0 else "$") + (f"{size:,.2f}" if cents else amount(size))
