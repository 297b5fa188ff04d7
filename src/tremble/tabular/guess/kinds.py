"""Rows of several kinds in one table: tasks that share a column for their answers, practice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tremble.tabular.guess.hints import Hints
from tremble.tabular.guess.looked import Field, Look
from tremble.tabular.guess.options import can_be_options
from tremble.tabular.guess.words import KIND, PRACTICE, joined, words_of
from tremble.tabular.table import Cells

_MOST = 12  # kinds of rows
Rows = dict[str, list[str]]


def practice_in(look: Look, names: Sequence[str]) -> Rows:
    """Columns that say of rows that they are practice, and the values that do."""
    found: Rows = {}
    for name in names:
        values = set(look.columns[name]) - {None}
        if joined(name) in ("practice", "ispractice", "training") and len(values) == 2:
            yes = [value for value in values if value and value.casefold() in ("1", "true", "yes")]
        elif 2 <= len(values) <= _MOST:
            yes = [value for value in values if value and PRACTICE.intersection(words_of(value))]
        else:
            continue
        if yes and len(yes) < len(values) and _is_kind(name):
            found[name] = sorted(yes)
    return found


def _is_kind(name: str) -> bool:
    return joined(name) in (*KIND, "practice", "ispractice", "training", "blocktype", "stage")


def kinds_of(hints: Hints, outcome: Field) -> list[tuple[Field, Rows]]:
    """The outcome in the rows of each kind, where kinds have other answers; in those of who decided
    it, where others have it, too; else as it is."""
    if outcome.name in hints.deciders:
        who, value = hints.deciders[outcome.name]
        part = _only(outcome, hints.look.columns[who], value)
        return [(part, {who: [value]})] if can_be_options(part) else []
    if outcome.part is not None:
        return [(outcome, {})]
    for name in _kind_columns(hints, outcome):
        column = hints.look.columns[name]
        answers: dict[str, set[str]] = {}
        for kind, answer in set(zip(column, outcome.held[0], strict=True)):
            if kind is not None and answer is not None:
                answers.setdefault(kind, set()).add(answer)
        held = list(answers.values())
        if len(held) < 2 or all(one & other for one in held for other in held):
            continue
        parts = {kind: _only(outcome, column, kind) for kind in answers}
        ordered = sorted(parts, key=lambda kind: column.index(kind))
        found = [(parts[kind], {name: [kind]}) for kind in ordered if can_be_options(parts[kind])]
        if found:
            return found
    return [(outcome, {})]


def _kind_columns(hints: Hints, outcome: Field) -> list[str]:
    """Columns of kinds of rows, those that the experimenter named before those of programs."""
    known = {joined(name): name for name in hints.look.names}
    found = [known[word] for word in KIND if word in known]
    found = [name for name in found if name != outcome.name and name not in hints.private]
    return [name for name in found if len(set(hints.look.columns[name])) <= _MOST]


def _only(field: Field, column: Cells, kind: str) -> Field:
    """A field with cells in the rows of a kind alone."""
    held = tuple(
        [cell if here == kind else None for cell, here in zip(cells, column, strict=True)]
        for cells in field.held
    )
    return replace(field, held=held)
