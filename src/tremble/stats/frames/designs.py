"""Who read what: the clusters, texts and settings of a family's decisions, for contrasts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from tremble.stats.frames.clusters import kinds_of, pairs, units
from tremble.stats.frames.contexts import contexts
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.responses import Responses, responses
from tremble.stats.frames.shares import texts
from tremble.stats.frames.treatments import Settings
from tremble.store.schemas import with_columns


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """One family: D decisions that have an outcome as one number, in the order of `responses`.

    - `settings`: their config;
    - `people`, `items` (D): codes of both kinds of cluster, `items` None where they are the same
      clusters; items are items, plays or problems;
    - `fixed` (D): codes of whoever is resampled where the texts are fixed: people, or plays that
      hold several, which is `whole_plays`;
    - `texts` (D): codes of the items, each decision its own where that is not known; `read` (D): of
      what was read, word for word: an item may have several versions;
    - `n` (D): people behind a rate, NaN where not known; `unnamed` (D): choices of nobody known;
    - `dataset` (D): codes of `datasets`;
    - `outcome`: "value", the target's key, or "target" where it differs.
    """

    responses: Responses
    settings: Settings
    people: np.ndarray
    items: np.ndarray | None
    fixed: np.ndarray
    whole_plays: bool
    texts: np.ndarray
    read: np.ndarray
    named: np.ndarray
    n: np.ndarray
    unnamed: np.ndarray
    dataset: np.ndarray
    datasets: list[str]
    outcome: str

    @property
    def family(self) -> str:
        return self.responses.family


def designs(evidence: Evidence) -> Iterator[Design]:
    """The design of each family, in the usual order, also of one without outcomes."""
    decisions = with_columns(evidence.decisions, "config", "n", "item")
    facts = ("decision", "config", "n", "dataset", "target", "keys")
    whole = (
        decisions.select(*facts, named=pl.col("item").is_not_null())
        .join(units(decisions), on="decision", maintain_order="left")
        .join(
            contexts(decisions).select("decision", "context"), on="decision", maintain_order="left"
        )
        .join(texts(decisions), on="decision", maintain_order="left")
    )
    for held in responses(evidence):
        mine = pl.DataFrame({"decision": held.names}).join(
            whole, on="decision", maintain_order="left"
        )
        yield _design(held, mine)


def _design(held: Responses, mine: pl.DataFrame) -> Design:
    people, second = (kind.codes.ravel().astype(np.int64) for kind in kinds_of(mine))
    if not held.single.any() and mine["item"].null_count() == 0:
        # A rate is many people's: the versions of an item are what belongs together.
        people = second
    number = len(np.unique(people))
    cells = _cells(people, second)
    same = number == len(np.unique(second)) == cells
    # Both sides of one play answer each other: where people lie within plays, plays are drawn.
    plays = mine["item"].null_count() == mine.height
    whole_plays = plays and not same and cells == number
    otherwise = pl.format("context {}", "context"), pl.format("decision {}", "decision")
    items, read = (
        _codes(mine.select(pl.coalesce(name, *otherwise)).to_series()) for name in ("item", "text")
    )
    names = mine["dataset"].cast(pl.String).fill_null("").to_numpy().astype(str)
    datasets, dataset = np.unique(names, return_inverse=True)
    return Design(
        responses=held,
        settings=Settings(mine, _less(held)),
        people=people,
        items=None if same else second,
        fixed=second if whole_plays else people,
        whole_plays=whole_plays,
        texts=items,
        read=read,
        named=mine["named"].to_numpy(),
        n=mine["n"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
        unnamed=mine["unnamed"].to_numpy(),
        dataset=dataset.ravel(),
        datasets=datasets.tolist(),
        outcome="value" if held.valued else _target(mine),
    )


def _less(held: Responses) -> str:
    """Which decisions of a family do not count, in words."""
    if not held.without:
        return ""
    what = "whose options have values" if held.valued else "with a numeric outcome"
    return f" (only decisions {what} count; {held.without:,} of {held.family!r} are excluded)"


def _cells(one: np.ndarray, other: np.ndarray) -> int:
    return len(np.unique(pairs(one, other)))


def _codes(names: pl.Series) -> np.ndarray:
    return (names.rank("dense") - 1).cast(pl.Int64).to_numpy()


def _target(mine: pl.DataFrame) -> str:
    """The key of the target where it is one; of two options with rates the first, if none is."""
    first = pl.when(pl.col("keys").list.len() == 2).then(pl.col("keys").list.first())
    keys = mine.select(pl.coalesce(pl.col("target").cast(pl.String), first)).to_series().unique()
    return str(keys[0]) if len(keys) == 1 and keys[0] is not None else "target"
