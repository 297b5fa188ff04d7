"""How other columns stand beside an outcome: what they hold where somebody decided."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tremble.tabular.guess.draft import DraftTask
from tremble.tabular.guess.looked import Field
from tremble.tabular.guess.movers import SECOND, mover
from tremble.tabular.guess.numbered import ITEM
from tremble.tabular.guess.roles import is_item
from tremble.tabular.guess.words import AMOUNT, RECEIVED, SHOWN, TEXT, TRAIT, has_word

FEW = 10  # values of a column that is worth a breakdown
FEW_ITEMS = 2  # values of a column of items are more
_POINTS = 11  # of a scale, at most
_ITEM = re.compile(r"[^\W\d]+(_[^\W\d]+)*[_.]?\d{1,2}")
_WORDY = 40  # letters from which on a cell is a text


def goes_with(field: Field, outcome: Field) -> bool:
    """Whether a field has a cell for each decision: it is single, or has the outcome's part."""
    if field.part is None:
        return True
    return field.part == outcome.part and bool(field.columns.keys() & outcome.columns.keys())


def given(field: Field, outcome: Field) -> set[str]:
    """The different values of a field where somebody decided."""
    found: set[str] = set()
    for place, cells in zip(outcome.columns, outcome.held, strict=True):
        beside = field.at(place)
        if beside is not None:
            pairs = set(zip(cells, beside, strict=True))
            found |= {value for did, value in pairs if did is not None and value is not None}
    return found


def has_gaps(field: Field, outcome: Field) -> bool:
    """Whether a field is missing where somebody decided."""
    for place, cells in zip(outcome.columns, outcome.held, strict=True):
        beside = field.at(place)
        if beside is None:
            return True
        if any(b is None and a is not None for a, b in zip(cells, beside, strict=True)):
            return True
    return False


def asked_of_people(field: Field, people: int) -> bool:
    """Whether a column is rather an answer to a questionnaire than what people saw: a trait, or
    numbers of a scale under a name such as trust_1, with one cell for each person."""
    if has_word(field.name, TRAIT):
        return True
    numbers = field.numbers or []
    scale = all(isinstance(one, int) and 0 <= one <= _POINTS for one in numbers)
    once = field.part is None and field.counts.total() <= people
    return once and scale and len(numbers) > 2 and bool(_ITEM.fullmatch(field.name))


def own_deed(field: Field, outcome: Field) -> bool:
    """Whether a column is an amount that people gave or kept, not one that they were shown."""
    if not has_word(field.name, AMOUNT) or has_word(field.name, SHOWN):
        return False
    return not (has_word(field.name, RECEIVED) and mover(outcome.name) == SECOND)


def wordy(field: Field) -> bool:
    """Whether a field holds texts, each another one."""
    if field.numbers is not None:
        return False
    values = field.counts
    return len(values) > max(FEW, field.counts.total() / 2) or any(
        len(value) > _WORDY for value in values
    )


def item_of(outcome: Field, seen: Sequence[Field], task: DraftTask) -> str | None:
    """The column of items, where it tells which text somebody read together with config."""
    if outcome.part == ITEM:
        return ITEM
    items = [field for field in seen if is_item(field) or has_word(field.name, TEXT)]
    for field in sorted(items, key=lambda one: not is_item(one)):
        if field.part is not None:
            continue
        varied = {*task.config.values(), field.name}
        rest = [one for one in seen if one.name not in varied]
        if all(_tells(field, one) for one in rest):
            return field.name
    return None


def crossed(fields: Sequence[Field], outcome: Field, people: Sequence[str | None]) -> str | None:
    """A column that could be `item`: it is called so, or holds texts; some people decided about
    several of its values, and each value was decided about by several people."""
    found = [
        field
        for field in fields
        if field.part is None
        and outcome.part is None
        and field.name != outcome.name
        and (is_item(field) or has_word(field.name, TEXT) or field.numbers is None)
        and _is_crossed(field, people)
    ]
    named = [field for field in found if is_item(field) or has_word(field.name, TEXT)]
    most = max(found, key=lambda one: len(one.counts), default=None)
    return named[0].name if named else most.name if most else None


def _is_crossed(field: Field, people: Sequence[str | None]) -> bool:
    pairs = {pair for pair in zip(field.held[0], people, strict=True) if None not in pair}
    of_value = Counter(value for value, _ in pairs)
    of_person = Counter(who for _, who in pairs)
    most = max(of_person.values(), default=0)
    return len(of_value) > FEW_ITEMS and most > 1 and min(of_value.values()) > 1


def _tells(item: Field, field: Field) -> bool:
    """Whether a field has one value for each item."""
    if field.part is not None:
        return False
    known: dict[str, str] = {}
    return all(
        known.setdefault(one, value or "") == (value or "")
        for one, value in zip(item.held[0], field.held[0], strict=True)
        if one is not None
    )
