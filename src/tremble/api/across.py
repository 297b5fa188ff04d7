"""What a check has to say of many lines: equal sentences once, and what only several lines together
can have wrong: options in another order, values on some, one word written in two ways."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tremble.decisions.one_text import OneGame
from tremble.decisions.record import Decision, Game, name_hash
from tremble.prompts.interview import answer, fact_key
from tremble.text import counted

FIRST = 3  # lines that are named of an equal fault or warning
_MOST_KEYS = 100  # more options than that are no words that somebody wrote twice
_MOST = 10_000  # different warnings, sets of options and spellings that are kept


@dataclass(slots=True)
class _Lines:
    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        self.count += 1
        if len(self.first) < FIRST:
            self.first.append(line)

    def __str__(self) -> str:
        """'line 4', 'lines 4 and 7', 'lines 4, 7, 9 and 20 more'."""
        *others, last = map(str, self.first)
        if self.count > FIRST:
            others, last = [*others, last], f"{self.count - FIRST:,} more"
        if not others:
            return f"line {last}"
        return f"lines {', '.join(others)} and {last}"


class Gathered:
    """Sentences on lines of a file, equal ones once, with the first three lines and a count."""

    def __init__(self, path: Path, most: int | None = None) -> None:
        """`most`: how many different sentences are kept; further ones are only counted."""
        self.path = path
        self._most = most
        self._lines: dict[str, _Lines] = {}
        self._others = 0

    def add(self, sentence: str, line: int) -> None:
        """A sentence that holds of a line; lines come in ascending order."""
        if sentence not in self._lines and len(self._lines) == self._most:
            self._others += 1
            return
        self._lines.setdefault(sentence, _Lines()).add(line)

    def sentences(self) -> list[str]:
        """In the order of their first lines, each with the file and the lines."""
        said = [f"{self.path}, {lines}: {what}" for what, lines in self._lines.items()]
        if self._others:
            more = counted(self._others, "further warning")
            said.append(f"{self.path}: {more} of other kinds; fix these first.")
        return said


def warnings_of(path: Path) -> Gathered:
    """What gathers a file's warnings, at most 10,000 different ones."""
    return Gathered(path, _MOST)


class Between:
    """Compares each decision with the first one that has the same options."""

    def __init__(self) -> None:
        self._first: dict[int, _Coding] = {}
        self._game: Game | None = None  # whose agents came last
        self._games: OneGame[str] = OneGame()  # by id
        self._spelt: dict[tuple[str, str], dict[str, str]] = {}  # parameter -> folded -> as written

    def doubts(self, d: Decision) -> Iterator[str]:
        """Sentences on this decision, for what stood on lines before."""
        yield from self._options(d)
        yield from self._keys(d)
        yield from self._named("config", d.breakdown)
        yield from self._named("person", d.person, of_session=d.response is not None)

    def agents(self, game: Game | None) -> Iterator[str]:
        """Sentences on a game and its agents: names that stood in another way on lines before, and
        a game that was there before."""
        if game is None or not game.agents or game is self._game:
            return
        self._game = game
        for name, facts in game.agents.items():
            for what, written in (("agents", name), ("base of agents", facts.get("base"))):
                before = written and self._spelling(what, game.dataset, written)
                if before:
                    yield f"{what} has the names {before!r} and {written!r}, {_ALMOST}"

        if self._games.other(game, game.id) is not None:
            yield (
                "its game has the same agents, rules, events and config as an earlier one; equal "
                "moves happen, but if it is one game under two names, remove one."
            )

    def _keys(self, d: Decision) -> Iterator[str]:
        """Options that were written in another way before; what one decision tells apart, such as
        "a" and "A", is meant."""
        keys = [option.key for option in d.options]
        if len(keys) > _MOST_KEYS or len(set(map(_folded, keys))) < len(keys):
            return
        for key in keys:
            before = self._spelling("an option of", f"{d.dataset}\n{d.family}", key)
            if before is not None:
                yield f"the option {key!r} was {before!r} before, {_ALMOST}"

    def _named(
        self, where: str, values: Mapping[str, Any], of_session: bool = False
    ) -> Iterator[str]:
        """Names of `config` or `person`, and texts under them, that were written in another way.
        Interviews take some of those `of_session` for one."""
        for name, value in values.items():
            before = self._spelling(f"a name in {where}", "", name)
            if before is not None:
                one = of_session and fact_key(before) == fact_key(name)
                almost = _IN_INTERVIEWS if one else _ALMOST
                yield f"{where} has the names {before!r} and {name!r}, {almost}"
            if isinstance(value, str):
                before = self._spelling(f"a value in {where}", name, value)
                if before is not None:
                    one = of_session and answer(name, before) == answer(name, value)
                    almost = _IN_INTERVIEWS if one else _ALMOST
                    yield f"{where} {name} has the values {before!r} and {value!r}, {almost}"

    def _options(self, d: Decision) -> Iterator[str]:
        if not d.options:  # a response of a session
            return
        keys = tuple(option.key for option in d.options)
        mark = name_hash(repr((d.dataset, d.family, sorted(keys))))
        if mark not in self._first and len(self._first) == _MOST:
            return
        valued = d.options[0].value is not None
        first = self._first.setdefault(mark, _Coding(d.line or 0, keys, d.target, valued))
        # A target that is first in both orders is one that nobody named: where somebody did, it is
        # the same on both lines.
        if keys != first.keys and d.target != first.target and d.target == keys[0]:
            yield (
                f"the options are in a different order than on line {first.line}, so the target "
                f"option is {d.target!r} here and {first.target!r} there, which reverses the "
                "coding; give all these lines the same target."
            )
        if valued != first.valued:
            here, there = ("values", "none") if valued else ("no values", "some")
            yield (
                f"the options {', '.join(map(repr, sorted(keys)[:FIRST]))}"
                f"{' ...' if len(keys) > FIRST else ''} have {here} here and "
                f"{there} on line {first.line}; give them values on all lines, or on none."
            )

    def _spelling(self, what: str, name: str, written: str) -> str | None:
        """How the same word was written first, where that was in another way."""
        known = self._spelt.setdefault((what, name), {})
        folded = _folded(written)
        if folded not in known:
            if len(known) < _MOST:
                known[folded] = written
            return None
        return None if known[folded] == written else known[folded]


@dataclass(frozen=True, slots=True)
class _Coding:
    """How a set of options was first given: on which line, in which order."""

    line: int
    keys: tuple[str, ...]
    target: str | None
    valued: bool


_DIFFER = "which differ only in case, white space or how a letter is composed, and count as two"
_ALMOST = f"{_DIFFER}; write them in the same way."
_IN_INTERVIEWS = f"{_DIFFER} in `--by`, but as one in interviews; write them in the same way."


@lru_cache(maxsize=4096)
def _folded(text: Any) -> str:
    """A text without what is easily written in two ways; NBSP is white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
