"""The decisions of one task of a map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NoReturn

from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.own_template import MissingCell, NotRendered
from tremble.tabular.maps.wide import ROUND
from tremble.tabular.rows.columns import Column, Columns
from tremble.tabular.rows.history import Decided, Histories, orders_of
from tremble.tabular.rows.outcomes import outcomes, target_of
from tremble.tabular.rows.people import People, people_of
from tremble.tabular.rows.places import brief, places
from tremble.tabular.rows.prompts import Prompts, Read, Templates
from tremble.tabular.rows.values import Values, round_of


class TaskDecisions:
    """Everything that the decisions of a task are put together from, a list by place of lists by
    row."""

    def __init__(
        self, columns: Columns, templates: Templates, people: People, dataset: str
    ) -> None:
        """Raises UserError for cells that the map does not explain."""
        self._columns, self._people, self._dataset = columns, people, dataset
        self._names, self._task = columns.names, columns.names.task
        spots = self._names.places
        self._did = outcomes(columns)
        self._who = [
            people_of(columns, spot, did) for spot, did in zip(spots, self._did, strict=True)
        ]
        self._rounds = [self._rounds_at(place) for place in range(len(spots))]
        self._roles = [self._texts(self._task.role, place) for place in range(len(spots))]
        self._items = self._all_items()
        self._config = Values(columns, self._task.config)
        self._facts = Values(columns, self._task.facts)
        self._prompts = Prompts(templates, columns, self._did)
        self._histories = self._with_histories() if templates.uses.special & {"history"} else None
        self._ends = ["".join(f"/{_in_id(part)}" for part in spot.values()) for spot in spots]
        self._target = target_of(self._task)
        self._several_files = len(columns.table.sources) > 1

    def all(self, dropped: Counter[str]) -> Iterator[Decision]:
        """The decisions, rows without one counted in `dropped`.

        Raises UserError where a template prints a missing cell; no decision comes after the first.
        """
        missing: dict[str, list[int]] = {}
        unanswered = 0
        count = len(self._did)
        for row in range(len(self._columns.rows)):
            line = self._line(row)
            for place in range(count):
                done = self._did[place][row]
                if done is None:
                    unanswered += 1
                    continue
                try:
                    read = self._read(row, place)
                except MissingCell as error:
                    missing.setdefault(error.name, []).append(self._columns.rows[row])
                    continue
                if not missing:
                    yield self._decision(line, row, place, read)
        if missing:
            self._refuse_missing(missing)
        if unanswered:
            asked = " and ".join(repr(source.name) for source in self._names.outcomes)
            dropped[f"nothing in {asked}"] += unanswered

    def _read(self, row: int, place: int) -> Read:
        before: list[tuple[int, int]] = []
        if self._histories is not None:
            count = len(self._did)
            before = [divmod(one, count) for one in self._histories.before(row * count + place)]
        try:
            return self._prompts.read(row, place, before)
        except NotRendered as error:
            where = self._columns.table.place(self._columns.rows[row])
            raise UserError(
                f"{where}: the prompt of the task {self._task.family!r} cannot be made from this "
                f"row ({error}); correct the template in {self._names.map.where}."
            ) from error

    def _decision(self, line: str, row: int, place: int, read: Read) -> Decision:
        who, rounds = self._who[place], self._rounds[place]
        roles, items = self._roles[place], self._items[place]
        task, done = self._task, self._did[place][row]
        assert done is not None
        return Decision(
            id=f"{line}{self._ends[place]}",
            dataset=self._dataset,
            family=task.family,
            options=read.options,
            target=self._target,
            choice=done.choice,
            rates=done.rates,
            n=done.n,
            rate_sd=done.rate_sd,
            participant=None if who is None else self._people.name(who[row]),
            round=None if rounds is None else rounds[row],
            role=None if roles is None else roles[row],
            prompt=read.prompt,
            system=read.system,
            opening=task.opening,
            item=None if items is None else items[row],
            config=self._config.at(row, place),
            facts=self._facts.at(row, place),
        )

    def _line(self, row: int) -> str:
        """How ids of a row begin: the family, of several files the file, and the line or row."""
        file = f"{_in_id(self._columns.file(row))}/" if self._several_files else ""
        return f"{self._task.family}/{file}{self._columns.number(row)}"

    def _with_histories(self) -> Histories:
        people = [who for who in self._who if who is not None]
        orders = orders_of(self._columns, self._did)
        return Histories(self._columns, Decided(self._did, people), orders)

    def _rounds_at(self, place: int) -> Sequence[int | None] | None:
        spot, name = self._names.places[place], self._task.round
        if name is None:
            return [int(spot[ROUND])] * len(self._columns.rows) if ROUND in spot else None
        cells = self._columns.cells(name, spot)
        known: dict[str | None, int | None] = {None: None}
        for cell in set(cells) - known.keys():
            known[cell] = round_of(str(cell), self._columns.decimal)
        odd = [
            at
            for at, cell in enumerate(cells)
            if cell is not None and known[cell] is None and self._did[place][at] is not None
        ]
        if odd:
            self._refuse(
                odd,
                f"round {name!r} is {brief(str(cells[odd[0]]))}, which is not a whole number from "
                "1",
            )
        return [known[cell] for cell in cells]

    def _refuse(self, rows: list[int], what: str) -> NoReturn:
        here = places(self._columns.table, [self._columns.rows[row] for row in rows])
        raise UserError(f"{self._names.file}: {what}, in {here}; correct it, or leave it out.")

    def _texts(self, name: str | None, place: int) -> Sequence[str | None] | None:
        if name is None:
            return None
        return _texts(self._columns.cells(name, self._names.places[place]))

    def _all_items(self) -> list[Sequence[str | None] | None]:
        """The items at each place; cells of several columns stand together."""
        made: list[Sequence[str | None] | None] = []
        for spot in self._names.places:
            columns = [_texts(self._columns.cells(name, spot)) for name in self._task.item]
            if len(columns) < 2:
                made.append(columns[0] if columns else None)
                continue
            made.append([_together(cells) for cells in zip(*columns, strict=True)])
        return made

    def _refuse_missing(self, missing: dict[str, list[int]]) -> NoReturn:
        name, rows = next(iter(missing.items()))
        where = places(self._columns.table, rows)
        raise UserError(
            f"{self._names.map.where}: a template of the task {self._task.family!r} prints "
            f"{name!r}, which is missing in {where}; write {{% if {name} %}} ... {{% endif %}} "
            "around it, or exclude such rows with [drop]."
        )


def _texts(cells: Column) -> list[str | None]:
    return [None if cell is None else str(cell) for cell in cells]


def _together(cells: tuple[str | None, ...]) -> str | None:
    if all(cell is None for cell in cells):
        return None
    return "/".join((cell or "").replace("/", "%2F") for cell in cells)


def _in_id(text: str) -> str:
    return text.replace("/", "%2F")
