"""Which columns name people, rounds, conditions and facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tremble.tabular.guess.looked import Field, Look
from tremble.tabular.guess.words import (
    FACT,
    ITEM,
    OUTCOME,
    PERSON,
    ROUND,
    TRAIT,
    counts_groups,
    has_word,
    joined,
    made_of_decisions,
    of_others,
    tells_condition,
    words_of,
)
from tremble.tabular.rows.privacy import means

_GROUPS = 10  # conditions, at most
_SURE = 20  # names of PERSON that mean nothing else
_SESSION = ("sessioncode", "session", "sessionid", "group", "experiment", "site", "lab")
_ONLY_SESSION = ("sessioncode", "session", "sessionid", "sessionnr", "sessionnumber")
_IDS = ("Prolific or MTurk ids", "Prolific ids", "MTurk ids")
_OLD = ("how old", "your age", "wie alt", "ihr alter")
_FACT_QUESTIONS = ("your gender", "your sex", "geschlecht", "highest level of education")

People = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Person:
    """Who chose. `names`: the columns; `cells`: one text for each row; both empty where nobody is
    named."""

    names: tuple[str, ...] = ()
    cells: People = ()

    @property
    def count(self) -> int:
        return len(set(self.cells) - {None})


def private_columns(look: Look) -> dict[str, str]:
    """Columns that seem to name people, and what they hold."""
    found = ((name, means(name, look.columns[name])) for name in look.names)
    return {name: what for name, what in found if what is not None}


def person_of(look: Look, private: dict[str, str], known: str | None = None) -> Person:
    """The column of participants: `known`, one that is called so, or one of numbers for rows."""
    if known is not None and known in look.columns:
        return Person((known,), look.columns[known])
    open_ = [name for name in look.names if private.get(name, _IDS[0]) in _IDS]
    by_name: dict[str, str] = {}
    for name in open_:
        by_name.setdefault(joined(name), name)
    for word in PERSON:
        if word in by_name and _tells_apart(look, by_name[word]):
            return Person((by_name[word],), look.columns[by_name[word]])
    ends = [name for name in open_ if words_of(name)[-1:] == ["id"] and words_of(name)[0] != "item"]
    for name in [*ends, *(one for one in open_ if one in private)]:
        if _tells_apart(look, name):
            return Person((name,), look.columns[name])
    for name in (by_name[word] for word in PERSON[:_SURE] if word in by_name):
        if None not in look.columns[name]:  # the file of one person
            return Person((name,), look.columns[name])
    for name in private:  # a mail address in each row: a person in each
        cells = look.columns[name]
        if len(cells) > 1 and None not in cells and len(set(cells)) == len(cells):
            return Person(("row",), [str(row) for row in range(len(cells))])
    return _files_as_people(look)


def _tells_apart(look: Look, name: str) -> bool:
    cells = look.columns[name]
    return len(set(cells) - {None}) > 1 and sum(cell is not None for cell in cells) > len(cells) / 2


def _files_as_people(look: Look) -> Person:
    """A file for each person: its name stands for them."""
    if len(look.table.sources) < 2 or len(look.table.rows) != look.height:
        return Person()
    cells = [source for source, count in look.table.sources for _ in range(count)]
    return Person(("file",), cells)


@dataclass(frozen=True, slots=True)
class Repeated:
    """Names that stand in several sessions: the column of names, and what was put `beside` it."""

    name: str
    beside: str


def with_session(
    look: Look, person: Person, rounds: Field | None
) -> tuple[Person, Repeated | None]:
    """Participants that are counted anew in each session: both columns together. They are where
    they have a round twice, and where no column counts rounds."""
    if not person.names or person.names[0] in ("file", "row"):
        return person, None
    cells = None if rounds is None else rounds.held[0]
    if cells is not None and _repeats(person.cells, cells) == 0:
        return person, None
    for name, sessions in _sessions(look, _ONLY_SESSION if cells is None else _SESSION):
        if name in person.names:
            continue
        pairs = list(zip(sessions, person.cells, strict=True))
        both = [None if one is None else f"{session}/{one}" for session, one in pairs]
        apart = len(set(both)) > len(set(person.cells))
        if apart and (cells is None or _repeats(both, cells) == 0):
            return Person((name, *person.names), both), Repeated(person.names[-1], name)
    return person, None


def _sessions(look: Look, known: Sequence[str]) -> Iterator[tuple[str, People]]:
    """Columns that tell sessions apart; then the files, where there are several and rounds."""
    for name in look.names:
        if joined(name) in known:
            yield name, look.columns[name]
    files = _files_as_people(look)
    if files.names and known == _SESSION:
        yield "file", files.cells


def in_several(people: People, beside: Iterable[str | None]) -> int:
    """How many people stand with several values of a column."""
    pairs = {pair for pair in zip(people, beside, strict=True) if None not in pair}
    return sum(count > 1 for count in Counter(who for who, _ in pairs).values())


def _repeats(people: People, rounds: Iterable[str | None]) -> int:
    pairs = [pair for pair in zip(people, rounds, strict=True) if None not in pair]
    return len(pairs) - len(set(pairs))


def round_of(look: Look, fields: Sequence[Field], person: Person) -> Field | None:
    """The column that counts the rounds of a person."""
    by_name = {joined(field.name): field for field in reversed(fields) if field.part is None}
    for word in ROUND:
        field = by_name.get(word)
        if field is None or field.numbers is None or len(field.numbers) < 2:
            continue
        if not person.names or not constant(field, person):
            return field
    return None


def counts_from_one(field: Field) -> bool:
    numbers = field.numbers or []
    return bool(numbers) and all(isinstance(n, int) and n >= 1 for n in numbers)


def constant(field: Field, person: Person) -> bool:
    """Whether a field has one value for each person at most."""
    first: dict[str, str] = {}
    for cells in field.held:
        for who, cell in zip(person.cells, cells, strict=True):
            if who is not None and cell is not None and first.setdefault(who, cell) != cell:
                return False
    return True


def is_condition(field: Field) -> bool:
    named = tells_condition(field.name) and not counts_groups(field.name)
    return named and 2 <= len(field.counts) <= _GROUPS


def is_assigned(field: Field, person: Person, rows: int) -> bool:
    """Whether a column of several rows for each person differs between people alone."""
    if not person.names or rows < 2 * person.count or field.part is not None:
        return False
    if counts_groups(field.name) or made_of_decisions(field.name) or of_others(field.name):
        return False
    few = 2 <= len(field.counts) <= min(_GROUPS, max(2, person.count // 2))
    return few and constant(field, person)


def is_trait(field: Field, person: Person) -> bool:
    """Whether a column holds what a scale measured of a person, by its name."""
    named = has_word(field.name, TRAIT) and not has_word(field.name, OUTCOME)
    single = field.part is None or len(field.columns) == 1
    return named and single and (not person.names or constant(field, person))


def is_fact(field: Field, person: Person) -> bool:
    """Whether a column tells of a person: age, gender, and such."""
    if field.part is not None and len(field.columns) > 1:
        return False
    text = " ".join(field.questions).casefold()
    asked = any(words in text for words in (*_OLD, *_FACT_QUESTIONS)) and len(text) < 120
    if not (asked or has_word(field.name, FACT)) or len(field.counts) < 2:
        return False
    return not person.names or constant(field, person)


def fact_name(field: Field) -> str | None:
    """What a fact is, by its question; None where the column's own name says it."""
    text = " ".join(field.questions).casefold()
    if has_word(field.name, FACT) or not text:
        return None
    if any(words in text for words in _OLD):
        return "age"
    return "education" if "education" in text else "gender"


def is_item(field: Field) -> bool:
    return joined(field.name) in ITEM and len(field.counts) > 1
