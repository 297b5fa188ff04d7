"""What each person did before: the decisions of one task, by person, in their order."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tremble.errors import UserError
from tremble.tabular.rows.columns import Columns
from tremble.tabular.rows.moments import Moment, NoMoment, moments_of
from tremble.tabular.rows.outcomes import Did
from tremble.tabular.rows.people import Person
from tremble.tabular.rows.places import places

Order = list[Moment]  # of one place, by row


@dataclass(frozen=True, slots=True)
class Decided:
    """Who decided what, by place and row; no people where nobody is named."""

    did: Sequence[list[Did | None]]
    people: Sequence[list[Person]]


class Histories:
    """For each decision those that the same person made before it, the oldest first.

    A decision is a number: its row times the number of places, and its place.
    """

    def __init__(self, columns: Columns, decided: Decided, orders: Sequence[Order] | None) -> None:
        """`orders`: what a person's rows are ordered by, None for the order of the file. Raises
        UserError where two decisions of a person have one place in it."""
        self.places = len(decided.did)
        rows = len(columns.rows)
        by_person: dict[Person, array[int]] = {}
        for row in range(rows):
            for place in range(self.places):
                if decided.did[place][row] is not None:
                    person = decided.people[place][row]
                    by_person.setdefault(person, array("q")).append(row * self.places + place)
        self._lists: list[array[int]] = list(by_person.values())
        if orders is not None:
            self._lists = [self._sorted(columns, one, orders) for one in self._lists]
        self._list_of = array("q", bytes(8 * rows * self.places))
        self._at = array("q", bytes(8 * rows * self.places))
        for number, decisions in enumerate(self._lists):
            for at, decision in enumerate(decisions):
                self._list_of[decision], self._at[decision] = number, at

    def before(self, decision: int) -> array[int]:
        return self._lists[self._list_of[decision]][: self._at[decision]]

    def _sorted(
        self, columns: Columns, decisions: array[int], orders: Sequence[Order]
    ) -> array[int]:
        values = {one: orders[one % self.places][one // self.places] for one in decisions}
        made = sorted(decisions, key=values.__getitem__)
        for one, other in pairwise(made):
            if values[one] == values[other]:
                raise _twice(columns, one // self.places, other // self.places)
        return array("q", made)


def orders_of(columns: Columns, did: Sequence[list[Did | None]]) -> list[Order] | None:
    """What the rows are ordered by at each place: the map's `order`, else the round; None for the
    order of the file. Raises UserError where that is missing, or is no number and no time."""
    names = columns.names
    name = order_name(columns)
    if name is None or names.find(name).kind == "row":
        return None
    made = [columns.cells(name, place) for place in names.places]
    used = [
        [cell for cell, done in zip(cells, dones, strict=True) if done is not None]
        for cells, dones in zip(made, did, strict=True)
    ]
    blank = [
        columns.rows[at]
        for cells, dones in zip(made, did, strict=True)
        for at, (cell, done) in enumerate(zip(cells, dones, strict=True))
        if done is not None and cell is None
    ]
    if blank:
        raise UserError(
            f"{names.file}: {name!r}, which orders the rows of each person, is missing in "
            f"{places(columns.table, blank)}; fill it in, exclude such rows with [drop], or write "
            'order = "row" to use the order of the file.'
        )
    texts = dict.fromkeys(str(cell) for cells in used for cell in cells if cell is not None)
    try:
        moments = moments_of(texts, columns.decimal)
    except NoMoment as error:
        raise UserError(
            f"{names.file}: {name!r}, which orders the rows of each person, contains {error}; use "
            'only numbers, or times such as 2026-01-31 10:05, or write order = "row" to use the '
            "order of the file."
        ) from error
    return [[moments.get(cell or "", 0) for cell in cells] for cells in made]


def order_name(columns: Columns) -> str | None:
    """The name by which a person's rows are ordered, if there is one."""
    task = columns.names.task
    if task.order is not None or task.round is not None:
        return task.order or task.round
    return "round" if "round" in columns.names.places[0] else None


def _twice(columns: Columns, one: int, other: int) -> UserError:
    rows = sorted({columns.rows[one], columns.rows[other]})
    where = " and ".join(columns.table.place(row) for row in rows)
    return UserError(
        f"{where}: one person has {order_name(columns)!r} twice, so it is unclear what came "
        'first; give another column as order, write order = "row" to use the order of the file, '
        "or add to participant a column that tells the two apart."
    )
