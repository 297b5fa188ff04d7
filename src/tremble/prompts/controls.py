"""Controls: the same decision with part of the game taken away, or with another game put there.

Prediction that survives without the game is not prediction of the game. A control is a function of
a decision that gives what its wording is told (`Telling`), so that it goes with every wording; it
raises NotApplicable where it would change nothing or is not known to. None shows anything that the
person had not seen, save what `misleading_rules` and `renamed` make up and what other people saw.

What is on the table (the offer, the advice, the product of the current round) is what is decided
about: it stays where earlier rounds go, and is replaced in `other_history` alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from tremble.decisions.record import Decision, Event, Option
from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import Extensions, Unfit, guarded
from tremble.games.base import Family, family
from tremble.prompts.asked import ARMS
from tremble.prompts.conversation import (
    ControlNotApplicable,
    Conversation,
    Formulation,
    NotApplicable,
    Telling,
)
from tremble.prompts.guarded import guarded_telling
from tremble.prompts.other_games import COUNTS_OF_THINGS, OtherGames, amounts_in, told_by
from tremble.prompts.parts import own_prompt
from tremble.text import did_you_mean
from tremble.tokenization.options import READINGS

NEUTRAL = "You are taking part in a decision task with another person."
NEUTRAL_ALONE = "You are taking part in a decision task."
NAMES = {"Alice": "Nadia", "Bob": "Tomas"}  # an option is called after John: he stays
FACTOR = 7  # whole, so that whole amounts stay whole
_NOTHING = "nothing had happened before this decision"
# What an event holds of a choice; the rest is amounts, messages and what came of it.
_CHOICE = {"round", "player", "choice", "other", "carried_out"}

Control = Callable[[Decision, OtherGames | None], Telling]
Round = tuple[Any, tuple[Event, ...]]


def rounds(seen: View) -> tuple[list[Round], tuple[Event, ...]]:
    """The rounds before, each with its number and events, and the events on the table.

    Where events have no round each one stands for itself, and a deal at the end is on the table.
    """
    events = seen.events
    if not all("round" in event.data for event in events):
        last = len(events) - (events[-1].type == "deal")
        return [(None, (event,)) for event in events[:last]], events[last:]
    earlier: dict[Any, tuple[Event, ...]] = {}
    for event in events:
        number = event.data["round"]
        earlier[number] = (*earlier.get(number, ()), event)
    current = earlier.pop(seen.round, ())
    return list(earlier.items()), current


def no_history(decision: Decision, others: OtherGames | None = None) -> Telling:
    """Without the lines on earlier rounds; the number of the round stays."""

    def history(words: Family, seen: View) -> Sequence[str]:
        _, current = _earlier(seen)
        lines = words.history(seen)
        # The last lines: told alone, a family that counts its events would count anew.
        return lines[len(lines) - len(words.history(replace(seen, events=current))) :]

    return Telling(history=history)


def no_rules(decision: Decision, others: OtherGames | None = None) -> Telling:
    """Without the paragraphs of the rules; the question and how to answer stay."""
    return Telling(rules=lambda words, seen: ())


def neutral_rules(decision: Decision, others: OtherGames | None = None) -> Telling:
    """One sentence that fits any game in place of the rules."""
    return Telling(rules=lambda words, seen: (NEUTRAL if words.sides else NEUTRAL_ALONE,))


def misleading_rules(decision: Decision, others: OtherGames | None = None) -> Telling:
    """Rules with other parameters, by `Family.misled`; what happened stays as it was."""
    words = family(decision.family)
    misled = words.misled

    def seen(view: View) -> View:
        if words.on_the_table:  # both orders are shown, so that exchanged options are the same ones
            raise NotApplicable(f"in {decision.family} the decision is only about the payoffs")
        if misled is None:
            raise NotApplicable(f"tremble does not know what would mislead in {decision.family}")
        rules = misled(view)
        if rules == view.rules:
            raise NotApplicable("the rules stay the same when they are reversed")
        return replace(view, rules=rules)

    return Telling(seen)


def shuffled_history(decision: Decision, others: OtherGames | None = None) -> Telling:
    """The rounds before in another order, numbered anew; the order is fixed per game and round."""

    def seen(view: View) -> View:
        earlier, current = rounds(view)
        if len(earlier) < 2:
            raise NotApplicable("there are no two earlier rounds to swap")
        drawn = [_mark(decision.cluster, len(earlier), place) for place in range(len(earlier))]
        order = sorted(range(len(earlier)), key=drawn.__getitem__)
        before = told_by(event for _, events in earlier for event in events)
        for turn in range(len(order)):  # rounds may be alike
            turned = [*order[turn:], *order[:turn]]
            events = tuple(
                _numbered(event, number)
                for (number, _), place in zip(earlier, turned, strict=True)
                for event in earlier[place][1]
            )
            if told_by(events) != before:
                return replace(view, events=(*events, *current))
        raise NotApplicable("all earlier rounds are the same")

    return Telling(seen)


def other_history(decision: Decision, others: OtherGames | None = None) -> Telling:
    """What another person saw in another game at the same round, what is on the table included;
    of one-shot games and lotteries another one's payoffs."""

    def seen(view: View) -> View:
        if not view.events and not family(decision.family).on_the_table:
            raise NotApplicable(_NOTHING)
        if others is None:
            raise NotApplicable("there are no other games to take it from")
        return others.in_place_of(decision, view)

    return Telling(seen)


def choices_only(decision: Decision, others: OtherGames | None = None) -> Telling:
    """Of the rounds before only who chose what: no amounts, messages, points or qualities."""

    def seen(view: View) -> View:
        earlier, current = _earlier(view)
        before = [event for _, events in earlier for event in events]
        chosen = [
            Event(e.type, {k: v for k, v in e.data.items() if k in _CHOICE}, e.seen)
            for e in before
            if "choice" in e.data
        ]
        if not chosen:
            raise NotApplicable("nobody had made a choice before")
        if chosen == before:
            raise NotApplicable("the history contains only choices already")
        return replace(view, events=(*chosen, *current))

    return Telling(seen)


def renamed(decision: Decision, others: OtherGames | None = None) -> Telling:
    """Other names of players, other letters for options, all amounts times `FACTOR`."""
    scaled = family(decision.family).scaled

    def other(told: Mapping[str, Any]) -> Mapping[str, Any]:
        amounts = None if scaled is None else scaled(told, FACTOR)
        if amounts is None:
            raise NotApplicable("amounts in words cannot be scaled")
        return amounts

    def seen(view: View) -> View:
        if decision.family not in COUNTS_OF_THINGS and any(
            amounts_in(event.data.get("message")) for event in view.events
        ):
            raise NotApplicable("a message has numbers, which may or may not be amounts")
        return replace(
            view,
            rules=other(view.rules),
            events=tuple(Event(e.type, other(e.data), e.seen) for e in view.events),
            options=_relettered(view.options),
            rows=_relettered(view.rows),
        )

    return Telling(seen, names=NAMES)


CONTROLS: dict[str, Control] = {
    "no_history": no_history,
    "no_rules": no_rules,
    "neutral_rules": neutral_rules,
    "misleading_rules": misleading_rules,
    "shuffled_history": shuffled_history,
    "other_history": other_history,
    "choices_only": choices_only,
    "renamed": renamed,
}


def _of_package(found: Any, entry: Entry) -> Control:
    """The control that an entry point leads to."""
    if not callable(found):
        raise Unfit("a function of a decision and of other games")

    def telling(decision: Decision, others: OtherGames | None = None) -> Telling:
        return guarded_telling(found(decision, others), decision, entry)

    return guarded(entry, telling)


# "none" is no control (`study.selection`); readings and arms of interviews stand beside wordings as
# controls do.
EXTENSIONS = Extensions("control", (*CONTROLS, "none", *READINGS, *ARMS.values()), _of_package)


def names() -> list[str]:
    """The controls of tremble and of installed packages."""
    return [*CONTROLS, *EXTENSIONS.names()]


def control(name: str, own: Sequence[str] = ()) -> Control:
    """The control of that name. Raises UserError for an unknown one (`own` are names of the user's
    own, which may be meant), and for one of another package that cannot be loaded."""
    found = CONTROLS.get(name) or EXTENSIONS.get(name)
    if found is None:
        raise UserError(f"There is no control {name!r}{did_you_mean(name, [*names(), *own])}")
    return found


def under(wording: Formulation, made: Control, others: OtherGames | None = None) -> Formulation:
    """A wording under a control. It raises NotApplicable where the wording alone is not applicable,
    and ControlNotApplicable where only the control is not."""

    def words(
        decision: Decision, presentation: int = 0, told: Telling | None = None
    ) -> Conversation:
        try:
            return controlled(decision, presentation)
        except NotApplicable as reason:
            wording(decision, presentation)  # raises where the control is not to blame
            raise ControlNotApplicable(str(reason)) from reason

    def controlled(decision: Decision, presentation: int) -> Conversation:
        if own_prompt(decision) is not None:
            raise NotApplicable(
                "tremble does not know which part of your own prompt is rules or history"
            )
        telling = made(decision, others)
        conversation = wording(decision, presentation, telling)
        return replace(
            conversation,
            system=_named(conversation.system, telling.names),
            user=_named(conversation.user, telling.names),
        )

    return words


def _named(text: str, names: Mapping[str, str]) -> str:
    """The text with names exchanged, whole words alone, in the case they stand in."""
    if not names:
        return text

    lowered = {name.lower(): other for name, other in names.items()}

    def other(word: re.Match[str]) -> str:
        name = lowered.get(word[0].lower(), word[0])
        return name.lower() if word[0].islower() else name.upper() if word[0].isupper() else name

    return re.sub(rf"\b({'|'.join(map(re.escape, names))})\b", other, text, flags=re.IGNORECASE)


def _earlier(seen: View) -> tuple[list[Round], tuple[Event, ...]]:
    """`rounds` where there are any before. Raises NotApplicable where there are none."""
    earlier, current = rounds(seen)
    if not earlier:
        raise NotApplicable(_NOTHING)
    return earlier, current


def _relettered(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Letters thirteen places on; words say what an option does and stay."""
    return tuple(Option(o.key, _further(o.label)) if len(o.label) == 1 else o for o in options)


def _further(letter: str) -> str:
    first = "A" if "A" <= letter <= "Z" else "a" if "a" <= letter <= "z" else None
    return letter if first is None else chr(ord(first) + (ord(letter) - ord(first) + 13) % 26)


def _numbered(event: Event, number: Any) -> Event:
    return event if number is None else Event(event.type, {**event.data, "round": number})


def _mark(*parts: Any) -> bytes:
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
