"""The answers of a held-out task, as arrays for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from tremble.tasks.task_measures import Sums

_SIDES = {"chosen": 0, "answer": 0, "rejected": 1}


@dataclass(frozen=True, slots=True)
class TaskAnswers:
    """A held-out task and what models say of its answers; empty where a study has none.

    `items` (rows of answers: decision, item, cluster, subset, side) as a study stores them;
    `scores`: the rows of the answers' scores (model, decision, error, those of responses, and
    kl_base with kl_to where divergences from a base are known).
    """

    items: pl.DataFrame = field(default_factory=pl.DataFrame)
    scores: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def known(self) -> bool:
        return self.items.height > 0

    @property
    def are_pairs(self) -> bool:
        return self.known and "rejected" in self.items["side"]

    @property
    def clusters(self) -> Sequence[str]:
        """(items): what each item is a part of, in the order of items."""
        names: list[str] = self.items.unique("item", maintain_order=True)["cluster"].to_list()
        return names

    def sums(self) -> dict[str, Sums]:
        """Of each model the sums over the tokens of each answer, [items, sides], NaN where an
        answer has no score."""
        order = self.items.unique("item", maintain_order=True).select("item").with_row_index("at")
        sides = 2 if self.are_pairs else 1
        placed = self.items.join(order, on="item", maintain_order="left").select(
            "decision", "at", side=pl.col("side").replace_strict(_SIDES, return_dtype=pl.Int64)
        )
        found = {}
        for (model,), rows in self.scores.group_by("model", maintain_order=True):
            scored = placed.join(
                rows.filter(pl.col("error").is_null()).unique("decision", keep="last"),
                on="decision",
                maintain_order="left",
            )
            at, side = scored["at"].to_numpy(), scored["side"].to_numpy()
            arrays = []
            for name in ("response_logprob", "closing_logprob", "response_tokens"):
                array = np.full((order.height, sides), np.nan)
                array[at, side] = scored[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
                arrays.append(array)
            found[str(model)] = Sums(arrays[0], arrays[1], arrays[2])
        return found

    def divergences(self, base: str) -> dict[str, dict[str, float]]:
        """Of each model that has some, by item KL(model || base), nats, at the first token of the
        answer. What was computed from another base than the one scored now does not count."""
        if not {"kl_base", "kl_to"} <= set(self.scores.columns):
            return {}
        known = self.scores.filter(pl.col("kl_base").is_not_null(), pl.col("error").is_null())
        to = known.filter(pl.col("model") == base)["kl_to"].unique()
        placed = self.items.select("decision", "item").join(
            known.filter(pl.col("kl_to").is_in(to.implode())), on="decision"
        )
        items = placed.unique(["model", "item"], keep="last", maintain_order=True)
        found: dict[str, dict[str, float]] = {}
        for model, item, divergence in items.select("model", "item", "kl_base").iter_rows():
            found.setdefault(model, {})[item] = divergence
        return found
