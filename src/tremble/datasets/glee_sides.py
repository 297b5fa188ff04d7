"""Who sat on the two sides of a game of GLEE, and the offers that they made.

People are not identified. `otree_LLM`, the other side of people, is one agent whose model the files
do not name; models that play each other are called as the files call them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tremble.datasets.glee_rows import FRESH, PLAYERS, Row, section
from tremble.datasets.model_names import base_of_model
from tremble.decisions.record import Game, Offer
from tremble.errors import UserError
from tremble.text import as_written

PEOPLE, MODELS, BOTH = "people", "models", "both"
SIDES = (PEOPLE, MODELS, BOTH)
UNIT = "dollars"
HIGHEST = 2  # times the scale of the values: from there on no price is an offer to be compared
_PERSON, _UNNAMED = "otree", "otree_LLM"


class Seat(NamedTuple):
    """One side of a game: its `role`, and the name of the model there, None of a person."""

    role: str
    agent: str | None

    @property
    def side(self) -> str:
        """Which choice of `SIDES` takes it in."""
        return PEOPLE if self.agent is None else MODELS


def people_of(config: Mapping[str, Any]) -> list[str]:
    """The roles that people had in a game, from its settings."""
    return [
        role
        for role, number in zip(PLAYERS, (1, 2), strict=True)
        if config.get(f"player_{number}_type") == _PERSON
    ]


def seats_of(config: Mapping[str, Any], where: str) -> tuple[Seat, Seat]:
    """The two sides of a game, from its settings. Raises UserError, with `where` in it, where a
    model has no name."""
    first, second = (_seat(config, number, where) for number in (1, 2))
    return first, second


def _seat(config: Mapping[str, Any], number: int, where: str) -> Seat:
    role, kind = PLAYERS[number - 1], config.get(f"player_{number}_type")
    if kind in (_PERSON, _UNNAMED):
        return Seat(role, None if kind == _PERSON else _UNNAMED)
    name = section(config, f"player_{number}_args", where).get("model_name")
    if not isinstance(name, str) or not name:
        raise UserError(
            f"{where}: player_{number}_args.model_name is {as_written(name)}, but GLEE names the "
            f"model of a player of type {as_written(kind)}; {FRESH}."
        )
    return Seat(role, name)


def agents_of(seats: Sequence[Seat]) -> dict[str, dict[str, str]]:
    """The models of a game as its record says them: kind, and base where the name tells it."""
    agents = {}
    for seat in seats:
        if seat.agent is not None:
            base = {} if seat.agent == _UNNAMED else {"base": base_of_model(seat.agent)}
            agents[seat.agent] = {"kind": "model", **base}
    return agents


def offers_of(
    game: Game,
    rows: Sequence[Row],
    seats: Sequence[Seat],
    settings: Mapping[str, Any],
    dropped: Counter[str],
) -> list[Offer]:
    """The offers of these seats, in order: the proposer's own part of the money, or the price.
    What lies outside the range is counted in `dropped`."""
    agents = {seat.role: seat.agent for seat in seats}
    top = settings.get("money_to_divide")
    if top is None:
        top = HIGHEST * settings["product_price_order"]
    offers = []
    for at, row in enumerate(rows):
        if row.kind != "offer" or row.player not in agents:
            continue
        value = row.price if row.gains is None else row.gains[PLAYERS.index(row.player)]
        if value is None or not 0 <= value <= top:
            dropped["offers outside the range from 0 to the money, or twice the price scale"] += 1
            continue
        offers.append(
            Offer(
                id=f"{game.id}/o{row.round}",
                game=game,
                at=at,
                value=value,
                range=(0.0, float(top)),
                unit=UNIT,
                participant=agents[row.player],
                role=row.player,
            )
        )
    return offers
