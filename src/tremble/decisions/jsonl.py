"""Reading and writing decisions as JSON lines, streamed, with every fault named by its line.

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
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

from tremble.decisions.checks import Checker
from tremble.decisions.files import LONGEST, Lines, lines_of
from tremble.decisions.lines import Fault, GameFault
from tremble.decisions.record import SCHEMA, Decision, Event, Game, Option
from tremble.disk.paths import is_file, is_folder
from tremble.disk.whole import write_whole
from tremble.errors import UserError
from tremble.text import one_line

_CACHED_GAMES = 256
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_IS_GAME = re.compile(rb'"kind"\s*:\s*"game"')
_ID = re.compile(rb'"id"\s*:\s*("(?:[^"\\]|\\.)*"|\d+)')
_IS_ARRAY = re.compile(rb"\[\s*(\{|$)")
_TABLES = (
    *(".csv", ".tsv", ".xls", ".xlsx", ".ods", ".parquet"),
    *(".sav", ".zsav", ".dta", ".por"),
)


OnFault = Callable[[Fault], None]


def read(
    path: Path, on_fault: OnFault | None = None, dataset: str | None = None
) -> Iterator[Decision]:
    """The decisions of a JSONL file, in file order.

    A faulty line raises `Fault`, or is handed to `on_fault` and skipped. `dataset` is what records
    are of that do not say it; left out, the file's name. Raises UserError for a
    missing or empty file, and for a table. A file that gzip packed is read as what is in it.
    """
    if not is_file(path):
        raise UserError(f"There is no file {str(path)!r}; check the path.")
    if path.suffix.lower() in _TABLES:
        raise UserError(
            f"{str(path)!r} is a table, not JSON lines; `tremble data import table "
            f"{shlex.quote(str(path))} --guess --out map.toml` writes a first map, which turns "
            "its rows into records (docs/tables.md)."
        )
    with lines_of(path) as lines:
        reader = _Reader(path, lines, dataset)
        yield from _decisions(reader, on_fault)
    if not reader.line:
        raise UserError(f"{path} is empty; write one JSON record per line.")


def read_records(
    records: Iterable[Mapping[str, Any]],
    where: Path,
    on_fault: OnFault | None = None,
    dataset: str | None = None,
) -> Iterator[Decision]:
    """The decisions of records that are in memory, as `read` has those of a file: the first one is
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
    yield from _decisions(_Reader(where, Lines(where, content, seekable=True), dataset), on_fault)


def _decisions(reader: _Reader, on_fault: OnFault | None) -> Iterator[Decision]:
    for line, raw in reader.lines:
        if not reader.line and _IS_ARRAY.match(raw):
            raise UserError(
                f"{reader.path} is one JSON array, not one object per line; write it with "
                "`stream_out` in R, with `to_json(..., orient='records', lines=True)` in pandas."
            )
        try:
            decision = reader.record(raw, line)
        except Fault as fault:
            if on_fault is None:
                raise
            reader.faulty_game(raw, line)
            on_fault(fault)
            continue
        if decision is not None:
            yield decision


def begins_as_written(start: bytes) -> bool:
    """Whether a file that begins so is empty, or holds records that `write` wrote: those say their
    schema and kind on every line."""
    try:
        record = json.loads(start.partition(b"\n")[0]) if start else None
    except (ValueError, RecursionError):
        return False
    return not start or (isinstance(record, dict) and {"schema", "kind", "id"} <= record.keys())


def write(decisions: Iterable[Decision], path: Path, option: str = "--out") -> int:
    """Write decisions, each game once, before its first decision. Returns how many.

    The file appears whole or not at all. Raises UserError where it cannot be written, and where one
    id stands for two different games or for two decisions; there `option` is what gave the path.
    """
    if is_folder(path):
        raise UserError(f"{str(path)!r} is a folder; give a file as {option}.")
    if path.suffix.lower() in _TABLES:
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

    write_whole(path, lines, f"choose another {option}")
    return count


def game_to_json(game: Game) -> dict[str, Any]:
    return {
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


def read_prompts(stream: BinaryIO, name: str) -> Iterator[Decision]:
    """Bare prompts to score, one record a line in the bring-your-own form; what people did may
    be left out. Raises `Fault` for the first faulty line, under the name `name`."""
    for number, raw in Lines(Path(name), stream):
        check = Checker(Path(name), number, outcome=False)
        yield check.decision(check.parse(raw), lambda _: None)


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


Place = TypeVar("Place")


class OneText(Generic[Place]):
    """Holds that an item has one text in one condition. Of texts and conditions it keeps hashes."""

    def __init__(self) -> None:
        self._items: dict[bytes, tuple[str, Place]] = {}  # condition and item -> its text, a place

    def other(self, decision: Decision, place: Place) -> Place | None:
        """Where the item of a decision, which stands at `place`, had another text before."""
        d = decision
        if d.item is None:
            return None
        condition = [d.dataset, d.family, d.item, d.role, d.round, d.config]
        mark = _mark(json.dumps(condition, sort_keys=True))
        text, before = self._items.setdefault(mark, (d.read, place))
        return None if text == d.read else before


class Writer:
    """The lines of decisions, each game before its first one; keeps hashes of what was written."""

    def __init__(self) -> None:
        self.ids: set[bytes] = set()
        self.games: dict[bytes, bytes] = {}  # id -> content
        self.last: Game | None = None

    def lines(self, decision: Decision) -> Iterator[bytes]:
        if decision.game is not None and decision.game is not self.last:
            yield from self._game(decision.game)
            self.last = decision.game
        mark = _mark(decision.id)
        if mark in self.ids:
            raise UserError(
                f"Two decisions have the id {decision.id!r}; give each its own id in the source "
                "files."
            )
        self.ids.add(mark)
        yield line_of(decision_to_json(decision))

    def _game(self, game: Game) -> Iterator[bytes]:
        line = line_of(game_to_json(game))
        content, mark = blake2b(line, digest_size=12).digest(), _mark(game.id)
        if mark not in self.games:
            self.games[mark] = content
            yield line
        elif self.games[mark] != content:
            raise UserError(
                f"Two different games have the id {game.id!r}; give each its own id in the source "
                "files."
            )


class _Reader:
    """Keeps where each game stands, the ids already seen, and the games read last."""

    def __init__(self, path: Path, lines: Lines, dataset: str | None = None) -> None:
        self.path = path
        self.lines = lines
        self.dataset = dataset
        self.games: dict[bytes, int] = {}  # which game, counted from 0
        self.places = array("q")  # of each game its place (two numbers) and its line
        self.ids: set[bytes] = set()  # of decisions
        self.texts: OneText[int] = OneText()
        self.recent: OrderedDict[str, Game] = OrderedDict()
        self.faulty: dict[bytes, int] = {}  # games on faulty lines
        self.line = 0

    def faulty_game(self, raw: bytes, line: int) -> None:
        """Keeps the name of a game whose line is faulty, if it is the line of one."""
        name = _ID.search(raw)
        if _IS_GAME.search(raw) and name is not None:
            with suppress(ValueError):
                self.faulty.setdefault(_mark(str(json.loads(name[1]))), line)

    def _checker(self, line: int) -> Checker:
        check = Checker(self.path, line)
        check.source = self.dataset or check.source
        return check

    def record(self, raw: bytes, line: int) -> Decision | None:
        self.line = line
        check = self._checker(line)
        value = check.parse(raw)
        kind = value.get("kind", "decision")
        if kind == "game":
            game = check.game(value)
            self._once(check, self.games, game.id)
            self.games[_mark(game.id)] = len(self.games)
            self.places.extend((*self.lines.keep(), line))
            self._remember(game)
            return None
        if kind != "decision":
            check.fail(f"kind is {kind!r}; it must be 'game' or 'decision'.")
        decision = check.decision(value, self._game)
        self._once(check, self.ids, decision.id)
        line_before = self.texts.other(decision, line)
        if line_before is not None:
            check.fail(
                f"the item {decision.item!r} has a different text than on line {line_before}, "
                "with the same config; give every text its own item, or say in config what "
                "differs."
            )
        self.ids.add(_mark(decision.id))
        return decision

    def _once(self, check: Checker, seen: Container[bytes], name: str) -> None:
        if _mark(name) in seen:
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
        mark = _mark(game_id)
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


def _mark(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).digest()
