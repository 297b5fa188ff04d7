"""A map (TOML, or the same content as a dict) to what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn

from tremble.disk.paths import is_file, path_of
from tremble.errors import UserError
from tremble.settings.reader import Reader
from tremble.settings.schema import Key
from tremble.settings.toml import content_of, text_in
from tremble.tabular.cells import all_composed
from tremble.tabular.maps.schema import DROP, OPTION, SCHEMA, TOP
from tremble.tabular.table import Reading
from tremble.text import abridged, as_text, as_written

Names = Mapping[str, str]
Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MapOption:
    """An option: `label` may be a template, `cells` are what the outcome column holds for it."""

    key: str
    label: str
    value: float | None = None
    cells: Cells = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One [[task]], as docs/tables.md has its keys; names of columns as they are written there."""

    family: str
    prompt: str
    options: tuple[MapOption, ...]
    outcome: str | None = None
    rate: str | None = None
    rates: Names = field(default_factory=dict)
    counts: Names = field(default_factory=dict)
    n: str | None = None
    rate_sd: str | None = None
    percent: bool = False
    target: str | None = None
    rows: Mapping[str, Cells] = field(default_factory=dict)
    participant: tuple[str, ...] = ()
    item: tuple[str, ...] = ()
    round: str | None = None
    role: str | None = None
    order: str | None = None
    config: Names = field(default_factory=dict)
    facts: Names = field(default_factory=dict)
    columns: Names = field(default_factory=dict)
    words: Mapping[str, Names] = field(default_factory=dict)
    system: str | None = None
    opening: str = ""


@dataclass(frozen=True, slots=True)
class Map:
    """What a table means. `where` names the map in errors."""

    where: str
    tasks: tuple[Task, ...]
    reading: Reading
    drop: Mapping[str, Cells] = field(default_factory=dict)
    dataset: str | None = None
    keep_ids: bool = False

    def fail(self, message: str) -> NoReturn:
        """Raises UserError with a sentence about the map, which `message` ends without a stop."""
        raise map_error(self.where, message)


def map_error(where: str, message: str) -> UserError:
    message = abridged(message)
    return UserError(f"{where}: {message}{'' if message.endswith('?') else '.'}")


def read_map(path: Path) -> Map:
    """The map in a TOML file.

    Raises UserError for a missing file, text that is not TOML, unknown keys and wrong values.
    """
    path = path_of(path)
    if not is_file(path):
        raise UserError(f"There is no map {str(path)!r}; check the path.")
    return map_from(content_of(text_in(path), path, "a map"), str(path))


def map_from(content: Mapping[str, Any], where: str = "the map") -> Map:
    """The map of this content; `where` names it in errors. Raises UserError as `read_map` does."""
    reader = _MapReader(Path(where), SCHEMA)
    content = all_composed(content)
    tables = ["file", DROP, "task"]
    top = {key: value for key, value in content.items() if key not in tables}
    reader.known(top, [*_top_keys(), *tables])
    said = reader.values(top, TOP, "the map")
    tasks = tuple(_task(reader, entry) for entry in reader.each(content, "task"))
    if not tasks:
        reader.fail("there is no task; add [[task]] with outcome, options and prompt")
    families = [task.family for task in tasks]
    for family in families:
        if families.count(family) > 1:
            reader.fail(f"two tasks have the family {family!r}; give each its own family")
    drop = reader.value(Key(DROP, DROP, "lists", {}, ""), content.get(DROP, {}), "the map")
    how = Reading(**reader.one(content, "file"))
    return Map(where, tasks, how, drop, said["dataset"], said["keep_ids"])


def _top_keys() -> list[str]:
    return [key.name for key in SCHEMA if key.table == TOP]


def _task(reader: Reader, said: dict[str, Any]) -> Task:
    """A task whose keys go together."""
    task = Task(**{one.name: said[one.name] for one in fields(Task)})
    where = f"the task {task.family!r}"
    given = [name for name in ("outcome", "rate", "rates", "counts") if getattr(task, name)]
    if len(given) != 1:
        reader.fail(
            f"{where} has {' and '.join(given) or 'neither outcome, rate, rates nor counts'}; "
            "give exactly one of outcome, rate, rates and counts to say what people did"
        )
    keyed = task.rates or task.counts
    if not task.options and keyed:
        task = _with_options(task, tuple(MapOption(key, key, None, (key,)) for key in keyed))
    keys = [option.key for option in task.options]
    if len(keys) < 2:
        reader.fail(
            f"{where} has {'no options' if not keys else 'one option'}; a decision needs two or "
            'more, such as options = ["yes", "no"]'
        )
    for name, needs in (("n", "rate, rates"), ("rate_sd", "rate, rates or counts")):
        if getattr(task, name) is not None and given[0] not in needs:
            reason = (
                "counts already contain it"
                if given == ["counts"]
                else "every row is one choice by one person"
            )
            reader.fail(f"{where} has both {name} and {given[0]}, but {reason}; leave {name} out")
    if task.percent and given[0] not in ("rate", "rates"):
        reader.fail(
            f"{where} has both percent and {given[0]}, which is not a rate; leave percent out"
        )
    if keyed and set(keyed) != set(keys):
        reader.fail(
            f"{given[0]} in {where} are given for {sorted(keyed)!r}, but the options are {keys!r}"
        )
    if given == ["rate"] and len(keys) != 2:
        reader.fail(
            f"rate in {where} is only for two options, and there are {len(keys)}; give rates"
        )
    if task.target is not None and task.target not in keys:
        reader.fail(f"target in {where} is {task.target!r}, which is not among {keys!r}")
    return task


def _with_options(task: Task, options: tuple[MapOption, ...]) -> Task:
    values = {one.name: getattr(task, one.name) for one in fields(Task)}
    return Task(**{**values, "options": options})


class _MapReader(Reader):
    """Reads the kinds of values that only maps have."""

    def value(self, key: Key, value: Any, where: str) -> Any:
        kinds = {
            "any text": self._any_text,
            "cells": self._cells,
            "names": self._names,
            "columns": self._columns,
            "lists": self._lists,
            "words": self._words,
            "options": self._options,
        }
        if key.kind in kinds:
            return kinds[key.kind](key.name, value, where)
        return super().value(key, value, where)

    def _any_text(self, name: str, value: Any, where: str) -> str:
        if not isinstance(value, str):
            self.fail(f"{name} in {where} is {as_written(value)}; it must be text in quotes")
        return value

    def _cells(self, name: str, value: Any, where: str) -> Cells:
        several = value if isinstance(value, list) else [value]
        if not several or not all(isinstance(one, str | int | float) for one in several):
            self.fail(
                f"{name} in {where} is {as_written(value)}; it must be a list of texts or numbers, "
                'such as ["-99"]'
            )
        return tuple(dict.fromkeys(as_text(one) for one in several))

    def _table(self, name: str, value: Any, where: str, example: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(f"{name} in {where} is {as_written(value)}; write {name} = {example}")
        return value

    def _names(self, name: str, value: Any, where: str) -> Names:
        table = self._table(name, value, where, '{ name = "column" }')
        for key, column in table.items():
            if not isinstance(column, str) or not column.strip():
                self.fail(
                    f"{key} in {name} of {where} is {as_written(column)}; it must be the name of a "
                    "column, in quotes"
                )
        return table

    def _columns(self, name: str, value: Any, where: str) -> Names:
        if isinstance(value, str):
            value = [value]
        if isinstance(value, dict):
            return self._names(name, value, where)
        if not isinstance(value, list) or not all(isinstance(x, str) and x.strip() for x in value):
            self.fail(
                f"{name} in {where} is {as_written(value)}; it must be a list of columns, or "
                'written { name = "column" }'
            )
        return {column: column for column in value}

    def _lists(self, name: str, value: Any, where: str) -> Mapping[str, Cells]:
        table = self._table(name, value, where, '{ "column" = ["value"] }')
        return {key: self._cells(f"{key} in {name}", cells, where) for key, cells in table.items()}

    def _words(self, name: str, value: Any, where: str) -> Mapping[str, Names]:
        example = '{ frame = { 1 = "gain", 2 = "loss" } }'
        table = self._table(name, value, where, example)
        for column, words in table.items():
            inner = self._table(f"{column} in {name}", words, where, '{ 1 = "gain" }')
            for cell, word in inner.items():
                if not isinstance(word, str):
                    self.fail(
                        f"{cell} of {column} in words of {where} is {as_written(word)}; it must "
                        "be text in quotes"
                    )
        return table

    def _options(self, name: str, value: Any, where: str) -> tuple[MapOption, ...]:
        if not isinstance(value, list):
            self.fail(f'{name} in {where} is {as_written(value)}; write options = ["yes", "no"]')
        options = [self._option(entry, where) for entry in value]
        for what in ("key", "label"):
            words = [getattr(option, what) for option in options]
            if len(set(words)) < len(words):
                self.fail(f"two options in {where} have the same {what}: {words!r}")
        values = [option.value for option in options]
        lacking = [option.key for option in options if option.value is None]
        if lacking and len(lacking) < len(options):
            self.fail(
                f"the option {lacking[0]!r} has no value, but others do; give every option a value"
            )
        if values and not lacking and len(set(values)) == 1:
            self.fail(f"all options have the value {values[0]:g}; give different values, or none")
        return tuple(options)

    def _option(self, entry: Any, where: str) -> MapOption:
        if isinstance(entry, str | int | float) and not isinstance(entry, bool):
            entry = {"key": as_text(entry)}
        if not isinstance(entry, dict):
            self.fail(
                f"the option {as_written(entry)} in {where} must be a text, or written "
                '{ key = "yes", cells = ["1"] }'
            )
        self.known(entry, list(OPTION), f"options of {where}")
        key = self._word("key", entry.get("key"), where)
        label = self._word("label", entry.get("label", key), where)
        value = entry.get("value")
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            self.fail(f"value of the option {key!r} is {as_written(value)}; it must be a number")
        cells = self._cells(f"cells of the option {key!r}", entry.get("cells", [key]), where)
        return MapOption(key, label, None if value is None else float(value), cells)

    def _word(self, name: str, value: Any, where: str) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = as_text(value)
        if not isinstance(value, str) or not value:
            self.fail(
                f"{name} of an option in {where} is {as_written(value)}; it must be a non-empty "
                "text"
            )
        return value
