"""What the decisions of a guessed task are called."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tremble.tabular.guess.hints import Hints
from tremble.tabular.guess.looked import Field


def unused(family: str, field: str, families: set[str]) -> str:
    """A name for another task: that of its column beside it, then a number."""
    if family in families and field not in family:
        family = f"{family}_{field}"
    count, first = 1, family
    while family in families:
        count += 1
        family = f"{first}_{count}"
    return family


def family_of(hints: Hints, outcome: Field, rows: Mapping[str, list[str]]) -> str:
    """The name of a task: its app, the kind of its rows, or its column."""
    named = {} if outcome.name in hints.deciders else rows  # roles are no names of tasks
    kinds = [value for values in named.values() for value in values]
    if hints.family and not kinds:
        return hints.family(outcome.name)
    text = "_".join(kinds) or outcome.name
    text = re.sub(r"\{\w+\}", "", text)
    return _plainly(text if kinds else text.strip(".").rpartition(".")[2]) or "decision"


def last_part(outcome: Field) -> str:
    """The last part of an outcome's name: player.accepted -> accepted."""
    name = re.sub(r"\{\w+\}", "", outcome.name)
    return _plainly(name.strip(".").rpartition(".")[2])


def _plainly(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_").lower()
