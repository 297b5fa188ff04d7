"""What only the user can know: when a column was filled in, and who a name stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tremble.tabular.guess.draft import DraftTask
from tremble.tabular.guess.hints import Hints
from tremble.tabular.guess.looked import Field, Look
from tremble.tabular.guess.options import can_be_options
from tremble.tabular.guess.roles import Person, Repeated, in_several
from tremble.tabular.guess.words import joined, of_others, short_name, words_of
from tremble.tabular.table import Cells

_DAY = 10  # characters of 2026-03-01 and 01.03.2026
_SESSIONS = ("session", "sessionid", "sessioncode", "sessionnr", "sessionnumber")


def of_prompts(tasks: Sequence[DraftTask], unsure: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Sentences on columns of prompts of which only the place in the file tells that people knew
    them. `unsure`: family -> columns."""
    held: dict[tuple[str, ...], list[str]] = {}
    for task in tasks:
        if unsure.get(task.family):
            held.setdefault(tuple(unsure[task.family]), []).append(task.family)
    for columns, families in held.items():
        place = "their place" if len(columns) > 1 else "its place"
        yield (
            f"only {place} in the file suggests that people knew {_and(columns)} before they "
            f"decided ({', '.join(families)}); remove from prompt and config what they did not "
            "know"
        )


def of_others_answers(hints: Hints) -> Iterator[str]:
    """Sentences on answers of other people, and on what was made of all answers."""
    for field in hints.fields:
        if of_others(field.name) and can_be_options(field):
            yield f"{field.name!r} seems to be another person's answer; {_of_earlier(field)}"
        elif field.name in hints.never and can_be_options(field):
            yield (
                f"{field.name!r} of the group is excluded, because it may be computed from what "
                f"people chose in the same round; {_of_earlier(field)}"
            )


def _of_earlier(field: Field) -> str:
    known = "if people knew it for earlier rounds, put it into the history"
    if field.name.isidentifier():
        return f"{known}: {{{{ past.{field.name} }}}}"
    alias = short_name(field.name, ())
    return f'{known}: {{{{ past.{alias} }}}}, with {alias} = "{field.name}" under columns'


def of_people(look: Look, person: Person, repeated: Repeated | None) -> Iterator[str]:
    """Sentences on names that may stand for several people. `repeated`: what is beside them."""
    if repeated is not None:
        yield (
            f"values of {repeated.name!r} appear with several values of {repeated.beside!r} and "
            "are read as different people; if the same people came again, write participant = "
            f'"{repeated.name}"'
        )
        return
    if not person.names or person.names[0] in ("file", "row"):
        return
    for name in look.names:
        cells = look.columns[name]
        if "date" in words_of(name) or joined(name) == "datum":
            cells = [cell and cell[:_DAY] for cell in cells]
        elif joined(name) not in _SESSIONS:
            continue
        if name not in person.names:
            yield from _twice(person, name, cells)
    sources = look.table.sources
    if len(sources) > 1 and len(look.table.rows) == look.height:
        files = [source for source, count in sources for _ in range(count)]
        yield from _twice(person, "file", files)


def _twice(person: Person, beside: str, cells: Iterable[str | None]) -> Iterator[str]:
    several = in_several(person.cells, cells)
    if several:
        listed = ", ".join(f'"{name}"' for name in (beside, *person.names))
        yield (
            f"{several:,} of {person.count:,} participants appear with several values of "
            f"{beside!r} and count as one person each; if these are different people, write "
            f"participant = [{listed}]"
        )


def of_rounds(hints: Hints, outcome: Field, family: str) -> Iterator[str]:
    """A sentence on people who decided twice in a round, or in a part of a wide table."""
    if (outcome.part is None and hints.round is None) or not hints.person.names:
        return
    times: Counter[tuple[str, str]] = Counter()
    for place, cells in zip(outcome.columns, outcome.held, strict=True):
        rounds: Cells = [place] * len(cells)
        if outcome.part is None and hints.round is not None:
            rounds = hints.look.columns[hints.round]
        for who, round_, did in zip(hints.person.cells, rounds, cells, strict=True):
            if who is not None and round_ is not None and did is not None:
                times[who, round_] += 1
    twice = [pair for pair, count in times.items() if count > 1]
    if twice:
        who, round_ = twice[0]
        yield (
            f"participant {who!r} decided {times[twice[0]]} times in {outcome.part or 'round'} "
            f"{round_!r} of {family!r} (and {len(twice) - 1:,} similar cases); if several people "
            "have the same name, add the column that tells them apart to participant"
        )


def of_deciders(hints: Hints, outcome: Field) -> Iterator[str]:
    """A sentence on whose decision a field of the group is taken for."""
    if outcome.name in hints.deciders:
        column, value = hints.deciders[outcome.name]
        yield (
            f"{outcome.name!r} is stored for the whole group and is read as the decision of those "
            f"with {value!r} in {column!r}; correct rows if others made it"
        )


def _and(columns: Sequence[str]) -> str:
    return ", ".join(map(repr, columns))
