"""The check of a file of decisions: what it says, every fault with its line and the cure,
then doubts; and the import, which writes nothing that the check would refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

from tremble.api.across import Between, Gathered, warnings_of
from tremble.api.doubts import doubts
from tremble.api.offered import Offered
from tremble.api.session_doubts import SessionDoubts, old_import
from tremble.api.understood import Understood
from tremble.decisions import jsonl
from tremble.decisions.checks import Checker
from tremble.decisions.lines import Fault, GameFault, NoResponses
from tremble.decisions.offers import offer_of
from tremble.decisions.record import Decision, Game, Offer
from tremble.decisions.sessions import BEGIN, END
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.study.decision_frame import decision_row
from tremble.tokenization.disjoint import check_ends
from tremble.tokenization.options import terminator_character

_WRITTEN = Path("records.jsonl")  # no name of a file gets into what is checked before it is there


class Summary:
    """Counts decisions and offers as they pass."""

    def __init__(self) -> None:
        self.by_family: Counter[str] = Counter()
        self.target: Counter[str] = Counter()
        self.offers: Counter[str] = Counter()

    def watch(self, played: Iterable[Decision | Offer]) -> Iterator[Decision | Offer]:
        for decision in played:
            if isinstance(decision, Offer):
                self.offers[decision.family] += 1
                yield decision
                continue
            self.by_family[decision.family] += 1
            if decision.choice is not None and decision.target is not None:
                self.target[decision.family] += decision.choice == decision.target
            yield decision

    def to_json(self) -> dict[str, Any]:
        """`target`: decisions whose choice is the target, by family of individual choices. Where
        there are offers, also `offers`, how many, and `offers_by_family`."""
        offers = {"offers": self.offers.total(), "offers_by_family": dict(self.offers)}
        return {
            "decisions": self.by_family.total(),
            "by_family": dict(self.by_family),
            "target": dict(self.target),
            **(offers if self.offers else {}),
        }


def import_decisions(decisions: Iterator[Decision | Offer], out: Path) -> dict[str, Any]:
    """Write decisions and offers to `out` as they come, and return their counts. Folders above it
    are made.

    Raises UserError where there are none, where `out` cannot be written, for what the source's
    files have wrong, and for what `check_decisions` would refuse; then nothing is written.
    """
    first = next(decisions, None)
    if first is None:
        raise UserError("The files contain no decisions of people; check the path.")
    summary = Summary()
    jsonl.write(summary.watch(_sound(chain([first], decisions))), out)
    return summary.to_json()


def _sound(decisions: Iterable[Decision | Offer]) -> Iterator[Decision | Offer]:
    """The decisions and offers, each checked before it goes on: what `check_decisions` would say of
    its line, and of its game's.

    Most decisions of a large file differ from another one in their names alone (168,386 of one
    source in 29,821 ways), and what was found of that one holds of them. Digests of these are kept.
    """
    known: set[bytes] = set()
    texts: jsonl.OneText[str] = jsonl.OneText()
    told: _Told | None = None
    for decision in decisions:
        if isinstance(decision, Offer):
            told = told if told is not None and told.game is decision.game else _Told(decision.game)
            with _named(decision.id):
                _check_offer(decision, told.read())
            yield decision
            continue
        if decision.response is not None:  # the writer checks its session as it is read again
            with _named(decision.id):
                _told_apart(decision)
            yield decision
            continue
        if decision.game is None:
            told = None
        elif told is None or told.game is not decision.game:
            told = _Told(decision.game)
            if told.marks[-1] not in known:
                with _named(decision.game.id):
                    told.read()
                known.add(told.marks[-1])
        before = [] if told is None else told.marks[decision.at : decision.at + 1]
        mark = _mark(*before, repr(_but_for_names(decision)))
        if mark not in known:
            with _named(decision.id):
                _check(decision, told)
            known.add(mark)
        other = texts.other(decision, decision.id)
        if other is not None:
            raise UserError(
                f"The item {decision.item!r} has different texts in the records {other!r} and "
                f"{decision.id!r} with the same config; give every text its own item, or say in "
                "config what differs."
            )
        yield decision


class _Told:
    """A game on its way to a file. `marks` stand for its first 0, 1, ... events and for all else in
    it but its name."""

    def __init__(self, game: Game) -> None:
        self.game = game
        about = (bool(game.id), game.dataset, game.family, game.rules, game.person, game.config)
        self.marks = [_mark(repr((*about, game.agents) if game.agents else about))]
        for event in game.events:
            self.marks.append(_mark(self.marks[-1], repr(event)))
        self._read: Game | None = None

    def read(self) -> Game:
        """The game as it is read from its line. Raises UserError where it is refused."""
        if self._read is None:
            line = Checker(_WRITTEN, 1)
            self._read = line.game(line.parse(jsonl.line_of(jsonl.game_to_json(self.game))))
        return self._read


# Few decisions have options of their own, and to write these out takes longer than all else.
_written_out = lru_cache(maxsize=1024)(repr)


def _but_for_names(d: Decision) -> tuple[Any, ...]:
    """All in a decision that a check looks at, of its names only whether they are there."""
    one_of = d.game is not None and d.game.agents  # then it matters who it is
    people = (_written_out(d.options), d.target, d.choice, d.rates, d.n, d.rate_sd, d.choices_each)
    seen = (d.game is None, d.at, d.rules, d.history, d.prompt, d.system, d.opening, d.item)
    named = (
        bool(d.id),
        d.participant and (d.participant if one_of else True),
        d.round,
        d.role,
        d.dataset,
        d.family,
        d.config,
        d.facts,
    )
    return people + seen + named


def _check(decision: Decision, told: _Told | None) -> None:
    """Raises UserError for a decision whose line is refused, or of which a study cannot be made."""
    line = Checker(_WRITTEN, 1)
    record = line.parse(jsonl.line_of(jsonl.decision_to_json(decision)))
    _usable(line.decision(record, lambda _: None if told is None else told.read()))


def _check_offer(offer: Offer, game: Game) -> None:
    """Raises UserError for an offer whose line is refused."""
    line = Checker(_WRITTEN, 1)
    record = line.parse(jsonl.line_of(jsonl.offer_to_json(offer)))
    offer_of(line, record, lambda _: game)


def _told_apart(decision: Decision) -> None:
    """Raises UserError where what ends a response of a session is part of a label."""
    if decision.options:
        _check_labels(tuple(option.label for option in decision.options))


@lru_cache(maxsize=4096)
def _check_labels(labels: tuple[str, ...]) -> None:
    check_ends([True] * len(labels), labels, END[0])


def _usable(decision: Decision) -> str:
    """Its standard prompt; of a session only the mark that it ends with, since a session may have
    thousands. Raises UserError where its family cannot use its rules or events, and where what ends
    the answer is part of a label."""
    if decision.response is not None:
        _told_apart(decision)
        return BEGIN
    decision_row(decision)
    text = standard(decision, 0).plain()
    end, labels = terminator_character(text), [option.label for option in decision.options]
    if end is not None:
        check_ends([True] * len(labels), labels, end)
    return text


@contextmanager
def _named(record: str) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        what = error.message if isinstance(error, Fault) else str(error)
        raise UserError(
            f"The record {record!r} would not be valid, so nothing was written; fix the source "
            f"files: {what}"
        ) from error


def _mark(*parts: bytes | str) -> bytes:
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
    return digest.digest()


def check_decisions(path: Path) -> tuple[dict[str, Any], list[str], list[str]]:
    """`check_records` of a JSONL file. Raises UserError where the file is missing or empty."""
    return check_records(partial(jsonl.read_all, path), path)


def check_records(
    read: Callable[[jsonl.OnFault], Iterable[Decision | Offer]], where: Path
) -> tuple[dict[str, Any], list[str], list[str]]:
    """What records say, their faults and warnings: of their lines, of what a study computes
    of every decision, and of lines that do not go together. What a game's rules or events lack is a
    fault of the game's line. Equal faults and equal warnings are one sentence, with the first three
    lines and a count.

    `read` gives decisions and offers, each with its line, and what it is given a fault of a line;
    `where` is what sentences call the file. The first that is returned holds the counts of
    `Summary.to_json`, `faulty` (lines), `Understood.to_json` and `Offered.to_json`. Raises what
    `read` raises.
    """
    faults, warnings = _Faults(where), warnings_of(where)
    summary, understood, between = Summary(), Understood(), Between()
    sessions, offered = SessionDoubts(), Offered()

    def keep(fault: Fault) -> None:
        if isinstance(fault, NoResponses):
            warnings.add(fault.message, fault.line)
        else:
            faults.keep(fault)

    def sound() -> Iterator[Decision | Offer]:
        for decision in read(keep):
            line = decision.line or 0
            for doubt in between.agents(decision.game):
                warnings.add(doubt, line)
            if isinstance(decision, Offer):
                offered.add(decision)
                yield decision
                continue
            try:
                text = _usable(decision)
            except UserError as error:
                faults.useless(decision, line, str(error))
                continue
            new = sessions.add(decision)
            for doubt in chain(doubts(decision, text), between.doubts(decision) if new else ()):
                warnings.add(doubt, line)
            if old := old_import(decision):
                warnings.add(old, line)
            understood.add(decision, text)
            yield decision

    for _ in summary.watch(sound()):
        pass
    for doubt, line in sessions.sentences():
        warnings.add(doubt, line)
    about = {**understood.to_json(), **offered.to_json()}
    found = {**summary.to_json(), "faulty": faults.count, **about}
    return found, faults.gathered().sentences(), warnings.sentences()


class _Faults:
    """The faults of a file, one a line; of a game's line also how many decisions fall with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sentences: dict[str, str] = {}  # equal ones are kept once
        self._by_line: dict[int, str] = {}
        self._fallen: Counter[int] = Counter()

    @property
    def count(self) -> int:
        return len(self._by_line)

    def keep(self, fault: Fault) -> None:
        if isinstance(fault, GameFault):
            self._fallen[fault.game_line] += 1
            return
        what = self._sentences.setdefault(fault.message, fault.message)
        self._by_line.setdefault(fault.line, what)

    def useless(self, decision: Decision, line: int, what: str) -> None:
        """A decision of which a study cannot be made, on `line`; a fault of its game's line, where
        it has one."""
        of_game = decision.game and decision.game.line
        if of_game:
            self._fallen[of_game] += 1
            what = f"line {line} cannot use this game: {what}"
        self.keep(Fault(self.path, of_game or line, what))

    def gathered(self) -> Gathered:
        said = Gathered(self.path)
        for line in sorted(self._by_line):
            left = self._fallen.get(line)
            more = f" Excluded decisions of this game: {left:,}." if left else ""
            said.add(self._by_line[line] + more, line)
        return said
