"""Columns that differ by a number in their names, as wide tables have them: one name for all."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tremble.tabular.guess.looked import Field, Look
from tremble.tabular.guess.words import ENDINGS, OUTCOME, has_word, joined
from tremble.tabular.maps.wide import ROUND, pattern_of

_NUMBER = re.compile(r"\d+")
_ROUNDS = re.compile(r"round|runde|trial|period|durchgang|wave", re.IGNORECASE)
_FEW = 21  # different answers to one question, at most
ITEM, CONDITION = "item", "condition"  # parts of names


def fields_of(look: Look, names: Iterable[str]) -> list[Field]:
    """The fields of these columns: numbered ones of one kind together, others one by one."""
    names = list(names)
    groups = _groups(look, names)
    taken = {name for _, group in groups for name in group.values()}
    singles = [look.single(name) for name in names if name not in taken]
    ended = _ended(look, [name for name in names if name not in taken])
    of_these = {name for field in ended for name in field.columns.values()}
    singles = [one for one in singles if one.name not in of_these]
    marks = [tuple(group) for _, group in groups]
    several = [_field(look, mask, group, marks.count(tuple(group)) > 1) for mask, group in groups]
    return sorted([*singles, *several, *ended], key=lambda field: field.number)


def _ended(look: Look, names: Sequence[str]) -> list[Field]:
    """Outcomes that differ by a condition at the end of their names: choice_gain, choice_loss."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        parts = re.fullmatch(r"(.+[_.])([A-Za-z]+)", name)
        if parts and parts[2].casefold() in ENDINGS and has_word(parts[1], OUTCOME):
            found[parts[1]][parts[2]] = name
    fields = []
    for before, group in found.items():
        name = f"{before}{{{CONDITION}}}"
        pattern = pattern_of(name)
        assert pattern is not None
        inside = [one for one in look.names if pattern.values(one)]
        alone = sorted(inside) == sorted(group.values()) and CONDITION not in look.names
        if len(group) > 1 and alone and _alike(look, list(group.values())):
            fields.append(look.several(name, group, CONDITION))
    return fields


def _groups(look: Look, names: Sequence[str]) -> list[tuple[tuple[str, str], dict[str, str]]]:
    """What stands before and behind the number, and the columns by their number."""
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for name in names:
        for number in _NUMBER.finditer(name):
            found[name[: number.start()], name[number.end() :]][number[0]] = name
    groups = []
    taken: set[str] = set()
    for mask, group in sorted(found.items(), key=lambda one: -len(one[1])):
        if len(group) < 2 or (not mask[0] and not mask[1]) or taken.intersection(group.values()):
            continue
        if "{" in "".join(mask) or len({int(number) for number in group}) < len(group):
            continue
        inside = {name for name in look.names if _between(name, mask)}
        if inside == set(group.values()) and _alike(look, list(group.values())):
            taken.update(group.values())
            groups.append((mask, dict(sorted(group.items(), key=lambda one: int(one[0])))))
    return groups


def _between(name: str, mask: tuple[str, str]) -> bool:
    """Whether a pattern {round} with this before and behind it would take a column, too."""
    pattern = pattern_of(f"{mask[0]}{{{ROUND}}}{mask[1]}")
    return pattern is not None and pattern.values(name) is not None


def _alike(look: Look, names: list[str]) -> bool:
    """Whether columns hold values of one kind: the same few ones, numbers, or texts."""
    fields = [look.single(name) for name in names]
    held = [set(field.counts) for field in fields if field.counts]
    if len(held) < 2:
        return False
    union = set().union(*held)
    if len(union) <= _FEW and max(map(len, held)) > 1:
        if len(union) <= 3:
            full = [one for one in held if one == union]
            return len(full) >= len(held) / 2 and any(len(one) > 1 for one in held)
        return sum(len(one) for one in held) >= len(held) * len(union) * 0.4
    kinds = {field.numbers is not None for field in fields if field.counts}
    return len(kinds) == 1


def _field(look: Look, mask: tuple[str, str], group: dict[str, str], twins: bool) -> Field:
    """Rounds where the name says so or several columns share the numbers, else items."""
    before, behind = mask
    rounds = _ROUNDS.search(before + behind) or joined(before) in ("r", "t") or twins
    texts = {look.questions.get(name) for name in group.values()} - {None}
    part = ROUND if rounds and len(texts) < 2 else ITEM
    name = f"{before}{{{part}}}{behind}"
    pattern = pattern_of(name)
    assert pattern is not None
    others = set(look.names) - set(group.values())
    if part == ITEM and (any(map(pattern.values, others)) or ITEM in look.names):
        part, name = ROUND, f"{before}{{{ROUND}}}{behind}"
    return look.several(name, group, part)


def is_battery(field: Field) -> bool:
    """Whether several columns hold answers on one scale: a questionnaire."""
    few = 2 <= len(field.counts) <= _FEW
    return field.part is not None and few and (len(field.columns) > 2 or _named(field))


def _named(field: Field) -> bool:
    return has_word(field.name, OUTCOME)
