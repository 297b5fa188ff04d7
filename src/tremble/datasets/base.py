"""Data sets, one module each: raw files to decisions, and a card that says what they are.

A module has a `CARD` and `load(path, notes)`, which yields decisions, and offers where there are
some, as it reads and counts in `notes` what it drops or finds contradictory; embedded data sets
ignore `path`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

from tremble.decisions.record import Decision, Offer
from tremble.disk.paths import is_file, is_folder
from tremble.errors import TrembleError, UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import BROKEN, Extensions, Unfit, failure, unfit
from tremble.text import did_you_mean


@dataclass(frozen=True, slots=True)
class Download:
    """One file at an address that always serves the same bytes, such as a file of one commit.

    `size` is in bytes. `sha256` is None where nobody has checked the file.
    """

    url: str
    filename: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One of several sources in a data set, with the date at which it became public."""

    name: str
    public_since: str | None
    public_note: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """An option of an importer: the `values` it may have, the first being what goes without it."""

    name: str
    values: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Card:
    """What a data set is. `licence` is what the source states, or 'not stated'.

    `manual` says in words how to get the files by hand; `sources` is empty where no address is
    sure to serve them. `public_since` is the earliest date at which the data can have been public
    (a year, year-month or date; None: unknown); a data set of several `parts` has theirs instead.
    """

    name: str
    title: str
    citation: str
    licence: str
    size: str
    one_decision: str
    files: str
    notes: tuple[str, ...] = ()
    embedded: bool = False
    sources: tuple[Download, ...] = ()
    manual: str = ""
    public_since: str | None = None
    public_note: str = ""
    parts: tuple[Part, ...] = ()
    options: tuple[Setting, ...] = ()

    def chosen(self, given: Sequence[str]) -> dict[str, str]:
        """The options written as NAME=VALUE, those that are not given as they go without.

        Raises UserError for one that the data set does not have, or a value that it does not take,
        and for one that is given twice.
        """
        known = {setting.name: setting for setting in self.options}
        values: dict[str, str] = {}
        for written in given:
            name, _, value = written.partition("=")
            if name not in known:
                have = did_you_mean(name, sorted(known)) if known else "; it has none."
                raise UserError(f"{self.name!r} has no option {name!r}{have}")
            if value not in known[name].values:
                choices = " or ".join(known[name].values)
                raise UserError(f"--option {written!r}: {name} must be {choices}.")
            if values.setdefault(name, value) != value:
                raise UserError(f"--option {name} is given as {values[name]!r} and {value!r}.")
        return {name: values.get(name, setting.values[0]) for name, setting in known.items()}

    def dated(self) -> tuple[Part, ...]:
        """The parts with their dates; the data set itself where it has none."""
        return self.parts or (Part(self.name, self.public_since, self.public_note),)


@dataclass(slots=True)
class Sessions:
    """How many sessions and responses were read, by study; `empty`: responses without text."""

    by_study: dict[str, list[int]] = field(default_factory=dict)  # sessions and responses
    empty: int = 0

    def add(self, study: str, responses: int, empty: int) -> None:
        counts = self.by_study.setdefault(study, [0, 0])
        counts[0] += 1
        counts[1] += responses
        self.empty += empty

    def to_json(self) -> dict[str, Any]:
        return {
            "sessions": sum(sessions for sessions, _ in self.by_study.values()),
            "responses": sum(responses for _, responses in self.by_study.values()),
            "empty": self.empty,
            "by_study": {
                study: {"sessions": sessions, "responses": responses}
                for study, (sessions, responses) in self.by_study.items()
            },
        }


@dataclass(slots=True)
class Notes:
    """What an importer left out or found odd: `dropped` reason -> count, `odd` one line each.

    A source that reads on after a faulty line counts such lines in `faulty` and has sentences on
    the first ones in `faults`, and in `faulty_lines` file, line, column and what is wrong of more
    of them; `strict` says that it is to refuse them all. `sessions`: what it read, where a source
    has sessions. `options`: those of the importer, by name (`Card.chosen`); one that is not there
    is as it goes without.
    """

    dropped: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    strict: bool = False
    faulty: int = 0
    faults: list[str] = field(default_factory=list)
    faulty_lines: list[dict[str, Any]] = field(default_factory=list)
    sessions: Sessions | None = None
    options: Mapping[str, str] = field(default_factory=dict)


Load = Callable[[Path, Notes], Iterator[Decision | Offer]]

_MODULES = {
    "akata2025": "akata2025",
    "casino": "casino",
    "choices13k": "choices13k",
    "demo": "demo",
    "fairgame": "fairgame",
    "games2p2k": "games2p2k",
    "glee": "glee",
    "human_choice_prediction": "human_choice_prediction",
    "jsonl": "jsonl",
    "lotteries_text": "lotteries_text",
    "lowballm": "lowballm",
    "nay_vorobeychik": "nay_vorobeychik",
    "normal_form": "normal_form",
    "psych": "psych",
    "strategic_ipd": "strategic_ipd",
    "table": "table",
}


@dataclass(frozen=True, slots=True)
class Source:
    """One data set as tremble knows it."""

    card: Card
    load: Load

    def decisions(self, path: Path, notes: Notes) -> Iterator[Decision]:
        """What `load` yields, without offers."""
        return (one for one in self.load(path, notes) if isinstance(one, Decision))


def _of_package(found: Any, entry: Entry) -> Source:
    """The source that an entry point leads to: an object, such as a module, with CARD and load."""
    source = found if isinstance(found, Source) else None
    if source is None and isinstance(getattr(found, "CARD", None), Card):
        source = Source(found.CARD, getattr(found, "load", None))  # type: ignore[arg-type]
    if source is None or not callable(source.load):
        raise Unfit("a module or an object with CARD, a Card, and load(path, notes)")
    return Source(replace(source.card, name=entry.name), _guarded(entry, source.load))


def _guarded(entry: Entry, load: Load) -> Load:
    """`load`, which raises UserError with the package in it where it breaks down, or yields what
    no file of JSON lines could hold: a study reads it without such a file."""

    @wraps(load, updated=())
    def guard(path: Path, notes: Notes) -> Iterator[Decision | Offer]:
        # Imported here: tremble's own data sets need no check.
        from tremble.decisions.yielded import Yielded

        checked = Yielded()
        try:
            for place, decision in enumerate(load(path, notes), start=1):
                if not isinstance(decision, Decision):
                    raise unfit(entry, f"yields {type(decision).__name__} in load, not Decision.")
                _check(entry, checked, decision, place)
                yield decision
        except TrembleError:
            raise
        except BROKEN as error:
            raise failure(entry, error) from error

    return guard


def _check(entry: Entry, checked: Any, decision: Decision, place: int) -> None:
    """Raises UserError, with the package in it, for a decision that no file could hold."""
    try:
        checked.check(decision, place)
    except UserError as error:
        said = re.sub(r"^T(he|wo) ", r"t\1 ", str(error))
        raise unfit(
            entry, f"yields the decision {decision.id!r}, which cannot be used: {said}"
        ) from error


EXTENSIONS = Extensions("dataset", _MODULES, _of_package)


def names() -> list[str]:
    """The data sets of tremble and of installed packages; nothing is loaded."""
    return sorted([*_MODULES, *EXTENSIONS.names()])


def source(name: str) -> Source:
    """The data set of that name.

    Raises UserError for an unknown one, and for one of another package that cannot be loaded.
    """
    if name not in _MODULES:
        added = EXTENSIONS.get(name)
        if added is None:
            raise UserError(f"There is no source {name!r}{did_you_mean(name, names())}")
        return added
    module = import_module(f"tremble.datasets.{_MODULES[name]}")
    return Source(module.CARD, module.load)


def cards() -> list[Card]:
    """The cards of all data sets that can be loaded, by name."""
    own = {name: source(name).card for name in _MODULES}
    added = {name: found.card for name, found in EXTENSIONS.all().items()}
    return [card for _, card in sorted({**own, **added}.items())]


def find_file(path: Path, filename: str) -> Path:
    """The one file called `filename` at `path`: the file itself, its folder, or a folder above.

    Raises UserError when the path is missing, or holds none or several of them.
    """
    files = find_files(path, filename, filename, "give the file or a folder that holds it")
    if len(files) > 1:
        raise UserError(
            f"{len(files)} files called {filename} under {str(path)!r}; name one, "
            f"for example {str(files[0])!r}."
        )
    return files[0]


def find_files(
    path: Path, pattern: str, called: str, cure: str, named: re.Pattern[str] | None = None
) -> list[Path]:
    """The files of a source at `path`: the file itself, else all that `pattern` finds in and under
    the folder, sorted; with `named` only those whose whole name fits that.

    Raises UserError when the path is missing, or holds none of them, which are `called` so.
    """
    if is_file(path):
        return [path]
    if not is_folder(path):
        raise UserError(f"There is no file or folder {str(path)!r}; check the path.")
    found = [file for file in path.rglob(pattern) if named is None or named.fullmatch(file.name)]
    if not found:
        raise UserError(f"No {called} in or under {str(path)!r}; {cure}.")
    return sorted(found)


def check_no_copies(marked: Iterable[tuple[Path, Hashable]]) -> None:
    """Raises UserError where two files have one mark, which says what a file holds."""
    seen: dict[Hashable, Path] = {}
    for file, mark in marked:
        before = seen.setdefault(mark, file)
        if before is not file:
            raise UserError(
                f"{str(before)!r} and {str(file)!r} are two copies of one file; give a folder with "
                "one of them."
            )
