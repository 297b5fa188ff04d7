"""What people did: cells of the outcome to options, rates and counts to shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple, NoReturn

from tremble.decisions.record import Option
from tremble.errors import UserError
from tremble.tabular.cells import measured, number_of, same
from tremble.tabular.maps.map_file import Task
from tremble.tabular.maps.names import Names, Parts, Source
from tremble.tabular.rows.columns import Columns
from tremble.tabular.rows.places import brief, seen


class Did(NamedTuple):
    """What one person chose, or what many did; `Decision` has the fields."""

    choice: str | None
    rates: Mapping[str, float] | None = None
    n: int | None = None
    rate_sd: float | None = None


def outcomes(columns: Columns) -> list[list[Did | None]]:
    """For each place of the task, for each row: what was done there, None where nothing was.

    Raises UserError for cells that no option stands for, and for what is no rate or number.
    """
    names = columns.names
    if names.task.outcome is None:
        shares = [_Shares(columns, place).all() for place in names.places]
        if names.task.percent:
            _note_shares(columns)
        return shares
    source = names.outcomes[0]
    found = [columns.raw(source, place) for place in names.places]
    known = option_of_cell(names)
    chosen = {key: Did(key) for key in dict.fromkeys(known.values())}
    made: dict[str | None, Did | None] = {None: None}
    unknown: Counter[str] = Counter()
    for cells in found:
        for cell in dict.fromkeys(cells):
            if cell is None or cell in made:
                continue
            key = known.get(same(cell, columns.decimal))
            made[cell] = None if key is None else chosen[key]
            if key is None and cell not in columns.missing:
                unknown[cell] = 0
    if unknown:
        for cells in found:
            unknown.update(cell for cell in cells if cell is not None and cell in unknown)
        raise _outside(columns, source, unknown, found)
    return [[made[cell] for cell in cells] for cells in found]


def option_of_cell(names: Names) -> dict[str, str]:
    """The key of the option for each cell that the map gives it. Raises UserError for a cell of two
    options."""
    known: dict[str, str] = {}
    for option in names.task.options:
        for cell in option.cells:
            alike = same(cell, names.map.reading.decimal)
            if known.setdefault(alike, option.key) != option.key:
                names.map.fail(
                    f"the cell {cell!r} stands for both {known[alike]!r} and {option.key!r} in "
                    f"the task {names.task.family!r}; leave it out of one"
                )
    return known


def _outside(
    columns: Columns, source: Source, unknown: Counter[str], found: list[list[str | None]]
) -> UserError:
    """The sentence on values that no option stands for, with what they may be."""
    names = columns.names
    given = [cell for option in names.task.options for cell in option.cells]
    folded = {same(cell).casefold(): cell for cell in given}
    alike = [
        (cell, folded[same(cell).casefold()]) for cell in unknown if same(cell).casefold() in folded
    ]
    tops = columns.first_rows()
    first = Counter(cells[top] for cells in found for top in tops)
    if alike:
        cure = (
            f"{alike[0][0]!r} differs from {alike[0][1]!r} only in case: add it to the cells of "
            "that option"
        )
    elif all(_heads(cell) and count <= first[cell] for cell, count in unknown.items()):
        cure = "if this is a second header row, write header_rows = 2 under [file]"
    else:
        cure = (
            "add them to the cells of an option or to missing under [file], or exclude such rows "
            "with [drop]"
        )
    return UserError(
        f"{names.file}: {source.name!r} has values that match no option of the task "
        f"{names.task.family!r}, {seen(unknown)}; {cure}."
    )


def _heads(cell: str) -> bool:
    """Whether a cell may be a name or a question in a second header row."""
    return number_of(cell) is None and same(cell) not in ("true", "false")


class _Shares:
    """Rates, or numbers of people, of the rows at one place."""

    def __init__(self, columns: Columns, place: Parts) -> None:
        names = columns.names
        self.columns, self.task, self.names = columns, names.task, names
        keyed = self.task.rates or self.task.counts
        self.keys = list(keyed) if keyed else [target_of(self.task) or ""]
        self.cells = [columns.of(source, place) for source in names.outcomes]
        self.n = self._beside(self.task.n, place)
        self.sd = self._beside(self.task.rate_sd, place)

    def _beside(self, name: str | None, place: Parts) -> list[str | None] | None:
        return None if name is None else list(self.columns.cells(name, place))

    def all(self) -> list[Did | None]:
        return [self._did(position) for position in range(len(self.columns.rows))]

    def _did(self, position: int) -> Did | None:
        texts = [cells[position] for cells in self.cells]
        if all(text is None for text in texts):
            return None
        numbers = []
        for source, text in zip(self.names.outcomes, texts, strict=True):
            if text is None:
                self._fail(
                    position, f"{source.name!r} is empty, but the others are not; fill it in"
                )
            numbers.append(self._measured(position, source.name, text))
        sd = self._spread(position)
        if self.task.counts:
            return self._counted(position, numbers, sd)
        shares = [
            self._share(position, number, text) for number, text in zip(numbers, texts, strict=True)
        ]
        n = None if self.n is None or self.n[position] is None else self._whole(position)
        rates = dict(zip(self.keys, map(float, shares), strict=True))
        if self.task.rate is not None:
            target = self.keys[0]
            rates = {o.key: _rest(shares[0], o.key == target) for o in self.task.options}
        return Did(None, rates, n, sd)

    def _counted(self, position: int, numbers: list[Decimal], sd: float | None) -> Did | None:
        for source, number in zip(self.names.outcomes, numbers, strict=True):
            if number < 0 or number != number.to_integral_value():
                self._fail(
                    position, f"{source.name!r} is {number}, which is not a number of people"
                )
        total = int(sum(numbers))
        if total == 0:
            return None
        return Did(
            None, {k: int(c) / total for k, c in zip(self.keys, numbers, strict=True)}, total, sd
        )

    def _measured(self, position: int, name: str, text: str) -> Decimal:
        percent = text.endswith("%")
        number = measured(text.removesuffix("%"), self.columns.decimal)
        if number is None or (percent and self.task.counts):
            other = "," if self.columns.decimal == "." else "."
            comma = measured(text.removesuffix("%"), other) is not None
            cure = f'write decimal = "{other}" under [file]' if comma else "put a number there"
            if position == 0 and self.columns.rows[0] == 0 and not any(map(str.isdigit, text)):
                cure = "if this is a second header row, write header_rows = 2 under [file]"
            self._fail(position, f"{name!r} is {brief(text)}, which is not a number; {cure}")
        return number / 100 if percent and not self.task.percent else number

    def _share(self, position: int, number: Decimal, text: str | None) -> Decimal:
        share = number / 100 if self.task.percent else number
        if not 0 <= share <= 1:
            percent = "; if rates are in per cent, write percent = true" if 1 < share <= 100 else ""
            self._fail(position, f"the rate {text!r} does not lie between 0 and 1{percent}")
        return share

    def _whole(self, position: int) -> int:
        text = (self.n or [])[position] or ""
        number = measured(text, self.columns.decimal)
        if number is None or number < 1 or number != number.to_integral_value():
            self._fail(
                position, f"{self.task.n!r} is {brief(text)}; it must be a whole number from 1"
            )
        return int(number)

    def _spread(self, position: int) -> float | None:
        text = None if self.sd is None else self.sd[position]
        if text is None:
            return None
        name = self.task.rate_sd or ""
        number = self._measured(position, name, text)
        if number < 0:
            self._fail(
                position, f"{name!r} is {text!r}; a standard deviation must be a number from 0"
            )
        return float(number / 100 if self.task.percent else number)

    def _fail(self, position: int, what: str) -> NoReturn:
        place = self.columns.table.place(self.columns.rows[position])
        raise UserError(f"{place}: {what}{'' if what.endswith('?') else '.'}")


def _note_shares(columns: Columns) -> None:
    """Notes columns of per cent, none of whose cells is above 1: shares seldom are so small."""
    names = columns.names
    beside = [names.find(names.task.rate_sd)] if names.task.rate_sd is not None else []
    for several in (names.outcomes, beside):
        texts = {
            cell
            for source in several
            for place in names.places
            for cell in columns.of(source, place)
            if cell is not None
        }
        numbers = [measured(text.removesuffix("%"), columns.decimal) or 0 for text in texts]
        if any(numbers) and max(numbers) <= 1 and not any(text.endswith("%") for text in texts):
            held = " and ".join(repr(source.name) for source in several)
            columns.notes.append(
                f"percent = true makes {float(max(numbers) / 100):g} of {max(numbers)}, the "
                f"largest number in {held}; if these are shares of 1, leave percent out"
            )


def _rest(share: Decimal, of_target: bool) -> float:
    return float(share) if of_target else float(1 - share)


def target_of(task: Task) -> str | None:
    """The key coded 1: the one the map names, else of two options the first."""
    if task.target is not None or len(task.options) > 2:
        return task.target
    return task.options[0].key


def options_with(task: Task, labels: list[str]) -> tuple[Option, ...]:
    """The options of a decision under these labels."""
    return tuple(
        Option(option.key, label, (), option.value)
        for option, label in zip(task.options, labels, strict=True)
    )
