"""lowballm: language models haggle over the price of one thing, with a message in every turn.

The seller opens, and sides alternate. A turn is an answer to the turn before and, where it is no
acceptance, perhaps an offer; on an acceptance `offer` repeats the other's price and is none. What
an agent thought (`thought`), each side's estimate, the true value and what came of the game are
private or from outside; of these only the own estimate is told, to its owner.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from tremble.datasets.base import Card, Notes, find_files
from tremble.datasets.model_names import base_of_model
from tremble.decisions.files import FRESH, json_of
from tremble.decisions.record import STATUS, Decision, Event, Game, Offer, Option
from tremble.errors import UserError
from tremble.text import as_written

CARD = Card(
    name="lowballm",
    title="lowballm: language models haggling over a price in words",
    citation="aicheye (2025). lowballm. https://github.com/aicheye/lowballm",
    licence="not stated",
    size="769 answers and 742 offers by eight models in 88 negotiations",
    one_decision="a model's answer to the other side's turn: accept its offer, or not",
    files="run_*.json in public/logs, or any folder above it",
    notes=(
        "Agents are models, by `model`; names of sides differ between runs and are not read. The "
        "base is the model's name without its version.",
        "Columns read: id, date, tournament, item, model and estimate of each side, and of every "
        "turn role, message, offer, deal, and of thought only whether it says that the reply could "
        "not be read. Not read: trueValue, score, dealPrice, dealReached, turns, thinkingTokens, "
        "all else that was thought.",
        "The estimate is what the thing is worth to a side, and only that side's prompts tell it. "
        "What the models read is not in these files: prompts have the words of the family "
        "negotiation without an outsider, the seller is Alice, the buyer Bob, and no number of "
        "turns is told.",
        "On an acceptance the offer repeats the other's price and is no offer. Turns without an "
        "offer are events, and the answer to one is a decision with `on_the_table` nothing in "
        "config: there was nothing to accept.",
        "A reply that could not be read is a turn without an offer, and its status is unreadable. "
        "Its message is the raw reply, thought included, and is left out.",
        "Prices run from hundreds to tens of billions of dollars and have no bounds, so an "
        "offer is the decimal logarithm of its price, from 0 ($1) to 12; the price in dollars is "
        "in the game's events.",
        "Games come in the order of their dates. Most agents have 20 games or fewer.",
    ),
    manual="take the folder public/logs from https://github.com/aicheye/lowballm",
    public_since="2025-12",
    public_note="the month of the first game in these files",
)
ROLES = {"seller": "Alice", "buyer": "Bob"}
OPTIONS = (Option("AcceptOffer", "AcceptOffer"), Option("RejectOffer", "RejectOffer"))
UNIT, RANGE = "log10 dollars", (0.0, 12.0)
_UNREAD = "Failed to parse JSON output"  # the thought of a turn whose reply could not be read


def load(path: Path, notes: Notes) -> Iterator[Decision | Offer]:
    """The decisions and offers, game by game, in the order of the games' dates.

    Raises UserError, with file and turn, for files that are not lowballm's.
    """
    cure = "give the folder public/logs of lowballm, or one above it"
    files = find_files(path, "run_*.json", "run_*.json", cure)
    games = [_Run(file, json_of(file)) for file in files]
    games.sort(key=lambda run: (run.date, run.id))
    names = [run.id for run in games]
    twice = next((run for run in games if names.count(run.id) > 1), None)
    if twice is not None:
        twice.fail(f"the id {twice.id!r} is that of another file, too")
    for run in games:
        yield from run.played(notes)


class _Run:
    """One game, checked as it is read."""

    def __init__(self, file: Path, value: Any) -> None:
        self.where = str(file)
        if not isinstance(value, dict):
            self.fail(f"a JSON {type(value).__name__}, not an object")
        self.value: dict[str, Any] = value
        self.id = self.text(value, "id")
        self.date = self.text(value, "date")

    def fail(self, message: str) -> NoReturn:
        raise UserError(f"{self.where}: {message}; {FRESH}.")

    def text(self, value: Mapping[str, Any], key: str, at: str = "") -> str:
        found = value.get(key)
        if not isinstance(found, str) or not found:
            self.fail(f"{at}{key} is {as_written(found)[:100]}, not a text")
        return found

    def number(self, value: Mapping[str, Any], key: str, at: str) -> float:
        found = value.get(key)
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 1e15:
            self.fail(f"{at}{key} is {as_written(found)[:100]}, not a price")
        return found

    def object(self, value: Mapping[str, Any], key: str, at: str = "") -> dict[str, Any]:
        found = value.get(key)
        if not isinstance(found, dict):
            self.fail(f"{at}{key} is {as_written(found)[:100]}, not an object")
        return found

    def played(self, notes: Notes) -> list[Decision | Offer]:
        """The decisions and offers of the game, in order."""
        sides = {role: self.object(self.value, role) for role in ROLES}
        models = {role: self.text(side, "model", f"{role}.") for role, side in sides.items()}
        turns = self._turns()
        events: list[Event] = []
        decided: list[dict[str, Any]] = []
        made: list[dict[str, Any]] = []
        for number, turn in enumerate(turns, start=1):
            who = {"role": ROLES[turn.role], "participant": models[turn.role]}
            status = {STATUS: "unreadable" if turn.unread else "read"}
            if number > 1:
                choice = OPTIONS[0 if turn.deal else 1].key
                table = "an offer" if turns[number - 2].price is not None else "nothing"
                config = {**status, "on_the_table": table}
                asked = number - 1  # a round is an offer and the answer to it, as in the family
                decided.append(
                    {"at": len(events), "round": asked, "choice": choice, "config": config, **who}
                )
                if table == "an offer":  # else there was nothing to reject
                    events.append(_event("decision", asked, turn, choice=choice))
            if turn.deal:
                break
            if turn.price is not None:
                made.append({"at": len(events), "price": turn.price, "round": number, **who})
                events.append(_event("offer", number, turn, price=turn.price))
            else:
                events.append(_event("message", number, turn))
        return self._records(self._game(sides, models, events), decided, made, notes)

    def _turns(self) -> list[_Turn]:
        logs = self.value.get("logs")
        if not isinstance(logs, list) or not logs:
            self.fail(f"logs is {as_written(logs)[:100]}, not a list of turns")
        turns = [_Turn(self, number, log) for number, log in enumerate(logs, start=1)]
        for number, turn in enumerate(turns, start=1):
            expected = tuple(ROLES)[(number - 1) % 2]
            if turn.role != expected:
                self.fail(f"turn {number} is the {turn.role}'s, but it is the {expected}'s")
            if not turn.deal:
                continue
            if number < len(turns):
                self.fail(f"turn {number} accepts, but the game goes on")
            if number == 1 or turns[number - 2].price != turn.price:
                self.fail(f"turn {number} accepts an offer that the turn before it did not make")
        return turns

    def _game(
        self, sides: dict[str, dict[str, Any]], models: dict[str, str], events: list[Event]
    ) -> Game:
        tournament = self.value.get("tournament")
        item = self.text(self.value, "item")
        return Game(
            id=f"{CARD.name}/{self.id}",
            dataset=CARD.name,
            family="negotiation",
            rules={
                "product": item,
                "outsider": False,
                "other_value": None,
                "complete_information": False,
                "messages": True,
                "rounds": None,
                "private": {
                    ROLES[role]: {"value": self.number(side, "estimate", f"{role}.")}
                    for role, side in sides.items()
                },
            },
            events=tuple(events),
            config={
                "Product": item,
                **({} if tournament is None else {"Tournament": str(tournament)}),
            },
            agents={
                model: {"kind": "model", "base": base_of_model(model)} for model in models.values()
            },
        )

    def _records(
        self,
        game: Game,
        decided: list[dict[str, Any]],
        made: list[dict[str, Any]],
        notes: Notes,
    ) -> list[Decision | Offer]:
        records: list[Decision | Offer] = [
            Decision(
                id=f"{game.id}/r{one['round']}",
                dataset=CARD.name,
                family=game.family,
                options=OPTIONS,
                target=OPTIONS[0].key,
                game=game,
                **one,
            )
            for one in decided
        ]
        for one in made:
            number, price = one.pop("round"), one.pop("price")
            value = math.log10(price)
            if not RANGE[0] <= value <= RANGE[1]:
                notes.dropped["offers below $1 or above $1,000,000,000,000"] += 1
                continue
            records.append(
                Offer(
                    id=f"{game.id}/o{number}",
                    game=game,
                    value=value,
                    range=RANGE,
                    unit=UNIT,
                    config={STATUS: "read"},
                    **one,
                )
            )
        return sorted(records, key=lambda one: one.at)


class _Turn:
    """One turn: whose, what was written, the price named, whether it accepts."""

    def __init__(self, run: _Run, number: int, log: Any) -> None:
        at = f"turn {number}: "
        if not isinstance(log, dict) or log.get("turn") != number:
            run.fail(f"{at}{as_written(log)[:100]} is not an object with this number")
        content = run.object(log, "content", at)
        self.role = run.text(log, "role", at)
        if self.role not in ROLES:
            run.fail(f"{at}role is {self.role!r}, not seller or buyer")
        self.deal = content.get("deal")
        if not isinstance(self.deal, bool):
            run.fail(f"{at}deal is {as_written(self.deal)[:100]}, not true or false")
        self.unread = content.get("thought") == _UNREAD
        given = content.get("offer")
        self.price = None if given is None else run.number(content, "offer", at)
        self.message = None if self.unread else run.text(content, "message", at)


def _event(kind: str, number: int, turn: _Turn, **data: Any) -> Event:
    """A part of a turn; what was written stands with the offer, or with the acceptance."""
    said = turn.message is not None and (kind != "decision" or turn.deal)
    message = {"message": turn.message} if said else {}
    return Event(kind, {"round": number, "player": ROLES[turn.role], **data, **message})
