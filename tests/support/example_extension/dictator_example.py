"""One of each kind that a package can add to tremble, about dictator games."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from tremble.datasets.base import Card, Notes
from tremble.decisions.record import Decision, Option
from tremble.engines.base import Limits, Score
from tremble.games.base import Family, money
from tremble.games.theory.normative import Normative
from tremble.prompts.conversation import AS_IT_WAS, Conversation, NotApplicable, Telling
from tremble.prompts.formulations import standard
from tremble.prompts.parts import headed

OPTIONS = (Option("give", "give"), Option("keep", "keep"))

FAMILY = Family(
    "dictator",
    rules=lambda seen: ["You can give half of an amount to another person, or keep it."],
    history=lambda seen: [f"You have {money(seen.rules['pie'])}."],
    question=lambda seen: "What do you do?",
    normative=lambda seen: Normative({"give": 0.0, "keep": 1.0}),
    numbers=lambda seen: {"pie": seen.rules["pie"]},
)


class DataSet:
    CARD = Card(
        *("dictator_demo", "Forty invented dictator games", "nobody", "public domain"),
        *("40 decisions", "give half of an amount or keep it", "none"),
        embedded=True,
    )

    @staticmethod
    def load(path: Path, notes: Notes) -> Iterator[Decision]:
        for i in range(40):
            pie, choice = (10, 20, 40, 80)[i % 4], ("give", "keep")[i % 3 * (i % 4) > 1]
            yield Decision(
                *(f"d{i}", "dictator_demo", "dictator", OPTIONS, "give", choice),
                participant=f"p{i}",
                rules={"pie": pie},
                config={"pie": pie},
            )


def calm(decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS) -> Conversation:
    return headed(standard(decision, presentation, told), "Take your time.")


def hundredfold(decision: Decision, others: Any = None) -> Telling:
    if "pie" not in decision.parameters:
        raise NotApplicable("there is no amount to multiply")
    return Telling(lambda seen: replace(seen, rules={"pie": 100 * seen.rules["pie"]}))


class Even:
    """An engine by which every option is as likely as the others."""

    def __init__(self, model: Any) -> None:
        self.model, self.tokenizer = model, model.tokenizer

    @classmethod
    def open_engine(cls, model: Any, options: Any, notify: Any) -> "Even":
        return cls(model)

    def score(self, prompts: Sequence[Any]) -> Iterator[Score]:
        for index, paths in enumerate(prompts):
            if paths.refusal is None:
                even = math.log(1 / len(paths.paths))
                yield Score(index, (even,) * len(paths.paths))
            else:
                yield Score.refused(index, paths.refusal)

    def efforts(self, prompts: Sequence[Any]) -> list[float]:
        return [1.0] * len(prompts)

    def identity(self) -> dict[str, Any]:
        return dict(self.model.identity)

    def limits(self) -> Limits:
        return Limits(self.model.window, "float64", "cpu")

    def report(self) -> dict[str, Any]:
        return {"path": "even"}


def by_pie(decisions: pl.DataFrame) -> pl.DataFrame:
    pie = decisions["numbers"].cast(pl.String).str.json_path_match("$.pie").cast(pl.Float64)
    return decisions.select("decision", prediction=10 / (10 + pie))


by_pie.families = ("dictator",)  # type: ignore[attr-defined]


class GivenByPie:
    about = "How often people gave, by the amount they had"

    @staticmethod
    def make(source: Any) -> list[dict[str, Any]]:
        mine = source.evidence.decisions.filter(pl.col("family") == "dictator")
        pie = pl.col("config").cast(pl.String).str.json_path_match("$.pie").cast(pl.Int64)
        gave = (pl.col("choice").cast(pl.String) == "give").mean().alias("gave")
        made = mine.group_by(pie=pie).agg(gave, n=pl.len()).sort("pie")
        return list(made.iter_rows(named=True))
