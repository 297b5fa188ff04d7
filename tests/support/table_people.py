"""The people of made-up tables: what they were offered and what they chose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.support.pairwise import Case

_FRAMES = {
    "latin": ("Gewinn für Ärzte", "perte très élevée"),
    "decomposed": ("Gewinn für Ärzte", "perte très élevée"),
    "cjk": ("获得 🎲", "損失「50%」"),
}
_YES = {
    "latin": ("öffnen", "schließen"),
    "decomposed": ("öffnen", "schließen"),
    "cjk": ("是", "否"),
}


@dataclass(frozen=True)
class Choosable:
    """An option: what the file has for it, and the entry of the map."""

    key: str
    label: str
    cell: Any
    entry: Any
    value: float | None = None


@dataclass
class Row:
    """What one row is about. By spot (an outcome of the row): the offer, and what was done, None
    where nothing was."""

    person: tuple[str | int, ...] = ()
    frame: str | None = None
    age: int | None = None
    status: str = "ok"
    flag: bool = False
    when: dt.datetime = dt.datetime(2026, 3, 1, 10, 5)
    round: int = 1
    offers: list[float] = field(default_factory=list)
    did: list[Any] = field(default_factory=list)


Spot = tuple[str, Mapping[str, str]]  # the family, and the parts of the outcome's name


def options_of(case: Case) -> list[Choosable]:
    """What could be chosen."""
    yes, no = _YES.get(case["letters"], ("yes", "no"))
    kind = case["options"]
    lacks = "None" if case["missing"] == "none_option" else None
    if kind == "labels":
        last = lacks or no
        return [Choosable(yes, yes, yes, yes), Choosable(last, last, last, last)]
    if kind == "value_labels":
        last = lacks or "reject"
        return [Choosable("accept", "accept", 1, "accept"), Choosable(last, last, 0, {"key": last})]
    if kind == "template":
        take, leave = "take {{ offer }}", {"key": "leave", "label": "leave it"}
        entry = {**leave, "cells": [lacks]} if lacks else leave
        return [
            Choosable("take", take, "take", {"key": "take", "label": take}),
            Choosable("leave", "leave it", lacks or "leave", entry),
        ]
    if kind == "cells":
        cells = {"accept": (f"I say {yes}", 1), "reject": (f"I say {no}", lacks or 0)}
        entries = {
            "accept": {"key": "accept", "label": f"I say {yes}", "cells": ["1", "True"]},
            "reject": {"key": "reject", "label": f"I say {no}", "cells": [lacks or 0]},
        }
        return [Choosable(key, label, cell, entries[key]) for key, (label, cell) in cells.items()]
    scale: list[tuple[str, float, Any]] = [("low", 1, 1), ("mid", 2.5, 2), ("high", 4, lacks or 3)]
    if case["shape"] == "rates":
        del scale[1]
    return [
        Choosable(key, key, cell, {"key": key, "value": value, "cells": [cell]}, value)
        for key, value, cell in scale
    ]


def rows_of(case: Case, spots: int, options: Sequence[Choosable]) -> list[Row]:
    """The people and what they did, with what is missing and what is to be left out."""
    people = _people(case)
    of_people = {"long": 2, "folder": 2, "history": 3}.get(case["shape"], 1)
    frames = _FRAMES.get(case["letters"], ("gain", "loss"))
    rows = []
    for at in range(len(people) * of_people):
        person, turn = divmod(at, of_people)
        row = Row(people[person], frames[at % 2], 20 + person, flag=at % 3 == 0)
        row.round = turn + 1
        row.when += dt.timedelta(hours=(5 - turn) * 31 + person)  # later rounds came before
        row.offers = [1.5 * (at + 1) + 2 * spot for spot in range(spots)]
        row.did = [_done(case, at + spot, options) for spot in range(spots)]
        rows.append(row)
    if case["shape"] == "tasks":
        for row in rows:
            row.offers[1] = row.offers[0]
    if case["shape"] == "history":
        rows = [rows[at] for at in (4, 0, 8, 2, 6, 1, 3, 7, 5)]
    if case["missing"] in ("codes", "na"):
        rows[1].did[0] = rows[2].frame = rows[-1].age = None
    if case["missing"] == "drop":
        rows[0].status, rows[-1].status = "Survey Preview", "test"
    return rows


def _done(case: Case, at: int, options: Sequence[Choosable]) -> Any:
    """An option; for rates the share and the number of people, for counts the people of each."""
    if case["shape"] == "rates":
        return Decimal(f"0.{3 + at}5"), 40 + at
    if case["shape"] == "counts":
        return [at + 2 * number for number in range(1, len(options) + 1)]
    return options[at % len(options)]


def _people(case: Case) -> list[tuple[str | int, ...]]:
    """Who there is, as the file names them."""
    base = _FRAMES.get(case["letters"], ("ann",))[0]
    count = 3 if case["shape"] in ("long", "folder", "history") else 4
    known: dict[str, list[tuple[str | int, ...]]] = {
        "numbers": [(101,), (7,), (3000,), (12,)],
        "texts": [(f"{base} {at}",) for at in range(4)],
        "joined": [("A", 1), ("B", 2), ("A", 3), ("C", 4)],
        "sessions": [("one", 1), ("one", 2), ("two", 1), ("two", 2)],
        "keep": [(f"{base}/{at}",) for at in range(4)],
        "nobody": [(), (), (), ()],
    }
    return known[case["people"]][:count]


def spots_of(shape: str) -> list[Spot]:
    if shape == "wide":
        return [("game", {"round": number}) for number in ("1", "2", "10")]
    if shape == "parts":
        return [("game", {"round": r, "part": part}) for r in ("1", "02") for part in ("me", "you")]
    if shape == "tasks":
        return [("first", {}), ("second", {})]
    return [("game", {})]
