"""What the names in a task stand for: columns of the file, many of them, a part of their names, the
file or the row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tremble.errors import UserError
from tremble.tabular.cells import plain
from tremble.tabular.maps.map_file import Map, Task, map_error
from tremble.tabular.maps.wide import ROUND, Pattern, masked, neighbours, pattern_of, spots
from tremble.text import did_you_mean

FILE, ROW = "file", "row"
_LISTED = 12  # columns that are named where none is like the one asked for, at most
_LONG, _ALL = 40, 160  # characters that are shown of a long name, and after which no other is
Parts = Mapping[str, str]  # part of a name -> what stands there


@dataclass(frozen=True, slots=True)
class Source:
    """What a name stands for. `name`: the column, the pattern as it is written, the part."""

    kind: Literal["column", "pattern", "part", "file", "row"]
    name: str
    pattern: Pattern | None = None


class Names:
    """The names of one task, held against the columns of a file."""

    def __init__(self, map_: Map, task: Task, file: str, columns: Sequence[str]) -> None:
        """`file` names the table in errors. Raises UserError where the columns of the outcome are
        not there, and for short names that cannot be."""
        self.map, self.task, self.file = map_, task, file
        self._columns = {plain(column): column for column in columns}
        self._parts: tuple[str, ...] = ()
        for alias in task.columns:
            if not alias.isidentifier() or alias in (FILE, ROW, "history", "options", "question"):
                map_.fail(
                    f"{alias!r} cannot be a short name in columns; use letters, digits and _, but "
                    "not file, row, history, options or question"
                )
            if self.has(alias) and plain(task.columns[alias]) != plain(alias):
                map_.fail(
                    f"{alias!r} is both a short name in columns and a column of {file}, so it is "
                    "unclear which is meant; choose another short name"
                )
        keyed = task.rates or task.counts
        wanted = list(keyed.values()) or [task.outcome or task.rate or ""]
        self.outcomes = [self.find(name) for name in wanted]
        parts = {source.pattern.parts if source.pattern else () for source in self.outcomes}
        if len(parts) > 1:
            map_.fail(f"the names {wanted!r} do not have the same parts in braces")
        self._parts = parts.pop()
        self.places = self._found() if self._parts else [{}]
        for part in self._parts:
            if part in task.columns:
                map_.fail(
                    f"{part!r} is both a short name in columns and a part in braces; rename one "
                    "of them"
                )

    def _found(self) -> list[Parts]:
        """The values of the parts for which the outcome has a column: rounds by their number,
        others as they come."""
        found: dict[tuple[str, ...], Parts] = {}
        for column in self._columns.values():
            for source in self.outcomes:
                values = source.pattern.values(column) if source.pattern else None
                if values:
                    found.setdefault(tuple(values.values()), values)
        first: dict[str, dict[str, int]] = {part: {} for part in self._parts}
        for place in found.values():
            for part, value in place.items():
                first[part].setdefault(value, len(first[part]))
        places = sorted(
            found.values(),
            key=lambda values: [
                int(values[part]) if part == ROUND else first[part][values[part]]
                for part in self._parts
            ],
        )
        seen = set()
        for place in places:
            numbers = tuple(int(v) if part == ROUND else v for part, v in place.items())
            if numbers in seen:
                self.map.fail(
                    f"two columns match {self.outcomes[0].name!r} with {place!r}; delete or "
                    "rename one"
                )
            seen.add(numbers)
        return places

    def find(self, name: str) -> Source:
        """What a name stands for. Raises UserError for one that is nowhere."""
        if name in self.task.columns:
            return self._in_file(self.task.columns[name])
        if name in self._parts:
            return Source("part", name)
        return self._in_file(name)

    def known(self) -> list[str]:
        """Every name that a template of this task can use."""
        own = [*self.task.columns, *self._parts, *([ROUND] if self.task.round else [])]
        return [*dict.fromkeys([*own, *self._columns.values(), FILE])]

    def in_file(self) -> list[str]:
        """The columns of the file."""
        return list(self._columns.values())

    def has(self, name: str) -> bool:
        """Whether a name is that of a column of the file."""
        return plain(name) in self._columns

    def of_file(self, name: str) -> Source:
        """A column of the file by its own name, which is there."""
        return Source("column", self._columns[plain(name)])

    def later(self, column: str) -> bool:
        """Whether a column by its own name belongs to a decision of the row that has others before
        it: `ultimatum.3.player.payoff` comes after the decision of round 1."""
        after = self.places[1:]
        texts = [*self.task.columns.values(), *self.task.config.values(), *self.task.facts.values()]
        patterns = [*(source.pattern for source in self.outcomes), *map(pattern_of, texts)]
        for pattern in patterns:
            values = pattern and (pattern.values(column) or pattern.begins(column))
            if values and any(values.items() <= place.items() for place in after):
                return not values.items() <= self.places[0].items()
        return False

    def beside(self, column: str) -> Parts | None:
        """Which decision of the row a column seems to belong to, as its name has the shape of the
        outcome's and there is one like it for another decision: `payoff_2` beside `payoff_1`, of
        `choice_{round}`. None where nothing of the kind shows."""
        name = plain(column)
        for source in self.outcomes:
            for edge in source.pattern.edges() if source.pattern else []:
                values = dict.fromkeys(place[edge[0]] for place in self.places)
                for value in values:
                    for start, end in spots(name, value, edge):
                        rest = (f"{name[:start]}{one}{name[end:]}" for one in values)
                        if any(one != name and one in self._columns for one in rest):
                            return {edge[0]: value}
        return None

    def parts_taken(self) -> dict[str, list[str]]:
        """What stands in the outcome's columns for each part of its name that any text fits."""
        return {
            part: list(dict.fromkeys(place[part] for place in self.places))
            for part in self._parts
            if part != ROUND
        }

    def _in_file(self, name: str) -> Source:
        column = self._columns.get(plain(name))
        if column is not None:
            return Source("column", column)
        pattern = pattern_of(name)
        if pattern is not None:
            return self._pattern(pattern)
        if name in (FILE, ROW):
            return Source("file" if name == FILE else "row", name)
        raise self.no_column(name)

    def _pattern(self, pattern: Pattern) -> Source:
        name = pattern.text
        beside = neighbours(name)
        if beside is not None:
            self.map.fail(f"{beside!r} in {name!r} are two parts with nothing between them")
        if self._parts:
            for part in pattern.parts:
                if part not in self._parts:
                    self.map.fail(
                        f"{{{part}}} in {name!r} is not a part of the outcome's columns, whose "
                        f"parts are {', '.join(f'{{{one}}}' for one in self._parts)}"
                    )
            there = any(plain(pattern.column(p)) in self._columns for p in self.places)
        elif getattr(self, "places", None):  # the outcome is read, and has no parts
            self.map.fail(
                f"{name!r} has a part in braces, but the outcome has none; write the column's name"
            )
        else:
            there = any(pattern.values(column) for column in self._columns.values())
        if not there:
            known = masked(self._columns.values(), pattern.parts[0])
            raise self._nowhere(name, [one for one in known if "{" in one])
        return Source("pattern", name, pattern)

    def column(self, source: Source, place: Parts) -> str | None:
        """The column of a source for a decision with these parts; None where there is none."""
        if source.kind == "column":
            return source.name
        if source.pattern is None:
            return None
        return self._columns.get(plain(source.pattern.column(place)))

    def columns(self, source: Source) -> list[str]:
        """The columns of a source for all decisions of a row."""
        made = (self.column(source, place) for place in self.places)
        return [*dict.fromkeys(column for column in made if column is not None)]

    def no_column(self, name: str) -> UserError:
        """The sentence about a name that is nowhere."""
        known = [*self.task.columns, *self._parts, *self._columns.values()]
        return self._nowhere(name, known)

    def _nowhere(self, name: str, known: list[str]) -> UserError:
        return map_error(
            self.map.where, f"there is no column {name!r} in {self.file}{_hint(name, known)}"
        )


def find_column(map_: Map, name: str, file: str, columns: Sequence[str]) -> str:
    """The column of this name, outside of tasks. Raises UserError where it is not there."""
    known = {plain(column): column for column in columns}
    if plain(name) not in known:
        map_.fail(f"there is no column {name!r} in {file}{_hint(name, list(columns))}")
    return known[plain(name)]


def _hint(name: str, known: list[str]) -> str:
    """What was meant, or the first columns that there are."""
    if not known:
        return ", which has no columns; export it again"
    if len(known) == 1 and re.search(r"[,;\t|]", known[0]):
        first = f"{known[0][:_LONG]!r}{'...' if len(known[0]) > _LONG else ''}"
        return (
            f", whose only column is {first}; give the character between cells as delimiter in "
            "[file]"
        )
    hint = did_you_mean(name, known)
    if hint.endswith("?"):
        return hint
    listed: list[str] = []
    for column in known[:_LISTED]:
        if len(", ".join(listed)) < _ALL:
            listed.append(repr(column) if len(column) <= _LONG else f"{column[:_LONG]!r}...")
    more = f" and {len(known) - len(listed):,} more" if len(known) > len(listed) else ""
    return f"; it has {', '.join(listed)}{more}"
