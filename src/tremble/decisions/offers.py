"""Offers as records: one number that somebody chose in a game, checked and written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tremble.decisions.agents import check_agent
from tremble.decisions.checks import Checker
from tremble.decisions.lines import short
from tremble.decisions.record import SCHEMA, Game, Offer
from tremble.text import as_written

KIND = "offer"
_KEYS = {
    *("schema", "kind", "id", "game", "at", "participant", "role", "value", "range", "unit"),
    "config",
}
Place = TypeVar("Place")


def offer_of(
    check: Checker, value: dict[str, Any], find_game: Callable[[str], Game | None]
) -> Offer:
    """The offer on a line; `find_game` has the games of the lines before, by their ids. Fails with
    the cure where a field is missing or makes no sense."""
    check.known(value, _KEYS)
    game, at = check.placed(value, find_game(check.text(value, "game")))
    low, high = _range(check, value)
    number = check.number(value, "value")
    if number is None:
        check.fail("value is missing; an offer is a number, so leave out who made none.")
    if not low <= number <= high:
        check.fail(
            f"value is {_said(number)}, outside its range from {_said(low)} to {_said(high)}; "
            "correct the value or widen the range."
        )
    participant, config = check.name(value, "participant"), check.table(value, "config")
    check_agent(check, game, participant, config)
    return Offer(
        id=check.text(value, "id"),
        game=game,
        at=at,
        value=number,
        range=(low, high),
        unit=check.text(value, "unit"),
        participant=participant,
        role=check.text(value, "role") if value.get("role") is not None else None,
        config=config,
        line=check.line,
    )


def _range(check: Checker, value: dict[str, Any]) -> tuple[float, float]:
    """The least and the largest number that can be offered, in this order."""
    given = value.get("range")
    if not isinstance(given, list) or len(given) != 2:
        check.fail(f"range is {as_written(given)}; it must be a list of two numbers, [low, high].")
    low, high = (check.number({"range": bound}, "range") for bound in given)
    if low is None or high is None:
        check.fail(f"range is {as_written(given)}; both bounds must be numbers.")
    if low == high:
        check.fail(f"range is {as_written(given)}, which is empty; the first bound must be lower.")
    if low > high:
        check.fail(f"range is {as_written(given)}, which is reversed; write the lower bound first.")
    return low, high


def _said(number: float) -> str:
    return short(int(number) if number == int(number) else number)


def offer_to_json(offer: Offer) -> dict[str, Any]:
    """The record of an offer; keys whose value says nothing are left out."""
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": KIND,
        "id": offer.id,
        "game": offer.game.id,
        "at": offer.at,
    }
    optional = {
        "participant": offer.participant,
        "role": offer.role,
        "value": offer.value,
        "range": list(offer.range),
        "unit": offer.unit,
        "config": dict(offer.config) or None,
    }
    return record | {key: value for key, value in optional.items() if value is not None}


class OneUnit(Generic[Place]):
    """Holds that the offers of a family in a data set are all in one unit."""

    def __init__(self) -> None:
        self._units: dict[tuple[str, str], tuple[str, Place]] = {}

    def other(self, offer: Offer, place: Place) -> tuple[str, Place] | None:
        """Another unit in which the family's offers were before, and where; None if there is
        none. `place` is where this offer stands."""
        first = self._units.setdefault((offer.dataset, offer.family), (offer.unit, place))
        return None if first[0] == offer.unit else first
