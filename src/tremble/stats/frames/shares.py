"""How people and runs spread over the options of a text: the shares that distances are between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from tremble.stats.frames.clusters import Kind, kinds_of, own_numbers, pairs, units
from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import TOLD, choices_each
from tremble.stats.frames.predictions import RUN
from tremble.store.schemas import with_columns

# Two options say all in one share, which the level is of.
MIN_OPTIONS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """One family: S texts of three or more options, up to K, R runs, D decisions about the texts.

    A text is what people read: of single choices the item, its wording and its options (in
    whatever order they were shown), read by two people at least; of rates the problem. Options are
    in the order of their values, else of their keys.

    - `valid` (S, K): which options there are; `values` (S, K): theirs, NaN where they have none;
    - `people` (S, K): shares of people; `n` (S): of how many answers, NaN where not known;
    - `rated` (S): whether a text is a problem with rates;
    - `model` (R, S, K): predicted shares, NaN where a run says nothing of a text;
    - `runs`: model, format and formulation, R rows;
    - `text` (D), `option` (D): the text of a decision and what was chosen, -1 for rates; `person`
      (D): whose it is, of a rate nobody else's; `cell` and `meeting` (D): numbers of a person
      at a text, and of a person and an item; `kinds` of cluster, (D) each;
    - `lone`, `short`: texts left out, read by one person, or of two options.
    """

    family: str
    valid: np.ndarray
    values: np.ndarray
    people: np.ndarray
    n: np.ndarray
    rated: np.ndarray
    model: np.ndarray
    runs: pl.DataFrame
    text: np.ndarray
    option: np.ndarray
    person: np.ndarray
    cell: np.ndarray
    meeting: np.ndarray
    kinds: list[Kind]
    lone: int
    short: int

    @property
    def ranges(self) -> np.ndarray:
        """(S): from the lowest value of a text's options to the highest, NaN where it has none."""
        with np.errstate(invalid="ignore"):
            known = np.isfinite(self.values)
            high, low = (
                side(np.where(known, self.values, end), axis=1)
                for side, end in ((np.max, -np.inf), (np.min, np.inf))
            )
            return np.where(known.any(axis=1), high - low, np.nan)


def shares(evidence: Evidence) -> Iterator[Shares]:
    """The shares of each family in which a text has three or more options, in the usual order."""
    told = _told(evidence.decisions)
    runs = evidence.predictions.select(RUN).unique(maintain_order=True).with_row_index("run")
    for family in family_order(evidence.decisions["family"]):
        here = told.filter(family=family)
        short = here.filter(pl.col("keys").list.len() < MIN_OPTIONS)["text"].n_unique()
        here = here.filter(pl.col("keys").list.len() >= MIN_OPTIONS)
        several = pl.col("rated") | (pl.col("who").n_unique().over("text") > 1)
        lone = here.filter(~several)["text"].n_unique()
        here = here.filter(several).with_columns(t=pl.col("text").rank("dense") - 1)
        if not here.height:
            continue
        yield _of_family(
            family,
            here,
            evidence.predictions,
            runs,
            (lone, short),
        )


def texts(decisions: pl.DataFrame) -> pl.DataFrame:
    """What each decision is about: decision and text, null where nothing was read that is an item.

    A problem with rates is a text of its own. Of single choices a text is an item with its wording
    and its options: equal items in other words, or with other options, are other texts.
    """
    decisions = with_columns(decisions, "numbers", "choice")
    facts = decisions.select("decision", "keys", "choice", "numbers").join(
        units(decisions).select("decision", "item"), on="decision", maintain_order="left"
    )
    options = pl.col("keys").list.sort().list.join("\x1f")
    read = pl.concat_str("item", own_numbers().fill_null(""), options, separator="\x1e")
    return facts.select(
        "decision", text=pl.when(pl.col("choice").is_null()).then("decision").otherwise(read)
    )


def _told(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, family, keys, choice, rates, values, text, who, rated, people (behind rates) and
    the columns of `units`, of the decisions that are about a text."""
    decisions = with_columns(decisions, "values", "n", *TOLD)
    single, rates = pl.col("choice").is_not_null(), pl.col("rates").cast(pl.List(pl.Float64))
    known = rates.list.eval(pl.element().is_not_null() & pl.element().is_not_nan()).list.all()
    whole = known & (rates.list.len() == pl.col("keys").list.len()) & (rates.list.sum() > 0)
    facts = decisions.select(
        *("decision", "family", "keys", "choice"),
        rates=rates,
        values=pl.col("values").cast(pl.List(pl.Float64)),
        rated=~single & whole.fill_null(False),
        # Rates of several choices each are no counts of people.
        people=pl.when(choices_each() <= 1).then(pl.col("n").cast(pl.Float64)),
    )
    return (
        facts.join(units(decisions), on="decision", maintain_order="left")
        .join(texts(decisions), on="decision", maintain_order="left")
        .filter(pl.col("rated") | (pl.col("choice").is_not_null() & pl.col("text").is_not_null()))
        .with_columns(who=pl.coalesce("person", "cluster"))
    )


def _of_family(
    family: str,
    told: pl.DataFrame,
    predictions: pl.DataFrame,
    runs: pl.DataFrame,
    left_out: tuple[int, int],
) -> Shares:
    texts = int(told["t"].max()) + 1  # type: ignore[arg-type]
    options, kinds = _options(told), kinds_of(told)
    size = texts, int(options["k"].max()) + 1  # type: ignore[arg-type]
    valid, values = np.zeros(size, bool), np.full(size, np.nan)
    place = options["t"].to_numpy(), options["k"].to_numpy()
    valid[place], values[place] = True, options["value"].fill_null(np.nan).to_numpy()
    option = _chosen(told, options)
    text, rated = told["t"].to_numpy(), told["rated"].to_numpy()
    people = _rates(told, options, size)
    np.add.at(people, (text[~rated], option[~rated]), 1.0)
    of_text = np.zeros(texts, bool)
    of_text[text[rated]] = True
    n = people.sum(axis=1)
    n[text[rated]] = told["people"].fill_null(np.nan).to_numpy()[rated]
    return Shares(
        family=family,
        valid=valid,
        values=values,
        people=people / people.sum(axis=1, keepdims=True),
        n=n,
        rated=of_text,
        model=_predicted(told, options, predictions, runs, size),
        runs=runs.select(RUN),
        text=text,
        option=option,
        person=kinds[0].codes,
        cell=_pairs(kinds[0].codes, text),
        meeting=_pairs(kinds[0].codes, kinds[-1].codes),
        kinds=kinds,
        lone=left_out[0],
        short=left_out[1],
    )


def _pairs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """0, 1, ... for the distinct pairs of two codes."""
    return np.asarray(np.unique(pairs(one, other), return_inverse=True)[1]).ravel()


def _options(told: pl.DataFrame) -> pl.DataFrame:
    """t, key, value and k, the place of the option: a row per text and option."""
    length = pl.col("keys").list.len()
    nothing = pl.lit(None, pl.Float64).repeat_by(length)
    return (
        told.unique("t", keep="first", maintain_order=True)
        .select("t", key="keys", value=pl.coalesce("values", nothing))
        .explode("key", "value")
        .sort("t", "value", "key")
        .with_columns(k=pl.int_range(pl.len()).over("t"))
    )


def _chosen(told: pl.DataFrame, options: pl.DataFrame) -> np.ndarray:
    """(decisions): the place of the option chosen, -1 for rates."""
    placed = told.select("t", key="choice").join(
        options, on=["t", "key"], how="left", maintain_order="left"
    )
    return placed["k"].cast(pl.Int64).fill_null(-1).to_numpy()


def _rates(told: pl.DataFrame, options: pl.DataFrame, size: tuple[int, int]) -> np.ndarray:
    """(texts, options): the shares of problems, 0 elsewhere."""
    made = np.zeros(size)
    rows = (
        told.filter("rated")
        .select("t", key="keys", rate="rates")
        .explode("key", "rate")
        .join(options, on=["t", "key"])
    )
    made[rows["t"].to_numpy(), rows["k"].to_numpy()] = rows["rate"].to_numpy()
    return made


def _predicted(
    told: pl.DataFrame,
    options: pl.DataFrame,
    predictions: pl.DataFrame,
    runs: pl.DataFrame,
    size: tuple[int, int],
) -> np.ndarray:
    """(runs, texts, options): the mean over the decisions about a text, which differ in nothing
    that a model reads; NaN where an option has none."""
    rows = (
        predictions.join(told.select("decision", "t"), on="decision")
        .join(runs, on=RUN)
        .group_by("run", "t", "key")
        .agg(pl.col("prediction").mean())
        .join(options, on=["t", "key"])
    )
    made = np.full((runs.height, *size), np.nan)
    place = rows["run"].to_numpy(), rows["t"].to_numpy(), rows["k"].to_numpy()
    made[place] = rows["prediction"].to_numpy()
    valid = np.zeros(size, bool)
    valid[options["t"].to_numpy(), options["k"].to_numpy()] = True
    lacking = (np.isnan(made) & valid).any(axis=2)
    made[:, ~valid] = 0.0
    made[lacking] = np.nan
    return made
