"""Decisions as fitted baselines see them: numbers, outcomes, and who is left out together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tremble.decisions.record import READ

MIN_GROUPS = 3
NO_NUMBERS = "the numbers of the game are not recorded"


@dataclass(frozen=True, slots=True)
class Case:
    """One decision with numbers. `coded` is the option that a prediction is about: the target, of
    problems without one the first option. `outcome` is 0 or 1 for a choice and the rate of `coded`
    for a problem of two options, None where unknown; `shares` what every option got, adding up
    to one. `group` is what is left out together."""

    decision: str
    dataset: str
    family: str
    group: str
    keys: tuple[str, ...]
    coded: str | None
    outcome: float | None
    shares: tuple[float, ...] | None
    numbers: Mapping[str, Any]


def read_cases(decisions: pl.DataFrame, families: Sequence[str]) -> list[Case]:
    """The decisions of these families that have numbers, in their order."""
    if "numbers" not in decisions.columns:
        return []
    columns = "decision dataset family cluster participant keys target choice rates numbers"
    # Of a prompt of the user's own only a hash is held.
    own = pl.col("numbers").str.json_path_match(f"$.{READ}").is_not_null()
    known = decisions.filter(
        pl.col("family").is_in(families) & pl.col("numbers").is_not_null() & ~own
    ).select(columns.split())
    return [_case(row) for row in known.iter_rows(named=True)]


def _case(row: Mapping[str, Any]) -> Case:
    keys = tuple(row["keys"])
    numbers = json.loads(row["numbers"])
    coded = row["target"]
    if coded is None and row["choice"] is None and keys:
        coded = keys[0]
    shares = _shares(row, keys)
    outcome = None
    if row["choice"] is not None:
        outcome = None if coded is None else float(row["choice"] == coded)
    elif len(keys) == 2 and row["rates"] is not None and coded in keys:
        outcome = row["rates"][keys.index(coded)]
    return Case(
        row["decision"],
        row["dataset"],
        row["family"],
        group_of(row, numbers),
        keys,
        coded,
        outcome,
        shares,
        numbers,
    )


def _shares(row: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[float, ...] | None:
    if row["choice"] is not None:
        return tuple(float(key == row["choice"]) for key in keys) if row["choice"] in keys else None
    rates = row["rates"]
    if rates is None or len(rates) != len(keys) or None in rates or sum(rates) <= 0:
        return None
    # Printed rates need not add up to one; a likelihood needs that they do.
    return tuple(rate / sum(rates) for rate in rates)


def group_of(row: Mapping[str, Any], numbers: Mapping[str, Any]) -> str:
    """What is left out together: a participant; where none is known, a problem or a game.

    All views of one matrix game are one group, whichever side is seen and however its options are
    ordered: the group is named by the sorted cells, the smaller of the two sides' lists. The same
    two gambles in another order are one group.
    """
    if row["participant"] is not None:
        return f"participant {row['participant']}"
    if "own" in numbers:
        cells = [
            cell
            for pair in zip(numbers["own"], numbers["other"], strict=True)
            for cell in zip(*pair, strict=True)
        ]
        return str(min(sorted(cells), sorted((theirs, mine) for mine, theirs in cells)))
    if "options" in numbers:
        return str(sorted(sorted(map(tuple, gamble)) for gamble in numbers["options"].values()))
    return f"cluster {row['cluster']}"


@dataclass(frozen=True, slots=True)
class Sample:
    """Cases that one model is fitted to, sorted by group. `group` numbers the groups of those
    with an outcome from 0; a case without one has the number of its group, or -1 where the group
    has none: then nothing needs leaving out."""

    cases: list[Case]
    group: np.ndarray
    groups: int

    @property
    def why(self) -> str | None:
        """Why nothing can be fitted, None where it can."""
        if self.groups >= MIN_GROUPS:
            return None
        have = f"{self.groups} participant{'' if self.groups == 1 else 's'}, games or problems"
        return f"only {have}; at least {MIN_GROUPS} are needed to leave one out"


def samples(cases: Iterable[tuple[Any, Case]], known: str = "outcome") -> list[Sample]:
    """One sample per kind: `cases` come with the kind that is fitted apart from the others.

    `known` names the attribute that a case needs to be fitted to.
    """
    by_kind: dict[Any, list[Case]] = {}
    for kind, case in cases:
        by_kind.setdefault(kind, []).append(case)
    return [_sample(of_kind, known) for of_kind in by_kind.values()]


def _sample(cases: list[Case], known: str) -> Sample:
    used = sorted({case.group for case in cases if getattr(case, known) is not None})
    number = {group: index for index, group in enumerate(used)}
    ordered = sorted(cases, key=lambda case: case.group)
    group = np.array([number.get(case.group, -1) for case in ordered])
    return Sample(ordered, group, len(used))


@dataclass(slots=True)
class Answer:
    """What a baseline says, decision by decision; turned into its frame at the end."""

    predictions: dict[str, float]
    why: dict[str, str]

    def accept(self, cases: Iterable[Case], predictions: Iterable[float]) -> None:
        for case, prediction in zip(cases, predictions, strict=True):
            self.predictions[case.decision] = float(prediction)

    def refuse(self, cases: Iterable[Case], reason: str) -> None:
        for case in cases:
            self.why[case.decision] = reason

    def frame(self, decisions: pl.DataFrame) -> pl.DataFrame:
        """decision, prediction, why: one row per decision."""
        names = decisions["decision"].to_list()
        return pl.DataFrame(
            {
                "decision": names,
                "prediction": [self.predictions.get(name) for name in names],
                "why": [
                    None if name in self.predictions else self.why.get(name, NO_NUMBERS)
                    for name in names
                ],
            },
            schema={"decision": pl.String, "prediction": pl.Float64, "why": pl.String},
        )


def main_reason(why: Iterable[str | None]) -> str | None:
    """The reason given most often, None where there is none."""
    counted = Counter(reason for reason in why if reason)
    return counted.most_common(1)[0][0] if counted else None
