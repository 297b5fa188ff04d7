"""Who of a group decided what is stored once for all of it, as oTree does in its group fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tremble.tabular.guess.looked import Field
from tremble.tabular.guess.roles import Person, constant
from tremble.tabular.guess.words import own_words, word_set

FIRST, SECOND = 1, 2
# Second movers' words win: sent_back.
_SECOND = word_set(
    "accept accepted accepts reject rejected return returned back respond response reply approve "
    "approved veto vetoed"
)
_FIRST = word_set(
    "offer offered propose proposed proposal send sent sends give gave given transfer transferred "
    "invest invested demand demanded"
)
_SECOND_ROLES = word_set("responder receiver recipient trustee follower second")
_FIRST_ROLES = word_set("proposer sender dictator trustor truster investor leader allocator first")


def mover(name: str) -> int | None:
    """Who decides what a column is called: FIRST (offer), SECOND (accepted), None (unknown)."""
    return _told(own_words(name), _FIRST, _SECOND)


def decider(field: Field, seats: Sequence[Field], person: Person) -> tuple[str, str] | None:
    """The column and its value of those who decided a field of the group; None where neither the
    field's name nor the seats tell. `seats`: columns that tell members of a group apart, roles
    before numbers."""
    turn = mover(field.name)
    if turn is None:
        return None
    for seat in seats:
        if seat.part is not None and not constant(seat, person):
            continue  # rows can be told apart by one column alone
        values = _turns(seat.counts)
        if turn in values:
            return next(iter(seat.columns.values())), values[turn]
    return None


def _turns(seats: Iterable[str]) -> dict[int, str]:
    """FIRST and SECOND, each with the role or number that has it, where two share a group."""
    held = sorted(seats)
    if held == ["1", "2"]:
        return {FIRST: "1", SECOND: "2"}
    told = {_told(own_words(one), _FIRST_ROLES, _SECOND_ROLES): one for one in held}
    if len(held) == 2 and told.keys() == {FIRST, SECOND}:
        return {turn: one for turn, one in told.items() if turn is not None}
    return {}


def _told(words: Sequence[str], first: frozenset[str], second: frozenset[str]) -> int | None:
    if second.intersection(words):
        return SECOND
    return FIRST if first.intersection(words) else None
