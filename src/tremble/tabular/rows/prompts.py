"""What people read: the templates of a task over its rows, each equal row rendered once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from tremble.decisions.record import Option
from tremble.prompts.own_template import Missing, NoTemplate, NotRendered
from tremble.tabular.maps.names import FILE, Names, Source
from tremble.tabular.maps.wide import ROUND
from tremble.tabular.rows.columns import Column, Columns
from tremble.tabular.rows.outcomes import Did, options_with
from tremble.tabular.rows.twins import twin
from tremble.tabular.templates.printed import Cell, Past, Row
from tremble.tabular.templates.rendering import (
    MapTemplate,
    compiled,
    is_template,
    used,
)
from tremble.tabular.templates.uses import HISTORY, OPTIONS, QUESTION, ROW, SPECIAL
from tremble.text import did_you_mean

CHOICE, KEY, OUTCOME = "choice", "key", "outcome"  # what an earlier decision has beside its names
_KEPT = 1_000_000  # cells of rows whose prompts are remembered
Entry = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What one person read, and the labels of the options."""

    system: str | None
    prompt: str
    options: tuple[Option, ...]


class Templates:
    """The templates of a task, held against the columns that there are before a row is read."""

    def __init__(self, names: Names) -> None:
        """Raises UserError for what is no template, a name that is nowhere, a column that holds the
        decision's own outcome or belongs to a later one, and a history of nobody."""
        self.names, task = names, names.task
        self.notes: list[str] = []  # what is odd about them, a sentence each
        where = f"of the task {task.family!r}"
        self.prompt = self._compiled(task.prompt, f"the prompt {where}")
        self.system = (
            self._compiled(task.system, f"the system text {where}") if task.system else None
        )
        self.labels = [
            self._compiled(option.label, f"the label {option.label!r} {where}")
            if is_template(option.label)
            else option.label
            for option in task.options
        ]
        of_labels = [label for label in self.labels if isinstance(label, MapTemplate)]
        for label in of_labels:
            if label.uses.special & {HISTORY, OPTIONS}:
                names.map.fail(f"{label.what} uses history or options; labels can use only columns")
        self.templates = [self.prompt, *([self.system] if self.system else []), *of_labels]
        self.uses = used(self.templates)
        own = {column for source in self._outcomes() for column in names.columns(source)}
        for template in self.templates:
            self._check_words(template)
            for name in sorted(template.uses.names):
                self._check(template, name, self._variable(template, name), own)
            for name in sorted(template.uses.columns):
                self._check(template, name, self._column(template, name), own)
        self.variables = sorted(self.uses.names)
        self.columns = sorted(self.uses.columns)
        self.fields = self._fields(own) if HISTORY in self.uses.special else []

    def _compiled(self, text: str, what: str) -> MapTemplate:
        try:
            made = compiled(text, what)
        except NoTemplate as error:
            self.names.map.fail(f"{what} {error}")
        if self.names.has(QUESTION) and QUESTION in made.uses.special:
            uses = made.uses
            uses = replace(uses, names=uses.names | {QUESTION}, special=uses.special - {QUESTION})
            made = replace(made, uses=uses)
        return made

    def _check_words(self, template: MapTemplate) -> None:
        """Refuse a column with a dot in its name that is written as something of another one; note
        where a word of templates and a column are called the same."""
        for name in sorted(template.uses.dotted):
            if self.names.has(name):
                self.names.map.fail(
                    f'{template.what} uses {name}, and {name!r} is a column; write row["{name}"]'
                )
        for name, what in ((HISTORY, "what the person did before"), (OPTIONS, "the labels")):
            if name in template.uses.special - template.uses.columns and self.names.has(name):
                self.notes.append(
                    f"{template.what} uses {name}, which is {what}; for the column write "
                    f'row["{name}"]'
                )

    def _variable(self, template: MapTemplate, name: str) -> Source:
        """What a variable stands for."""
        if name not in self.names.known():
            self._unknown(template, name, [*self.names.known(), *SPECIAL])
        return self.source(name)

    def source(self, name: str) -> Source:
        """What a name stands for that templates can use: `round` is the round, whatever its column
        is called, unless the file or the map have another meaning for it."""
        task = self.names.task
        own = {*task.columns, *self.names.places[0]}
        if name == ROUND and task.round and name not in own and not self.names.has(name):
            return self.names.find(task.round)
        return self.names.find(name)

    def _column(self, template: MapTemplate, name: str) -> Source:
        if not self.names.has(name):
            self._unknown(template, name, self.names.in_file())
        return self.names.of_file(name)

    def _unknown(self, template: MapTemplate, name: str, known: list[str]) -> NoReturn:
        hint = did_you_mean(name, known)
        hint = hint if hint.endswith("?") else f"; {self.names.file} has no such column"
        self.names.map.fail(
            f"{template.what} uses {name!r}, which is not the name of a column{hint}"
        )

    def _outcomes(self) -> list[Source]:
        task = self.names.task
        beside = [name for name in (task.n, task.rate_sd) if name is not None]
        return [*self.names.outcomes, *(self.names.find(name) for name in beside)]

    def _check(self, template: MapTemplate, name: str, source: Source, own: set[str]) -> None:
        """Refuse what a person cannot have known."""
        if own.intersection(self.names.columns(source)):
            self.names.map.fail(
                f"{template.what} uses {name!r}, which contains the decision itself; for earlier "
                "decisions use history"
            )
        if source.kind != "column":
            return
        if self.names.later(source.name):
            self.names.map.fail(
                f"{template.what} uses {name!r}, which belongs to only one of the decisions of a "
                "row; write it under columns with its part in braces"
            )
        beside = self.names.beside(source.name)
        if beside is None or beside.items() <= self.names.places[0].items():
            return
        what = " and ".join(f"{part} {value}" for part, value in beside.items())
        if name in self.names.task.columns:
            self.notes.append(
                f"{template.what} uses {source.name!r} in all decisions of a row, but it seems to "
                f"belong to the decision of {what}; leave it out if people learnt it later"
            )
            return
        self.names.map.fail(
            f"{template.what} uses {name!r}, which seems to belong only to the decision of "
            f"{what}; write it under columns with its part in braces, or give it a short name "
            "there if people knew it in all decisions"
        )

    def _fields(self, own: set[str]) -> list[str]:
        """What the templates may look at of earlier decisions; `own` are columns of outcomes."""
        if not self.names.task.participant:
            self.names.map.fail(
                f"the task {self.names.task.family!r} uses history, but has no participant; add "
                "participant, so that it is known who did what before"
            )
        if self.names.task.outcome is None:
            self.names.map.fail(
                f"the task {self.names.task.family!r} uses history, but has rates of many people; "
                "leave history out, because it is what one person chose before"
            )
        known = {*self.names.known(), CHOICE, KEY, OUTCOME}
        for template in self.templates:
            for name in sorted(template.uses.past - known):
                self._unknown(template, name, sorted(known))
            for name in sorted(template.uses.past):
                if self._of_another(name, own):
                    self.names.map.fail(
                        f"{template.what} uses {name!r} of history, which belongs to only one of "
                        "the decisions of a row; write it under columns with its part in braces"
                    )
        wanted = (self.uses.words | self.uses.past) & known
        return sorted(name for name in wanted if not self._of_another(name, own))

    def is_outcome(self, name: str) -> bool:
        """Whether a name of an earlier decision is its outcome, and not a name of the map's own or
        a column that is called so."""
        return name == OUTCOME and name not in self.names.known()

    def _of_another(self, name: str, own: set[str]) -> bool:
        """Whether a name is a single column of a wide table that holds what a certain decision of a
        row was, or what came after others: an earlier decision must not show it."""
        if len(self.names.places) < 2 or name in (CHOICE, KEY) or self.is_outcome(name):
            return False
        source = self.source(name)
        if source.kind != "column":
            return False
        if source.name in own or self.names.later(source.name):
            return True
        return name not in self.names.task.columns and self.names.beside(source.name) is not None


class Prompts:
    """The prompts of a task's rows."""

    def __init__(
        self, templates: Templates, columns: Columns, did: Sequence[list[Did | None]]
    ) -> None:
        self.of, self._columns, self._did = templates, columns, did
        names = templates.names
        self._cells = [
            [
                *(self._named(name, place) for name in templates.variables),
                *(columns.of(names.of_file(name), place) for name in templates.columns),
            ]
            for place in names.places
        ]
        self._past = [
            [self._named(name, place) for name in templates.fields if name not in (CHOICE, KEY)]
            for place in names.places
        ]
        self._past_names = [name for name in templates.fields if name not in (CHOICE, KEY)]
        self._questions = [self._question(place) for place in names.places]
        self._note_twins()
        self._plain = self._plain_options()
        self._known: dict[tuple[Any, ...], Read] = {}
        self._held = 0

    def read(self, row: int, place: int, before: Iterable[tuple[int, int]]) -> Read:
        """What was read in a row at a place, after earlier decisions (row, place).

        Raises `MissingCell` and NotRendered, as `MapTemplate.render` does.
        """
        cells = [cells[row] for cells in self._cells[place]]
        entries = [self._entry(*one) for one in before]
        key = (self._questions[place], *cells, *entries)
        found = self._known.get(key)
        if found is None:
            found = self._rendered(cells, place, entries)
            self._held += len(key) + len(entries) * len(self._past_names)
            if self._held > _KEPT:
                self._known.clear()
                self._held = 0
            self._known[key] = found
        return found

    def _note_twins(self) -> None:
        names = [*self.of.variables, *self.of.columns]
        for at, name in enumerate(names):
            note = twin(name, [cells[at] for cells in self._cells], self._did)
            if note is not None:
                self._columns.notes.append(note)

    def _named(self, name: str, place: Any) -> Column:
        if self.of.is_outcome(name):
            return self._columns.of(self.of.names.outcomes[0], place)
        return self._columns.of(self.of.source(name), place, name)

    def _question(self, place: Any) -> str | None:
        if QUESTION not in self.of.uses.special:
            return None
        names = self.of.names
        columns = [names.column(source, place) for source in names.outcomes]
        texts = (self._columns.table.questions.get(one) for one in columns if one is not None)
        return next((text for text in texts if text), None)

    def _plain_options(self) -> tuple[Option, ...] | None:
        labels = [label for label in self.of.labels if isinstance(label, str)]
        task = self.of.names.task
        return options_with(task, labels) if len(labels) == len(self.of.labels) else None

    def _entry(self, row: int, place: int) -> Entry:
        """An earlier decision as far as the templates look at it."""
        done = self._did[place][row]
        assert done is not None and done.choice is not None
        label = done.choice
        if CHOICE in self.of.fields:
            options = self._plain or self._options(self._variables(row, place))
            label = next(option.label for option in options if option.key == done.choice)
        return (label, done.choice, *(cells[row] for cells in self._past[place]))

    def _variables(self, row: int, place: int) -> dict[str, Any]:
        return self._as_variables([cells[row] for cells in self._cells[place]], place)

    def _as_variables(self, cells: list[Cell | None], place: int) -> dict[str, Any]:
        names = [*self.of.variables, *self.of.columns]
        values = [
            Missing(name) if cell is None else cell for name, cell in zip(names, cells, strict=True)
        ]
        count = len(self.of.variables)
        variables: dict[str, Any] = dict(zip(names[:count], values, strict=False))
        if ROW in self.of.uses.special:
            variables[ROW] = Row(dict(zip(names[count:], values[count:], strict=True)))
        if QUESTION in self.of.uses.special:
            variables[QUESTION] = self._questions[place] or Missing(QUESTION)
        return variables

    def _rendered(self, cells: list[Cell | None], place: int, entries: list[Entry]) -> Read:
        variables = self._as_variables(cells, place)
        options = self._plain or self._options(variables)
        if OPTIONS in self.of.uses.special:
            variables[OPTIONS] = [option.label for option in options]
        if HISTORY in self.of.uses.special:
            variables[HISTORY] = [self._as_past(entry) for entry in entries]
        system = self.of.system.render(variables) if self.of.system else None
        prompt = self.of.prompt.render(variables)
        if not prompt:
            raise NotRendered("it prints nothing")
        return Read(system or None, prompt, options)

    def _as_past(self, entry: Entry) -> Past:
        label, key, *cells = entry
        names = zip(self._past_names, cells, strict=True)
        values = {name: Missing(name) if cell is None else cell for name, cell in names}
        return Past({**values, CHOICE: label, KEY: key})

    def _options(self, variables: dict[str, Any]) -> tuple[Option, ...]:
        labels = [
            label if isinstance(label, str) else label.render(variables) for label in self.of.labels
        ]
        if not all(labels) or len(set(labels)) < len(labels):
            raise NotRendered(f"the labels are {labels!r}, but each label must be a different text")
        return options_with(self.of.names.task, labels)


def used_sources(templates: Templates) -> list[tuple[str, Source]]:
    """The names that reach a prompt, with what they stand for."""
    names = templates.names
    past = [name for name in templates.fields if name not in (CHOICE, KEY, OUTCOME, FILE)]
    return [
        *((name, templates.source(name)) for name in [*templates.variables, *past]),
        *((name, names.of_file(name)) for name in templates.columns),
    ]
