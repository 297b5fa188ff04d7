"""Who chose: participants as numbers, or under the names of the file."""

from __future__ import annotations

from tremble.errors import UserError
from tremble.tabular.cells import named
from tremble.tabular.maps.names import Parts
from tremble.tabular.rows.columns import Columns
from tremble.tabular.rows.outcomes import Did
from tremble.tabular.rows.places import places

Person = tuple[str, ...]


class People:
    """The participants of all tasks of a map, in the order in which they come."""

    def __init__(self, keep_ids: bool) -> None:
        self._keep_ids = keep_ids
        self._names: dict[Person, str] = {}

    def name(self, person: Person) -> str:
        """What a participant is called in decisions."""
        if person not in self._names:
            self._names[person] = _joined(person) if self._keep_ids else str(len(self._names) + 1)
        return self._names[person]


def people_of(columns: Columns, place: Parts, did: list[Did | None]) -> list[Person] | None:
    """Who decided in each row, None where the map names no participant; `did` says in which rows
    somebody did. Raises UserError where a cell is blank there."""
    names = columns.names
    if not names.task.participant:
        return None
    decimal = columns.decimal
    several = [columns.cells(name, place) for name in names.task.participant]
    for name, cells in zip(names.task.participant, several, strict=True):
        blank = [
            columns.rows[at]
            for at, cell in enumerate(cells)
            if cell is None and did[at] is not None
        ]
        if blank:
            raise UserError(
                f"{names.file}: participant {name!r} is blank in {places(columns.table, blank)}; "
                f'fill it in, exclude such rows ("{name}" = [""] under [drop]), or leave '
                "participant out of the map."
            )
    alike: dict[str | None, str] = {}
    for cells in several:
        for cell in set(cells) - alike.keys():
            alike[cell] = "" if cell is None else named(cell, decimal)
    return list(zip(*([alike[cell] for cell in cells] for cells in several), strict=True))


def _joined(person: Person) -> str:
    """The cells together; a / in one of several is written as in other ids of files."""
    if len(person) == 1:
        return person[0]
    return "/".join(part.replace("/", "%2F") for part in person)
