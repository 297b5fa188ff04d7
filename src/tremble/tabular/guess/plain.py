"""Tables of no certain tool: one row for each person, or for each decision."""

from __future__ import annotations

from collections.abc import Sequence

from tremble.tabular.files.opened import ending_of
from tremble.tabular.guess.doubts import of_people
from tremble.tabular.guess.draft import Draft, Values
from tremble.tabular.guess.hints import Hints
from tremble.tabular.guess.kinds import practice_in
from tremble.tabular.guess.looked import Look
from tremble.tabular.guess.numbered import fields_of
from tremble.tabular.guess.rates import rates_drafted
from tremble.tabular.guess.roles import (
    counts_from_one,
    person_of,
    private_columns,
    round_of,
    with_session,
)
from tremble.tabular.guess.tasks import drafted

NAME = "a table"
_PROGRAMS = {".sav": "SPSS", ".zsav": "SPSS", ".por": "SPSS", ".dta": "Stata"}


def fits(look: Look) -> bool:
    """Every table."""
    return True


def draft(look: Look) -> Draft:
    """The map of any table. Raises UserError where no column can be an outcome."""
    private = private_columns(look)
    names = [name for name in look.names if name not in private]
    rates = rates_drafted(look, fields_of(look, names), private)
    if rates is not None:
        return rates
    drop = practice_in(look, names)
    ending = None if look.path.is_dir() else ending_of(look.path)
    tool = f"{_PROGRAMS[ending]} data" if ending in _PROGRAMS else NAME
    return drafted(hints_of(look, tool, names, drop))


def hints_of(
    look: Look, tool: str, names: Sequence[str], drop: Values, person: str | None = None
) -> Hints:
    """What the names of columns tell in every table. `person`: the column of participants, where
    it is known."""
    private = private_columns(look)
    look = look.without(drop)
    found = person_of(look, private, person)
    repeated = None
    hidden = {*found.names, *private}
    fields = fields_of(look, [name for name in names if name not in hidden])
    rounds = round_of(look, fields, found)
    if found.names and person is None:
        found, repeated = with_session(look, found, rounds)
    if found.names and found.names != ("file",) and None in found.cells:
        blank = {name: [""] for name in found.names if None in look.columns[name]}
        return hints_of(look, tool, names, {**drop, **blank}, person)
    hints = Hints(tool, look, fields, found, private, drop=drop)
    if rounds is not None and found.names:
        if counts_from_one(rounds):
            hints.round = rounds.name
        else:
            hints.order = rounds.name
    hints.found += _found(hints)
    hints.check += of_people(look, found, repeated)
    return hints


def _found(hints: Hints) -> list[str]:
    person, rows = hints.person, len(hints.look.table.rows)
    if not person.names:
        hints.check.append(
            "no column identifies the participants; if each row is a different person, add "
            'participant = "row"'
        )
        return [f"{rows:,} rows"]
    who = " and ".join(map(repr, person.names))
    each = len(person.cells) / max(1, person.count)
    shape = "one row for each" if each == 1 else f"{each:,.3g} rows for each"
    return [f"{rows:,} rows of {person.count:,} participants, identified by {who}, {shape}"]
