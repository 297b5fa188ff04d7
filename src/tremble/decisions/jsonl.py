"""Reading decisions and offers as JSON lines, streamed, with every fault named by its line;
`writing` writes them, and its names are here as well.

A `game` line stands before the decisions that refer to it. Games are kept by their place in the
file, not in memory, so that a file of any size reads in bounded memory.
"""

from __future__ import annotations

import io
import json
import re
import shlex
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from tremble.decisions.checks import Checker
from tremble.decisions.files import Lines, lines_of
from tremble.decisions.lines import Fault, GameFault, NoResponses
from tremble.decisions.offers import KIND as OFFER
from tremble.decisions.offers import OneUnit as OneUnit
from tremble.decisions.offers import offer_of
from tremble.decisions.offers import offer_to_json as offer_to_json
from tremble.decisions.one_text import Names, OneGame, mark_of, talks
from tremble.decisions.one_text import OneText as OneText
from tremble.decisions.record import Decision, Game, Offer
from tremble.decisions.session_lines import KIND as SESSION
from tremble.decisions.session_lines import session_of, without_responses
from tremble.decisions.sessions import Session
from tremble.decisions.writing import TABLES
from tremble.decisions.writing import decision_to_json as decision_to_json
from tremble.decisions.writing import game_to_json as game_to_json
from tremble.decisions.writing import line_of as line_of
from tremble.decisions.writing import write as write
from tremble.disk.paths import is_file
from tremble.errors import UserError
from tremble.text import one_line

_CACHED_GAMES = 256
_IS_GAME = re.compile(rb'"kind"\s*:\s*"game"')
_ID = re.compile(rb'"id"\s*:\s*("(?:[^"\\]|\\.)*"|\d+)')
_IS_ARRAY = re.compile(rb"\[\s*(\{|$)")


OnFault = Callable[[Fault], None]


def read(
    path: Path, on_fault: OnFault | None = None, dataset: str | None = None
) -> Iterator[Decision]:
    """The decisions of a JSONL file, in file order, as `read_all` has them."""
    return (one for one in read_all(path, on_fault, dataset) if isinstance(one, Decision))


def read_offers(path: Path, dataset: str | None = None) -> Iterator[Offer]:
    """The offers of a JSONL file, in file order, as `read_all` has them."""
    return (one for one in read_all(path, dataset=dataset) if isinstance(one, Offer))


def read_all(
    path: Path, on_fault: OnFault | None = None, dataset: str | None = None
) -> Iterator[Decision | Offer]:
    """The decisions and offers of a JSONL file, in file order.

    A faulty line raises `Fault`, or is handed to `on_fault` and skipped. `dataset` is what records
    are of that do not say it; left out, the file's name. Raises UserError for a
    missing or empty file, and for a table. A file that gzip packed is read as what is in it.
    """
    if not is_file(path):
        raise UserError(f"There is no file {str(path)!r}; check the path.")
    if path.suffix.lower() in TABLES:
        raise UserError(
            f"{str(path)!r} is a table, not JSON lines; `tremble data import table "
            f"{shlex.quote(str(path))} --guess --out map.toml` writes a first map, which turns "
            "its rows into records (docs/tables.md)."
        )
    with lines_of(path) as lines:
        reader = _Reader(path, lines, dataset)
        yield from _played(reader, on_fault)
    if not reader.line:
        raise UserError(f"{path} is empty; write one JSON record per line.")


def read_records(
    records: Iterable[Mapping[str, Any]],
    where: Path,
    on_fault: OnFault | None = None,
    dataset: str | None = None,
) -> Iterator[Decision]:
    """The decisions of records that are in memory, as `read_all_records` has them."""
    every = read_all_records(records, where, on_fault, dataset)
    return (one for one in every if isinstance(one, Decision))


def read_all_records(
    records: Iterable[Mapping[str, Any]],
    where: Path,
    on_fault: OnFault | None = None,
    dataset: str | None = None,
) -> Iterator[Decision | Offer]:
    """What records that are in memory hold, as `read_all` has it of a file: the first one is
    on line 1 of `where`, which is no file but what faults call them. Raises UserError for a value
    that JSON has not."""
    content = io.BytesIO()
    for number, record in enumerate(records, 1):
        try:
            content.write(json.dumps(record).encode() + b"\n")
        except (TypeError, ValueError, RecursionError) as error:
            raise UserError(
                f"{where}, line {number}: the record cannot be written as JSON "
                f"({one_line(error)}); use only texts, numbers, lists and dicts."
            ) from error
    content.seek(0)
    yield from _played(_Reader(where, Lines(where, content, seekable=True), dataset), on_fault)


def _played(reader: _Reader, on_fault: OnFault | None) -> Iterator[Decision | Offer]:
    for line, raw in reader.lines:
        if not reader.line and _IS_ARRAY.match(raw):
            raise UserError(
                f"{reader.path} is one JSON array, not one object per line; write it with "
                "`stream_out` in R, with `to_json(..., orient='records', lines=True)` in pandas."
            )
        try:
            found = reader.record(raw, line)
        except Fault as fault:
            if on_fault is None:
                raise
            reader.faulty_game(raw, line)
            on_fault(fault)
            continue
        if isinstance(found, Session):
            if on_fault is not None and not found.numbers():
                on_fault(NoResponses(reader.path, line, without_responses(found)))
            yield from found.decisions()
        elif found is not None:
            yield found


def begins_as_written(start: bytes) -> bool:
    """Whether a file that begins so is empty, or holds records that `write` wrote: those say their
    schema and kind on every line."""
    try:
        record = json.loads(start.partition(b"\n")[0]) if start else None
    except (ValueError, RecursionError):
        return False
    return not start or (isinstance(record, dict) and {"schema", "kind", "id"} <= record.keys())


def read_prompts(stream: BinaryIO, name: str) -> Iterator[Decision]:
    """Bare prompts to score, one record a line in the bring-your-own form; what people did may
    be left out. Raises `Fault` for the first faulty line, under the name `name`."""
    for number, raw in Lines(Path(name), stream):
        check = Checker(Path(name), number, outcome=False)
        yield check.decision(check.parse(raw), lambda _: None)


class _Reader:
    """Keeps where each game stands, the ids already seen, and the games read last."""

    def __init__(self, path: Path, lines: Lines, dataset: str | None = None) -> None:
        self.path = path
        self.lines = lines
        self.dataset = dataset
        self.games: dict[bytes, int] = {}  # which game, counted from 0
        self.places = array("q")  # of each game its place (two numbers) and its line
        self.names = Names()
        self.texts: OneText[int] = OneText()
        self.contents: OneGame[int] = OneGame()  # by line
        self.units: OneUnit[int] = OneUnit()
        self.recent: OrderedDict[str, Game] = OrderedDict()
        self.faulty: dict[bytes, int] = {}  # games on faulty lines
        self.line = 0

    def faulty_game(self, raw: bytes, line: int) -> None:
        """Keeps the name of a game whose line is faulty, if it is the line of one."""
        name = _ID.search(raw)
        if _IS_GAME.search(raw) and name is not None:
            with suppress(ValueError):
                self.faulty.setdefault(mark_of(str(json.loads(name[1]))), line)

    def _checker(self, line: int) -> Checker:
        check = Checker(self.path, line)
        check.source = self.dataset or check.source
        return check

    def record(self, raw: bytes, line: int) -> Decision | Session | Offer | None:
        self.line = line
        check = self._checker(line)
        value = check.parse(raw)
        kind = value.get("kind", "decision")
        if kind == "game":
            self._take_game(check, check.game(value))
            return None
        if kind == OFFER:
            return self._offer(check, value)
        if kind == SESSION:
            session = session_of(check, value, check.source)
            again = self.names.session(session)
            if again is not None or mark_of(session.id) in self.games:
                self._twice(check, again or session.id)
            return session
        if kind != "decision":
            check.fail(f"kind is {kind!r}; it must be 'game', 'decision', 'offer' or 'session'.")
        decision = check.decision(value, self._game)
        if not self.names.decision(decision.id):
            self._twice(check, decision.id)
        line_before = self.texts.other(decision, line)
        if line_before is not None:
            check.fail(
                f"the item {decision.item!r} has a different text than on line {line_before}, "
                "with the same config; give every text its own item, or say in config what "
                "differs."
            )
        return decision

    def _take_game(self, check: Checker, game: Game) -> None:
        if mark_of(game.id) in self.games or self.names.is_session(game.id):
            self._twice(check, game.id)
        before = self.contents.other(game, check.line) if talks(game) else None
        if before is not None:
            check.fail(
                f"the game {game.id!r} has the same agents, rules, events and config as the game "
                f"on line {before}; remove one, or say in config what tells them apart."
            )
        self.games[mark_of(game.id)] = len(self.games)
        self.places.extend((*self.lines.keep(), check.line))
        self._remember(game)

    def _offer(self, check: Checker, value: dict[str, Any]) -> Offer:
        offer = offer_of(check, value, self._game)
        if not self.names.decision(offer.id):
            self._twice(check, offer.id)
        before = self.units.other(offer, check.line)
        if before is not None:
            check.fail(
                f"unit is {offer.unit!r}, but the offer of {offer.family} on line {before[1]} has "
                f"{before[0]!r}; give all offers of a family in one unit."
            )
        return offer

    def _twice(self, check: Checker, name: str) -> NoReturn:
        check.fail(
            f"the id {name!r} appeared before (a record without id is named after its file "
            "and line); give every record its own id."
        )

    def _remember(self, game: Game) -> None:
        self.recent[game.id] = game
        if len(self.recent) > _CACHED_GAMES:
            self.recent.popitem(last=False)

    def _game(self, game_id: str) -> Game | None:
        if game_id in self.recent:
            self.recent.move_to_end(game_id)
            return self.recent[game_id]
        mark = mark_of(game_id)
        if mark not in self.games:
            if mark in self.faulty:
                raise GameFault(self.path, self.line, game_id, self.faulty[mark])
            return None
        at = 3 * self.games[mark]
        start, size, line = self.places[at : at + 3]
        check = self._checker(line)
        game = check.game(check.parse(self.lines.again((start, size))))
        self._remember(game)
        return game
