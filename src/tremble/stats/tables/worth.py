"""How many people per prompt each model is worth: other people on the same item as a yardstick."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tremble.stats.frames.clusters import own_read, units
from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import TOLD, choices_each
from tremble.stats.frames.predictions import RUN
from tremble.stats.inference.worth import Readers, worth
from tremble.store.schemas import with_columns

Row = dict[str, Any]
_CELL = ("prompt", "key")


def worth_table(evidence: Evidence) -> list[Row]:
    """One row per run and family: model, format, formulation, family, items, decisions, people (who
    read a prompt, on average), k, low, high (`inference.worth`), k_even (of a prediction that gives
    every option the same share), note.

    Counted are single choices about an item (`units`) and rates of a known number of people, of
    prompts with answers of two people or more: a prompt is a text, or what stood on the table,
    with the same options and target; of rates every problem. A person's answers to one prompt
    count as one, their mean. Families without either have no row.
    """
    points = _points(evidence)
    answers = (
        points.filter("single")
        .group_by("family", "item", *_CELL, "person", maintain_order=True)
        .agg(pl.col("outcome").mean(), pl.col("weight").sum(), pl.col("even").first())
    )
    cells = _cells(answers, points.filter(~pl.col("single")))
    answers = answers.join(cells.select(*_CELL, "cell"), on=_CELL, maintain_order="left")
    placed = points.join(cells.select(*_CELL, "cell"), on=_CELL, how="left")
    predicted = evidence.predictions.join(
        placed.select("decision", "key", "family", "cell"), on=["decision", "key"]
    )
    runs = evidence.predictions.select(RUN).unique(maintain_order=True).with_row_index("run")
    predicted = predicted.join(runs, on=RUN)
    means = predicted.drop_nulls("cell").group_by("run", "cell").agg(pl.col("prediction").mean())
    x = np.full((runs.height, cells.height), np.nan)
    x[means["run"].to_numpy(), means["cell"].to_numpy()] = means["prediction"].to_numpy()
    rows: list[tuple[int, Row]] = []
    for family in family_order(points["family"]):
        here = (cells["family"] == family).to_numpy()
        of = cells.filter(pl.Series(here))
        readers = _readers(cells, answers).at(here)
        speaking = runs.join(predicted.filter(family=family), on="run", how="semi")
        for run in speaking.iter_rows(named=True):
            rows.append(
                (run["run"], _row({**run, "family": family}, x[run["run"], here], readers, of))
            )
    return [row for _, row in sorted(rows, key=lambda one: one[0])]


def _row(named: Row, x: np.ndarray, readers: Readers, cells: pl.DataFrame) -> Row:
    known = np.isfinite(x)
    of = cells.filter(pl.Series(known))
    found = worth(x[known], readers.at(known))
    even = worth(of["even"].to_numpy(), readers.at(known))
    people = of.unique("prompt")["n"].mean()
    return {
        **{name: named[name] for name in (*RUN, "family")},
        "items": of["item"].n_unique(),
        "decisions": round(float(of["weight"].sum())),
        "people": people,
        "k": found.k,
        "low": found.low,
        "high": found.high,
        "k_even": even.k,
        "note": found.note,
    }


def _readers(cells: pl.DataFrame, answers: pl.DataFrame) -> Readers:
    person = answers["person"].rank("dense").cast(pl.Int64)
    return Readers(
        cells["share"].to_numpy(),
        cells["variance"].to_numpy(),
        cells["n"].to_numpy(),
        cells["item"].to_numpy(),
        answers["cell"].cast(pl.Int64).to_numpy(),
        answers["outcome"].to_numpy(),
        person.to_numpy(),
    )


def _cells(answers: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Prompts and their options with two people or more: family, item, prompt, key, share,
    variance between people, n, weight, cell (from 0)."""
    of_choices = answers.group_by("family", "item", *_CELL, maintain_order=True).agg(
        share=pl.col("outcome").mean(),
        variance=pl.col("outcome").var(),
        n=pl.len().cast(pl.Float64),
        weight=pl.col("weight").sum(),
        even=pl.col("even").first(),
    )
    rate, n = pl.col("outcome"), pl.col("n")
    # The printed spread is that of the target's rate between people. Where each made several
    # choices and it is not printed, how people differ is not known.
    spread = pl.when(pl.col("key") == pl.col("target")).then(pl.col("rate_sd") ** 2)
    one_each = pl.when(pl.col("each") <= 1).then(rate * (1 - rate) * n / (n - 1))
    of_rates = rates.with_columns(share=rate, variance=pl.coalesce(spread, one_each))
    return (
        pl.concat([of_choices, of_rates.select(of_choices.columns)])
        .filter(pl.col("n") >= 2, pl.col("variance").is_not_null())
        .with_row_index("cell")
    )


def _points(evidence: Evidence) -> pl.DataFrame:
    """What is counted, a row per point: decision, family, key, outcome, weight, single (a choice),
    item, prompt (numbers), person, and what is known of rates: target, n, rate_sd, each (how many
    choices each person made)."""
    decisions = with_columns(evidence.decisions, "n", "rate_sd", "numbers", *TOLD)
    facts = decisions.select(
        "decision",
        pl.col("dataset").cast(pl.String),
        target=pl.col("target").cast(pl.String),
        n=pl.col("n").cast(pl.Float64),
        rate_sd=pl.col("rate_sd").cast(pl.Float64),
        each=choices_each(),
        options=pl.col("keys").list.join("\x1f"),
        even=1.0 / pl.col("keys").list.len(),
        numbers="numbers",
        text=own_read(),
        single=pl.col("choice").is_not_null(),
    )
    of = units(decisions).select("decision", "person", "cluster", unit="item")
    # Of rates equal texts and equal numbers are one item, else the problem is.
    alike = pl.coalesce(
        "unit",
        pl.lit("text ") + pl.col("text"),
        pl.format("numbers {} {}", "family", "numbers"),
        pl.lit("problem ") + pl.col("cluster"),
    )
    whole = pl.struct("dataset", "family", "unit", "text", "options", "target")
    single = pl.col("single")
    return (
        evidence.outcomes.select("decision", "family", "key", "outcome", "weight")
        .join(facts, on="decision", maintain_order="left")
        .join(of, on="decision", maintain_order="left")
        .filter(~single | pl.col("unit").is_not_null(), pl.col("family").is_not_null())
        .with_columns(item=pl.when(single).then("unit").otherwise(alike).rank("dense"))
        .with_columns(
            prompt=pl.when(single).then(whole.rank("dense").cast(pl.Int64)),
            person=pl.coalesce("person", pl.lit("of ") + pl.col("decision")),
        )
        # Problems with rates are prompts of their own, numbered below zero.
        .with_columns(
            prompt=pl.coalesce("prompt", -pl.col("decision").rank("dense").cast(pl.Int64))
        )
    )
