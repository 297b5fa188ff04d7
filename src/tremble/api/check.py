"""The check of a file of decisions: every fault with its line and the cure, then doubts; and the
import, which writes nothing that the check would refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

from tremble.decisions import jsonl
from tremble.decisions.checks import Checker
from tremble.decisions.lines import Fault, GameFault
from tremble.decisions.record import Decision, Game
from tremble.disk.paths import is_folder
from tremble.disk.whole import is_special
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.study.decision_frame import decision_row
from tremble.tokenization.disjoint import check_ends
from tremble.tokenization.options import boundary_warning, terminator_character

_WRITTEN = Path("records.jsonl")  # no name of a file gets into what is checked before it is there
RATES_TOLERANCE = 0.015  # rates are printed with two decimals


class Summary:
    """Counts decisions as they pass."""

    def __init__(self) -> None:
        self.by_family: Counter[str] = Counter()
        self.target: Counter[str] = Counter()

    def watch(self, decisions: Iterable[Decision]) -> Iterator[Decision]:
        for decision in decisions:
            self.by_family[decision.family] += 1
            if decision.choice is not None and decision.target is not None:
                self.target[decision.family] += decision.choice == decision.target
            yield decision

    def to_json(self) -> dict[str, Any]:
        """`target`: decisions whose choice is the target, by family of individual choices."""
        return {
            "decisions": self.by_family.total(),
            "by_family": dict(self.by_family),
            "target": dict(self.target),
        }


def import_decisions(decisions: Iterator[Decision], out: Path) -> dict[str, Any]:
    """Write decisions to `out` as they come, and return their counts.

    Raises UserError where there are none, where `out` cannot be written, for what the source's
    files have wrong, and for what `check_decisions` would refuse; then nothing is written.
    """
    if not is_special(out) and not is_folder(out.parent):
        raise UserError(f"There is no folder {str(out.parent)!r} to write --out into; make it.")
    first = next(decisions, None)
    if first is None:
        raise UserError("The files hold no decisions of people; check the path.")
    summary = Summary()
    jsonl.write(summary.watch(_sound(chain([first], decisions))), out)
    return summary.to_json()


def _sound(decisions: Iterable[Decision]) -> Iterator[Decision]:
    """The decisions, each checked before it goes on: what `check_decisions` would say of its line,
    and of its game's.

    Most decisions of a large file differ from another one in their names alone (168,386 of one
    source in 29,821 ways), and what was found of that one holds of them. Digests of these are kept.
    """
    known: set[bytes] = set()
    told: _Told | None = None
    for decision in decisions:
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
        yield decision


class _Told:
    """A game on its way to a file. `marks` stand for its first 0, 1, ... events and for all else in
    it but its name."""

    def __init__(self, game: Game) -> None:
        self.game = game
        about = (bool(game.id), game.dataset, game.family, game.rules, game.person, game.config)
        self.marks = [_mark(repr(about))]
        for event in game.events:
            self.marks.append(_mark(self.marks[-1], repr(event)))
        self._read: Game | None = None

    def read(self) -> Game:
        """The game as it is read from its line. Raises UserError where it is refused."""
        if self._read is None:
            line = Checker(_WRITTEN, 1)
            self._read = line.game(line.parse(jsonl.line_of(jsonl.game_to_json(self.game))))
        return self._read


def _but_for_names(d: Decision) -> tuple[Any, ...]:
    """All in a decision that a check looks at, of its names only whether they are there."""
    people = (d.options, d.target, d.choice, d.rates, d.n, d.rate_sd)
    seen = (d.game is None, d.at, d.rules, d.history, d.prompt, d.system, d.opening, d.item)
    named = (bool(d.id), d.participant and True, d.round, d.role, d.dataset, d.family, d.config)
    return people + seen + named


def _check(decision: Decision, told: _Told | None) -> None:
    """Raises UserError for a decision whose line is refused, or of which a study cannot be made."""
    line = Checker(_WRITTEN, 1)
    record = line.parse(jsonl.line_of(jsonl.decision_to_json(decision)))
    _usable(line.decision(record, lambda _: None if told is None else told.read()))


def _usable(decision: Decision) -> str:
    """Its standard prompt. Raises UserError where its family cannot use its rules or events, and
    where what ends the answer is part of a label."""
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
            f"The record {record!r} would be none that tremble takes, so nothing is written; mend "
            f"the files of the source: {what}"
        ) from error


def _mark(*parts: bytes | str) -> bytes:
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
    return digest.digest()


def _doubts(decision: Decision, text: str) -> Iterator[str]:
    """What may be right but often is not: the boundary between prompt and label, labels that no
    terminator ends, rates."""
    labels = [option.label for option in decision.options]
    warning = boundary_warning(text, labels[0])
    if warning is not None:
        yield warning
    begins = [a for a in labels for b in labels if a != b and b.startswith(a)]
    if begins and terminator_character(text) is None:
        yield f"the label {begins[0]!r} begins another one, and no quote is open to close it."
    total = sum((decision.rates or {}).values())
    if decision.rates is not None and abs(total - 1) > RATES_TOLERANCE:
        yield f"the rates add up to {total:.3f}; they are kept as they are."


def check_decisions(path: Path) -> tuple[dict[str, Any], list[str], list[str]]:
    """Counts, faults and warnings of a JSONL file: of its lines, and of what a study
    computes of every decision. What a game's rules or events lack is a fault of the game's line.

    Raises UserError where the file is missing or empty.
    """
    faults: dict[int, str] = {}  # by line
    fallen: Counter[int] = Counter()  # decisions that fall with their game, by its line
    warnings: list[str] = []

    def keep(fault: Fault) -> None:
        if isinstance(fault, GameFault):
            fallen[fault.game_line] += 1
            return
        faults.setdefault(fault.line, str(fault))

    def sound() -> Iterator[Decision]:
        for decision in jsonl.read(path, keep):
            try:
                text = _usable(decision)
            except UserError as error:
                line, of_game = decision.line or 0, decision.game and decision.game.line
                if of_game:
                    fallen[of_game] += 1
                    error = UserError(f"line {line} cannot use this game: {error}")
                keep(Fault(path, of_game or line, str(error)))
                continue
            for doubt in _doubts(decision, text):
                warnings.append(f"{path}, line {decision.line}: {doubt}")
            yield decision

    summary = Summary()
    for _ in summary.watch(sound()):
        pass
    for line, count in fallen.items():
        if line in faults:
            faults[line] += f" Decisions of this game that are left out: {count:,}."
    counts = {**summary.to_json(), "faulty": len(faults)}
    return counts, [faults[line] for line in sorted(faults)], warnings
