"""A table to a draft of its map: the tasks, with everything that belongs to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tremble.errors import UserError
from tremble.tabular.guess.beside import (
    FEW,
    asked_of_people,
    crossed,
    given,
    goes_with,
    has_gaps,
    item_of,
    own_deed,
    wordy,
)
from tremble.tabular.guess.candidates import Chosen, candidates, same_partition, too_many
from tremble.tabular.guess.doubts import of_deciders, of_others_answers, of_prompts, of_rounds
from tremble.tabular.guess.draft import Draft, DraftTask
from tremble.tabular.guess.families import family_of, last_part, unused
from tremble.tabular.guess.hints import Hints
from tremble.tabular.guess.kinds import kinds_of
from tremble.tabular.guess.looked import Field, codes_seen, reading_of
from tremble.tabular.guess.numbered import CONDITION, ITEM
from tremble.tabular.guess.options import options_of
from tremble.tabular.guess.prompt_text import (
    Shown,
    called,
    is_tagged,
    line_of,
    literal,
    prompt_of,
)
from tremble.tabular.guess.roles import (
    constant,
    fact_name,
    is_assigned,
    is_condition,
    is_fact,
    is_item,
    is_trait,
)
from tremble.tabular.guess.words import (
    AMOUNT,
    OUTCOME,
    TEXT,
    has_word,
    is_aside,
    is_meta,
    short_name,
)

_SHOWN = 8  # columns in a prompt
_NAMED = 8  # columns in a sentence
_WORDS = 3  # in the name of a column that is a question


def drafted(hints: Hints) -> Draft:
    """The draft of a map. Raises UserError where no column can be an outcome."""
    look, person = hints.look, hints.person
    known = {field.name for field in hints.fields if is_fact(field, person)}
    traits = {field.name for field in hints.fields if is_trait(field, person)}
    facts, conditions, taken = _taken(hints, known | traits)
    found = candidates(hints, taken)
    if not found.fields and traits:  # a scale may be all that was asked
        facts, conditions, taken = _taken(hints, known)
        found = candidates(hints, taken)
    if not found.fields or (found.last_resort and hints.refusal is not None):
        raise _nothing(hints, taken)
    draft = Draft(hints.tool, reading_of(look), dict(hints.drop))
    draft.found, draft.check = list(hints.found), [*found.doubts, *hints.check]
    draft.private = [*hints.private.items()]
    maker = _Maker(hints, conditions, facts)
    maker.decided = {one.name for one in found.fields}
    _add_tasks(draft, maker, found)
    draft.check += of_others_answers(hints)
    draft.others = [f"{field.name} ({len(field.counts)} values)" for field in found.others]
    used = {column for task in draft.tasks for column in used_columns(task)}
    draft.unused = [field.name for field in hints.fields if field.name not in used]
    fields = _fields_used(hints, used)
    codes = codes_seen(look, (column for field in fields for column in field.columns.values()))
    if codes:
        draft.reading["missing"] = codes
    return draft


def _taken(hints: Hints, facts: set[str]) -> tuple[set[str], list[Field], list[Field]]:
    """Facts, conditions, and all columns that are no outcome for being one or a count."""
    conditions = _conditions(hints, facts)
    names = facts | {one.name for one in conditions}
    taken = [one for one in hints.fields if one.name in names or _is_counted(one, hints)]
    return facts, conditions, taken


def _add_tasks(draft: Draft, maker: _Maker, found: Chosen) -> None:
    """Add the tasks of all outcomes, and what is to be checked of each."""
    families: set[str] = set()
    unsure: dict[str, list[str]] = {}
    for outcome in found.fields:
        for kind, rows in kinds_of(maker.hints, outcome):
            task = maker.task(kind, rows, found.others)
            task.family = unused(task.family, last_part(outcome), families)
            families.add(task.family)
            draft.tasks.append(task)
            unsure[task.family] = list(maker.unsure)
            draft.check += of_deciders(maker.hints, kind)
            draft.check += of_rounds(maker.hints, kind, task.family)
    draft.check += of_prompts(draft.tasks, unsure)


def used_columns(task: DraftTask) -> set[str]:
    """The columns of the file, or patterns, that a task names."""
    single = [task.outcome, task.rate, task.n, task.item, task.round, task.role, task.order]
    tables = (task.config, task.facts, task.columns, task.rates, task.counts)
    several = [*task.participant, *task.rows, *(one for table in tables for one in table.values())]
    return {name for name in [*single, *several] if name}


def _fields_used(hints: Hints, used: set[str]) -> Iterator[Field]:
    known = [*hints.fields, *hints.config.values(), *hints.facts.values()]
    yield from (field for field in known if field.name in used)


def _conditions(hints: Hints, facts: set[str]) -> list[Field]:
    """What was varied between people, or is called a condition."""
    rows = len(hints.person.cells)
    found = [
        field
        for field in hints.fields
        if field.name not in facts
        and field.name not in hints.outcomes
        and not _is_counted(field, hints)
        and not is_meta(field.name)
        and field.name not in hints.never
        and field.name not in hints.deciders
        and (
            is_condition(field)
            or (is_assigned(field, hints.person, rows) and not has_word(field.name, OUTCOME))
        )
    ]
    kept: list[Field] = []
    for field in found:
        if not any(same_partition(one, field) for one in kept):
            kept.append(field)
    return kept


def _is_counted(field: Field, hints: Hints) -> bool:
    return field.name in (hints.round, hints.order, *hints.person.names)


def _nothing(hints: Hints, taken: Sequence[Field]) -> UserError:
    path = str(hints.look.path)
    if hints.refusal is not None:
        return UserError(f"{path!r} {hints.refusal}")
    columns = [field.name for field in hints.fields] or list(hints.look.names)
    names = ", ".join(map(repr, columns[:_NAMED]))
    many = too_many(hints, taken)
    if many:
        first = many[0]
        return UserError(
            f"{path!r} has no column that could be an outcome with few options; {first.name!r} "
            f"has {len(first.counts):,} different values, so write a map with ranges of them as "
            "cells of options (docs/tables.md)."
        )
    more = ", ..." if len(columns) > _NAMED else ""
    return UserError(
        f"{path!r} has no column that could be what people chose: a name such as choice, "
        f"decision, response or accepted, and 2 to 11 different values; it has {names}{more}; "
        "write a map by hand (docs/tables.md)."
    )


class _Maker:
    """Makes tasks of one table."""

    def __init__(self, hints: Hints, conditions: Sequence[Field], facts: set[str]) -> None:
        self.hints, self.conditions, self.facts = hints, conditions, facts
        self.decided: set[str] = set()  # outcomes of all tasks
        self.unsure: list[str] = []  # columns of the last prompt that people may not have known

    def task(
        self, outcome: Field, rows: Mapping[str, list[str]], others: Sequence[Field]
    ) -> DraftTask:
        """The task of an outcome, in these rows alone. `others` are decisions, too."""
        hints = self.hints
        options, doubts = options_of(outcome, hints.look.codes.get(outcome.name, {}))
        task = DraftTask(
            family_of(hints, outcome, rows), "", outcome.name, options, rows=dict(rows)
        )
        task.comments["options"] = doubts
        task.participant = list(hints.person.names)
        task.round, task.order = (
            self._filled(name, outcome) for name in (hints.round, hints.order)
        )
        role = hints.role
        if role is not None and goes_with(role, outcome) and len(given(role, outcome)) > 1:
            task.role = role.name
        conditions = {field.name: field for field in self.conditions}
        conditions |= {field.name: field for field in hints.config.values()}
        conditions = {
            name: field
            for name, field in conditions.items()
            if goes_with(field, outcome) and not same_partition(field, outcome)
        }
        seen = self._seen(outcome, rows, others, conditions)
        taken = {*hints.look.names, outcome.part or ""}
        for field in [*conditions.values(), *seen]:
            alias = short_name(field.name, taken - {field.name} | set(task.columns))
            if alias != field.name:
                task.columns[alias] = field.name
            few = 2 <= len(field.counts) <= FEW
            if field.name in conditions or (few and not wordy(field)):
                task.config[alias] = field.name
        self.unsure = self._unsure(conditions, seen)
        self._add_facts(task, outcome)
        task.item = item_of(outcome, seen, task)
        if task.item is None and task.participant:
            own = {*self.facts, *(field.name for field in self.conditions), *self.decided}
            open_ = [one for one in hints.fields if one.name not in own and not is_meta(one.name)]
            task.may_be_item = crossed(open_, outcome, hints.person.cells)
        self._add_prompt(task, outcome, [*conditions.values(), *seen])
        return task

    def _filled(self, name: str | None, outcome: Field) -> str | None:
        """A column that counts rounds, where it does so for this outcome."""
        if name is None or not given(self.hints.look.single(name), outcome):
            return None
        return name

    def _seen(
        self,
        outcome: Field,
        rows: Mapping[str, list[str]],
        others: Sequence[Field],
        conditions: Mapping[str, Field],
    ) -> list[Field]:
        """The columns that people saw before they chose, as far as their places and names tell."""
        hints = self.hints
        decided = {
            field.name for field in others if has_word(field.name, OUTCOME) or field.part
        } | {*hints.outcomes, *self.decided}
        if has_word(outcome.name, AMOUNT):
            decided |= {field.name for field in others}
        found = []
        for field in hints.fields:
            known = hints.knows(field, outcome) if hints.knows is not None else None
            early = known or field.number < outcome.number or field.name in hints.before
            told = {*self.facts, *conditions, *rows, outcome.name}
            if known is False or not early or field.name in told or _is_counted(field, hints):
                continue
            if not known and (field.name in decided or own_deed(field, outcome)):
                continue
            if asked_of_people(field, hints.person.count) or not goes_with(field, outcome):
                continue
            if is_aside(field.name):
                continue
            if len(given(field, outcome)) < 2 or same_partition(field, outcome):
                continue
            if wordy(field) and not (has_word(field.name, TEXT) or is_item(field)):
                continue
            found.append(field)
        return found[:_SHOWN]

    def _unsure(self, conditions: Mapping[str, Field], seen: Sequence[Field]) -> list[str]:
        """Columns of a prompt whose names do not say that people knew them."""
        sure = {one.name for one in self.hints.config.values()}
        varied = [one for one in conditions.values() if not is_condition(one)]
        read = [one for one in seen if not is_item(one) and not has_word(one.name, TEXT)]
        return [one.name for one in (*varied, *read) if one.name not in sure]

    def _add_facts(self, task: DraftTask, outcome: Field) -> None:
        hints = self.hints
        known = [field for field in hints.fields if field.name in self.facts]
        for field in [*known, *hints.facts.values()]:
            if field.name in (outcome.name, *task.rows):
                continue
            name = fact_name(field) or short_name(field.name, {*task.facts, *task.columns})
            name = field.name if field.name.isidentifier() and not fact_name(field) else name
            task.facts.setdefault(name, field.name)

    def _add_prompt(self, task: DraftTask, outcome: Field, seen: Sequence[Field]) -> None:
        shown = [
            Shown(
                next((a for a, column in task.columns.items() if column == one.name), one.name),
                called(one.name),
                alone=has_word(one.name, TEXT) and one.numbers is None,
                gaps=has_gaps(one, outcome),
                tagged=is_tagged(list(one.counts)[:1000]),
            )
            for one in seen
        ]
        question = _question(outcome)
        past: list[Shown] = []
        if self.hints.history and task.participant:
            person = self.hints.person
            varied = {one.name for one in seen if not constant(one, person)}
            past = [
                one
                for one, field in zip(shown, seen, strict=True)
                if field.name in varied and not one.gaps and not one.alone
            ]
        if outcome.part == CONDITION:
            task.config[CONDITION] = CONDITION
        labels = [option.key for option in task.options]
        task.prompt = prompt_of(shown, labels, question, past)


def _question(outcome: Field) -> str | None:
    """The line that asks: the text of the question, where the file has it, else what the names of
    columns tell."""
    if outcome.questions:
        gaps = len(outcome.questions) < len(outcome.columns)
        tagged = is_tagged(outcome.questions)
        return line_of(Shown("question", "", alone=True, gaps=gaps, tagged=tagged))
    if outcome.part == CONDITION:
        return f"condition: {{{{ {CONDITION} }}}}"
    if outcome.part == ITEM:
        return f"{{{{ {ITEM} }}}}".join(map(literal, outcome.name.split(f"{{{ITEM}}}")))
    # The name of a column that is a question, as forms of Google have it.
    asks = outcome.part is None and len(outcome.name.split()) >= _WORDS
    return literal(outcome.name) if asks else None
