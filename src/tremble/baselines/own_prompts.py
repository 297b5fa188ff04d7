"""Prompts of the user's own as baselines see them: what differs between them, and folds of them.

Nothing about such a prompt is known but its config values and its options. A baseline that had
seen how other people answered the same text would know more than any model can be asked to know,
so its item is left out: the item of `stats.frames.clusters.units`, else the text, and whatever
hangs together through either. Left out with it is the person, as by the other fitted baselines
(docs/baselines.md has the simulations): people are told apart by config values wherever a
treatment is between people, and what a person leans to would then be taken for an effect.

Items and people are dealt into three folds each; what is said of a decision rests on decisions of
the other item folds by people of the other folds of people.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tremble.baselines.cases import MIN_GROUPS
from tremble.decisions.record import LENGTHS, READ
from tremble.stats.frames.clusters import linked, own_numbers, units
from tremble.stats.frames.folds import dealt
from tremble.stats.frames.outcomes import OPTION, outcomes
from tremble.text import counted

# A prediction differs between the folds of one condition by what was left out, against the own
# outcome: the fewer folds, the less (docs/baselines.md).
FOLDS = 3
NO_TARGET, NO_OUTCOME = "no target", "no choice or rate recorded"
_SCHEMA = {"decision": pl.String, "key": pl.String, "prediction": pl.Float64, "why": pl.String}


def own_prompts(decisions: pl.DataFrame) -> pl.DataFrame:
    """The decisions with a prompt of the user's own."""
    if "numbers" not in decisions:
        return decisions.clear()
    return decisions.filter(own_numbers().is_not_null())


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What one data set's people were asked in one family, and did, a row per point.

    - `points`: decision, key, outcome, keys, lengths (of labels, as JSON, or null), config (a
      place in `configs`), condition (a number: the config without keys that only name items), item
      (a number);
    - `by_option`: whether a point is an option, of those of its decision, or the target;
    - `configs`: the distinct values of the config;
    - `item_fold`, `person_fold` (points), of people who are not known -1.
    """

    points: pl.DataFrame
    by_option: bool
    configs: list[Mapping[str, Any]]
    item_fold: np.ndarray
    person_fold: np.ndarray

    def folds(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Which points are predicted and which they are predicted from, masks (points)."""
        for item, person in sorted(set(zip(self.item_fold, self.person_fold, strict=True))):
            mine = (self.item_fold == item) & (self.person_fold == person)
            others = self.item_fold != item
            # Someone who is not known made no other decision that could be told.
            yield mine, others if person < 0 else others & (self.person_fold != person)


@dataclass(slots=True)
class Said:
    """What a baseline says of points, and why not of others."""

    rows: list[pl.DataFrame]
    why: dict[str, str]

    def accept(self, asked: Asked, prediction: np.ndarray, otherwise: str) -> None:
        """Predictions of the points; NaN is none, for the reason `otherwise`."""
        key = pl.col("key") if asked.by_option else pl.lit(None, pl.String)
        said = asked.points.select("decision", key=key, prediction=pl.Series(prediction))
        known = said.filter(pl.col("prediction").is_not_nan())
        self.rows.append(known.with_columns(why=pl.lit(None, pl.String)))
        silent = set(said["decision"]) - set(known["decision"])
        self.why |= dict.fromkeys(silent, otherwise)

    def refuse(self, asked: Asked, reason: str) -> None:
        self.why |= dict.fromkeys(asked.points["decision"].unique(), reason)

    def frame(self, decisions: pl.DataFrame) -> pl.DataFrame:
        """decision, key, prediction, why: a row per option or of the target, and one with a
        reason for every other decision."""
        known = pl.concat([pl.DataFrame(schema=_SCHEMA), *self.rows])
        rest = decisions.select("decision").join(known, on="decision", how="anti")
        chose = dict(decisions.select("decision", pl.col("choice").is_not_null()).iter_rows())
        why = [
            self.why.get(name, NO_TARGET if chose[name] else NO_OUTCOME)
            for name in rest["decision"]
        ]
        silent = rest.with_columns(
            key=pl.lit(None, pl.String),
            prediction=pl.lit(None, pl.Float64),
            why=pl.Series(why, dtype=pl.String),
        )
        return pl.concat([known, silent])


def asked_of(decisions: pl.DataFrame) -> list[tuple[Asked, str | None]]:
    """What was asked with prompts of the users' own, per data set and family, points of targets
    and of options apart; with the reason why nothing can be fitted, None where it can."""
    own = own_prompts(decisions)
    if own.is_empty():
        return []
    numbers = pl.col("numbers")
    config = pl.col("config") if "config" in own else pl.lit(None, pl.String)
    facts = own.select(
        "decision",
        "dataset",
        "keys",
        config=config.fill_null("{}"),
        text=numbers.str.json_path_match(f"$.{READ}"),
        lengths=numbers.str.json_path_match(f"$.{LENGTHS}"),
    )
    kept = units(own).select("decision", "person", name="item")
    facts = facts.join(kept, on="decision", maintain_order="left").with_columns(
        name=pl.coalesce("name", pl.lit("text ") + pl.col("text"))
    )
    facts = facts.with_columns(unit=pl.Series(linked(facts["name"], facts["text"])))
    points = outcomes(own).select("decision", "family", "key", "outcome", "kind")
    held = points.join(facts, on="decision", maintain_order="left").with_columns(
        by_option=pl.col("kind") == OPTION
    )
    kinds = held.partition_by("dataset", "family", "by_option", maintain_order=True)
    return [_asked(one) for one in kinds]


def _asked(held: pl.DataFrame) -> tuple[Asked, str | None]:
    """One data set and family; why nothing can be fitted."""
    configs, places = _configs(held)
    held = held.join(places, on="config", maintain_order="left")
    people = held.with_columns(unit=pl.col("person").rank("dense"), name="person")
    item_fold, person_fold = _folds(held, held), _folds(people.drop_nulls("unit"), people)
    points = held.select(
        "decision",
        "key",
        "outcome",
        "keys",
        "lengths",
        "condition",
        config="place",
        item="unit",
    )
    asked = Asked(points, held["by_option"][0], configs, item_fold, person_fold)
    items = held["unit"].n_unique()
    # Whoever is not known counts as one person for each decision.
    persons = held.select(pl.coalesce("person", pl.format("of {}", "decision"))).n_unique()
    for number, what in ((items, "item"), (persons, "participant")):
        if number < MIN_GROUPS:
            return (
                asked,
                f"only {counted(number, what)}; at least {MIN_GROUPS} are needed to leave one out",
            )
    return asked, None


def _folds(held: pl.DataFrame, every: pl.DataFrame) -> np.ndarray:
    """The fold of the unit of each row of `every`, -1 where it is none of those held."""
    found = held.group_by("unit").agg(name=pl.col("name").min(), stratum=pl.col("condition").min())
    fold = every.join(dealt(found, FOLDS), on="unit", how="left", maintain_order="left")["fold"]
    return fold.fill_null(-1).to_numpy()


def _configs(held: pl.DataFrame) -> tuple[list[Mapping[str, Any]], pl.DataFrame]:
    """The distinct configs; and config, place, condition: the place of each text among them, and
    the number of the condition. A key of which every value is one item's alone names items, and
    makes no condition."""
    pairs = held.select("config", "unit").unique().sort("config", "unit")
    texts = pairs["config"].unique(maintain_order=True).to_list()
    configs: list[Mapping[str, Any]] = [json.loads(text) for text in texts]
    place = {text: number for number, text in enumerate(texts)}
    items: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for text, unit in pairs.iter_rows():
        for key, value in configs[place[text]].items():
            items[key][json.dumps(value)].add(unit)
    shared = {key for key, values in items.items() if any(len(of) > 1 for of in values.values())}
    conditions = [
        json.dumps({k: v for k, v in sorted(of.items()) if k in shared and v is not None})
        for of in configs
    ]
    number = {text: code for code, text in enumerate(sorted(set(conditions)))}
    places = pl.DataFrame(
        {
            "config": texts,
            "place": range(len(texts)),
            "condition": [number[text] for text in conditions],
        },
        schema={"config": pl.String, "place": pl.Int64, "condition": pl.Int64},
    )
    return configs, places
