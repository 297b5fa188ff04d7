"""Which columns hold what people chose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tremble.tabular.guess.hints import Hints
from tremble.tabular.guess.kinds import kinds_of
from tremble.tabular.guess.looked import Field
from tremble.tabular.guess.numbered import is_battery
from tremble.tabular.guess.options import MOST, can_be_options
from tremble.tabular.guess.roles import constant, is_condition, is_item
from tremble.tabular.guess.words import (
    AMOUNT,
    OUTCOME,
    TEXT,
    has_word,
    is_aside,
    is_meta,
)
from tremble.tabular.maps.wide import ROUND

SURE, LIKELY, MAYBE = 3, 2, 1
TASKS = 5
_ASKED = re.compile(
    r"\b(choose|choice|decide|decision|prefer|accept|vote|would you|do you|will you|buy|agree|"
    r"likely|annehmen|nehmen sie|wählen|entscheiden|würden sie|stimmen sie)\b",
    re.IGNORECASE,
)
_NO_ANSWER = re.compile(
    r"\b(how sure|how confident|take part|participate|consent|to show that|attention|"
    r"einverstanden|teilnehmen|teilnahme)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """`fields`: the outcomes, in the order of the file; `others`: columns that could be some;
    `doubts`: what the user is to check of them; `last_resort`: no name says that they are any."""

    fields: list[Field]
    others: list[Field]
    doubts: list[str]
    last_resort: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column that may be an outcome: SURE, LIKELY or MAYBE."""

    field: Field
    score: int


def candidates(hints: Hints, taken: Sequence[Field]) -> Chosen:
    """The outcomes; `taken` are columns that are something else."""
    names = {field.name for field in taken}
    found = [
        Candidate(field, score)
        for field in hints.fields
        if field.name not in names and (score := _score(field, hints)) > 0
    ]
    best = max((one.score for one in found), default=0)
    chosen = [one.field for one in found if one.score == best]
    if best == MAYBE:  # the last one, and others with the same answers
        chosen = [one for one in chosen if set(one.counts) == set(chosen[-1].counts)]
    chosen = _without_doubles(chosen)[:TASKS]
    kept = {field.name for field in chosen}
    others = [one.field for one in found if one.field.name not in kept]
    doubts = []
    if best == MAYBE:
        told = " and ".join(repr(one.name) for one in chosen)
        doubts.append(
            f"no column name says that the column contains decisions; {told} is only a guess, "
            "because it has few values: give the right column as outcome"
        )
    doubts += [
        f"{one.name!r} is read as decisions, because its columns have the same few answers"
        for one in chosen
        if best == LIKELY and not has_word(one.name, OUTCOME | AMOUNT)
    ]
    return Chosen(chosen, others, doubts, best == MAYBE)


def too_many(hints: Hints, taken: Sequence[Field]) -> list[Field]:
    """Columns that are called like outcomes and hold more values than options can be."""
    names = {field.name for field in taken}
    return [
        field
        for field in hints.fields
        if field.name not in names
        and has_word(field.name, OUTCOME | AMOUNT)
        and not is_meta(field.name)
        and len(field.counts) > MOST
    ]


def _score(field: Field, hints: Hints) -> int:
    if is_condition(field) or is_aside(field.name) or field.name in hints.never:
        return 0
    if not can_be_options(field) and not any(rows for _, rows in kinds_of(hints, field)):
        return 0
    text = " ".join(field.questions)
    if _NO_ANSWER.search(text):
        return 0
    several = 0 < 2 * hints.person.count <= field.counts.total()
    if several and field.part is None and constant(field, hints.person):
        return 0
    named = has_word(field.name, OUTCOME)
    repeated = field.counts.total() >= 2 * len(field.counts)
    if field.name in hints.outcomes or (named and not has_word(field.name, TEXT)):
        return SURE if repeated or named else LIKELY
    if is_battery(field):
        if _ASKED.search(text):
            return SURE
        # Of several columns with the same rounds, numbers are rather what people saw.
        return MAYBE if field.part == ROUND and field.numbers is not None else LIKELY
    if not repeated:
        return 0
    if _ASKED.search(text):
        return SURE
    if has_word(field.name, AMOUNT):
        return LIKELY
    if is_item(field) or has_word(field.name, TEXT):
        return 0
    return MAYBE if len(field.counts) <= 7 else 0


def _without_doubles(fields: list[Field]) -> list[Field]:
    """Of columns that say the same, one as code and one in words, those in words."""
    kept: list[Field] = []
    for field in fields:
        double = next((one for one in kept if same_partition(one, field)), None)
        if double is None:
            kept.append(field)
        elif double.numbers is not None and field.numbers is None:
            kept[kept.index(double)] = field
    return kept


def same_partition(one: Field, other: Field) -> bool:
    """Whether each value of one column goes with one value of the other, and the other way."""
    if one.columns.keys() != other.columns.keys() or len(one.counts) != len(other.counts):
        return False
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    for first, second in zip(one.cells, other.cells, strict=True):
        if first is None or second is None:
            continue
        if there.setdefault(first, second) != second or back.setdefault(second, first) != first:
            return False
    return bool(there)
