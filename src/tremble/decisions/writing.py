"""Decisions and offers as JSON lines: each game once, before the first of them, and each session
whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

from tremble.decisions.files import LONGEST
from tremble.decisions.offers import OneUnit, offer_to_json
from tremble.decisions.one_text import Names, OneGame, mark_of, talks
from tremble.decisions.record import SCHEMA, Decision, Event, Game, Offer, Option
from tremble.decisions.session_lines import session_to_json
from tremble.decisions.sessions import Collected
from tremble.disk.paths import is_folder
from tremble.disk.whole import write_whole
from tremble.errors import UserError
from tremble.text import one_line

TABLES = (
    *(".csv", ".tsv", ".xls", ".xlsx", ".ods", ".parquet"),
    *(".sav", ".zsav", ".dta", ".por"),
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def write(decisions: Iterable[Decision | Offer], path: Path, option: str = "--out") -> int:
    """Write decisions and offers, each game once, before the first of them. Returns how many.

    The file appears whole or not at all. Raises UserError where it cannot be written, and where one
    id stands for two different games or for two records, a game for two names, and where a family
    has offers in two units; there `option` is what gave the path.
    """
    if is_folder(path):
        raise UserError(f"{str(path)!r} is a folder; give a file as {option}.")
    if path.suffix.lower() in TABLES:
        raise UserError(
            f"{option} is {str(path)!r}, but JSON lines are written, not a table; use a name that "
            "ends in .jsonl."
        )
    if path.suffix == ".gz":
        raise UserError(
            f"{option} is {str(path)!r}, but the file is written without compression; leave out "
            "the .gz, and compress the file with gzip afterwards."
        )
    count = 0
    writer = Writer()

    def lines(out: BinaryIO) -> None:
        nonlocal count
        for decision in decisions:
            out.writelines(writer.lines(decision))
            count += 1
        out.writelines(writer.rest())

    write_whole(path, lines, f"choose another {option}")
    return count


def game_to_json(game: Game) -> dict[str, Any]:
    """The record of a game; `agents` is left out where nobody is named in it."""
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "game",
        "id": game.id,
        "dataset": game.dataset,
        "family": game.family,
        "rules": dict(game.rules),
        "events": [_event_to_json(event) for event in game.events],
        "person": dict(game.person),
        "config": dict(game.config),
    }
    if game.agents:
        record["agents"] = {name: dict(facts) for name, facts in game.agents.items()}
    return record


def decision_to_json(decision: Decision) -> dict[str, Any]:
    """The record of a decision; keys whose value says nothing are left out."""
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "decision",
        "id": decision.id,
        "dataset": decision.dataset,
        "family": decision.family,
    }
    if decision.game is not None:
        record |= {"game": decision.game.id, "at": decision.at}
    elif decision.prompt is not None:
        record["prompt"] = decision.prompt
        record["opening"] = decision.opening
    else:
        record["rules"] = dict(decision.rules or {})
        record["history"] = [_event_to_json(event) for event in decision.history]
    optional: dict[str, Any] = {
        "system": decision.system,
        "item": decision.item,
        "participant": decision.participant,
        "round": decision.round,
        "role": decision.role,
        "options": [_option_to_json(option) for option in decision.options],
        "target": decision.target,
        "choice": decision.choice,
        "rates": None if decision.rates is None else dict(decision.rates),
        "n": decision.n,
        "rate_sd": decision.rate_sd,
        "choices_each": decision.choices_each,
        "config": dict(decision.config) or None,
        "person": dict(decision.facts) or None,
    }
    return record | {key: value for key, value in optional.items() if value is not None}


def line_of(record: dict[str, Any]) -> bytes:
    """The line of a game or a decision. Raises UserError for what no reader would take."""
    cure = "fix it in the source files"
    try:
        line = _ENCODER.encode(record).encode() + b"\n"
    except (ValueError, TypeError, RecursionError) as error:  # no number, half a character, ...
        raise UserError(
            f"The record {record['id']!r} cannot be written as JSON ({one_line(error)}); {cure}."
        ) from error
    if len(line) > LONGEST:
        raise UserError(
            f"The record {record['id']!r} would be a line of more than {LONGEST // 10**6} MB; "
            f"{cure}."
        )
    return line


class Writer:
    """The lines of decisions, each game before its first one and each session whole; keeps hashes
    of what was written."""

    def __init__(self) -> None:
        self.names = Names()
        self.games: dict[bytes, bytes] = {}  # id -> content
        self.last: Game | None = None
        self._contents: OneGame[str] = OneGame()  # by id
        self._units: OneUnit[str] = OneUnit()
        self._session: Collected | None = None  # whose line is still to come

    def lines(self, decision: Decision | Offer) -> Iterator[bytes]:
        """What can be written now that this decision or offer is known."""
        if isinstance(decision, Offer):
            yield from self._offer(decision)
            return
        if self._session is not None and not self._session.takes(decision):
            yield from self.rest()
        if decision.response is not None:
            if self._session is None:
                self._session = Collected(decision)
            self._session.add(decision)
            return
        if decision.game is not None and decision.game is not self.last:
            yield from self._game(decision.game)
            self.last = decision.game
        if not self.names.decision(decision.id):
            raise _twice(decision.id)
        yield line_of(decision_to_json(decision))

    def rest(self) -> Iterator[bytes]:
        """What is left to write after the last decision."""
        if self._session is not None:
            session, self._session = self._session.session(), None
            line = line_of(session_to_json(session))
            again = self.names.session(session)
            if again is not None:
                raise _twice(again)
            if mark_of(session.id) in self.games:
                raise _two_games(session.id)
            yield line

    def _offer(self, offer: Offer) -> Iterator[bytes]:
        yield from self.rest()
        if offer.game is not self.last:
            yield from self._game(offer.game)
            self.last = offer.game
        if not self.names.decision(offer.id):
            raise _twice(offer.id)
        before = self._units.other(offer, offer.id)
        if before is not None:
            raise UserError(
                f"The offer {offer.id!r} has the unit {offer.unit!r}, but {before[1]!r}, of the "
                f"same family, has {before[0]!r}; give all offers of a family in one unit."
            )
        yield line_of(offer_to_json(offer))

    def _game(self, game: Game) -> Iterator[bytes]:
        line = line_of(game_to_json(game))
        content, mark = blake2b(line, digest_size=12).digest(), mark_of(game.id)
        if mark not in self.games:
            self.games[mark] = content
            before = self._contents.other(game, game.id) if talks(game) else None
            if before is not None:
                raise UserError(
                    f"The games {before!r} and {game.id!r} have the same agents, rules, events and "
                    "config; give one of them, or say in config what tells them apart."
                )
            yield line
        elif self.games[mark] != content:
            raise _two_games(game.id)
        if self.names.is_session(game.id):
            raise _two_games(game.id)


def _twice(name: str) -> UserError:
    return UserError(
        f"Two decisions have the id {name!r}; give each its own id in the source files."
    )


def _two_games(name: str) -> UserError:
    return UserError(
        f"Two different games have the id {name!r}; give each its own id in the source files."
    )


def _option_to_json(option: Option) -> dict[str, Any]:
    record: dict[str, Any] = {"key": option.key, "label": option.label}
    if option.surface_forms:
        record["spellings"] = list(option.surface_forms)
    return record if option.value is None else {**record, "value": option.value}


def _event_to_json(event: Event) -> dict[str, Any]:
    for key in ("type", "seen"):
        if key in event.data:
            raise UserError(
                f"The event {event.type!r} has {key!r} in its data, a reserved name; rename it."
            )
    record = {"type": event.type, **event.data}
    return record if event.seen is None else {**record, "seen": dict(event.seen)}
