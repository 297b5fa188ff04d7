"""Which decisions belong to which value of which breakdown."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from tremble.errors import UserError
from tremble.stats.frames.comparisons import family_order
from tremble.text import as_text, counted, did_you_mean

BREAKDOWNS = ("parameter", "round", "topology", "formulation", "family", "dataset")
PERSON = "person."  # begins the name of a fact about the person, as in exports
# Rounds were announced where there are at most twenty; "30" is the hidden limit of a longer game.
_TOLD_UP_TO = 20
_HORIZONS = ("Max rounds", "rounds")
SUBSETS = pl.Schema(
    {"decision": pl.String, "parameter": pl.String, "value": pl.String, "place": pl.Float64}
)


def subsets(decisions: pl.DataFrame, by: str) -> pl.DataFrame:
    """decision, parameter, value, place (order of the values), a row per subset it belongs to.

    `by` is a name in BREAKDOWNS, or one of a parameter of `config` or of a fact about the person,
    of which a decision that has both counts with the parameter; `person.NAME` is the fact alone:

    - parameter: every value of every parameter; a decision without one is in no subset of it;
    - round: "first or later"; "third" (early, mid, late) of the told rounds, else of the longest
      play observed in that data set, family and setting; "round", each by itself;
    - dataset: the data set that a record names;
    - topology: the parameter of that name;
    - formulation, family: all decisions, split by what the table is grouped by anyway.

    Raises UserError for another name.
    """
    parameters, facts = _parameters(decisions), _parameters(decisions, "facts")
    varied, known = (set(frame["parameter"].to_list()) for frame in (parameters, facts))
    alone = by.startswith(PERSON) and by not in varied
    names = varied | {PERSON + name for name in known} if alone else varied | known
    if by not in BREAKDOWNS and by not in names:
        others = sorted(names - set(BREAKDOWNS))
        raise UserError(
            f"There is no breakdown {by!r}{did_you_mean(by, [*BREAKDOWNS[1:], *others])}"
        )
    if by == "parameter":
        return parameters
    if by == "round":
        return _rounds(decisions)
    if by in ("formulation", "family", "dataset"):
        return decisions.select(
            "decision",
            parameter=pl.lit(by),
            value=pl.col(by).cast(pl.String) if by == "dataset" else pl.lit(None, pl.String),
            place=pl.lit(0.0),
        )
    if alone:
        own = pl.format(PERSON + "{}", "parameter")
        return facts.with_columns(parameter=own).filter(pl.col("parameter") == by)
    named, beside = (frame.filter(pl.col("parameter") == by) for frame in (parameters, facts))
    return pl.concat([named, beside.join(named, on="decision", how="anti")])


def without_value(decisions: pl.DataFrame, by: str) -> str | None:
    """A sentence on how many decisions are in no subset of a breakdown; None where none is.
    Raises as `subsets` does."""
    lacking = decisions.height - subsets(decisions, by)["decision"].n_unique()
    if not lacking:
        return None
    verbs = ("has", "is") if lacking == 1 else ("have", "are")
    return (
        f"By {by}: {lacking:,} of {counted(decisions.height, 'decision')} {verbs[0]} no value of "
        f"it and {verbs[1]} in no row."
    )


def numbered_subsets(decisions: pl.DataFrame, by: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Subsets within families: decision and subset (a number), and a row for each subset in the
    order of printing, with family, parameter, value and subset. Raises as `subsets` does."""
    members = subsets(decisions, by).join(decisions.select("decision", "family"), on="decision")
    families = family_order(decisions["family"])
    names = ["family", "parameter", "value"]
    named = (
        members.select(*names, "place")
        .unique(names, maintain_order=True)
        .join(pl.DataFrame({"family": families, "order": range(len(families))}), on="family")
        .sort("order", "parameter", "place", "value", nulls_last=True)
        .with_row_index("subset")
    )
    inside = members.join(named.select(*names, "subset"), on=names, nulls_equal=True)
    return inside.select("decision", "subset"), named


def _parameters(decisions: pl.DataFrame, column: str = "config") -> pl.DataFrame:
    """`config`, or `facts`, in long form; each distinct text is read once."""
    if column not in decisions.columns:
        return pl.DataFrame(schema=SUBSETS)
    texts = decisions[column].drop_nulls().unique(maintain_order=True).to_list()
    rows = [
        {column: text, "parameter": str(name), "value": as_text(value), "place": place_of(value)}
        for text in texts
        for name, value in json.loads(text).items()
        if value is not None
    ]
    schema = pl.Schema({(column if k == "decision" else k): v for k, v in SUBSETS.items()})
    return (
        decisions.select("decision", column)
        .join(pl.DataFrame(rows, schema=schema), on=column)
        .select(*SUBSETS)
    )


def place_of(value: Any) -> float | None:
    """Numbers stand in the order of their size, also where they are written as text."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if number != number else number


def _rounds(decisions: pl.DataFrame) -> pl.DataFrame:
    if "round" not in decisions.columns:
        return pl.DataFrame(schema=SUBSETS)
    config = (
        pl.col("config") if "config" in decisions.columns else pl.lit("{}", pl.String)
    ).fill_null("{}")
    limits = [config.str.json_path_match(f'$["{name}"]') for name in _HORIZONS]
    limit = pl.coalesce(limits)
    frame = (
        decisions.filter(pl.col("round").is_not_null())
        .select("decision", "dataset", "family", pl.col("round").cast(pl.Int64), limit=limit)
        .with_columns(number=pl.col("limit").cast(pl.Float64, strict=False))
        .with_columns(
            told=pl.when(pl.col("number").is_between(1, _TOLD_UP_TO)).then("number"),
            longest=pl.col("round").max().over("dataset", "family", "limit"),
        )
        .with_columns(horizon=pl.max_horizontal(pl.coalesce("told", "longest"), "round"))
        .with_columns(
            # As in Shapira et al. (2026): of ten rounds, 1 to 3 are early and 8 to 10 late.
            edge=pl.max_horizontal(pl.col("horizon") // 3, 1)
        )
        .with_columns(
            third=pl.when(pl.col("round") <= pl.col("edge"))
            .then(0)
            .when(pl.col("round") > pl.col("horizon") - pl.col("edge"))
            .then(2)
            .otherwise(1)
        )
    )
    later = pl.col("round") > 1
    return pl.concat(
        [
            frame.select(
                "decision",
                parameter=pl.lit("first or later"),
                value=pl.when(later).then(pl.lit("later")).otherwise(pl.lit("first")),
                place=later.cast(pl.Float64),
            ),
            frame.select(
                "decision",
                parameter=pl.lit("third"),
                value=pl.col("third").replace_strict(
                    {0: "early", 1: "mid", 2: "late"}, return_dtype=pl.String
                ),
                place=pl.col("third").cast(pl.Float64),
            ),
            frame.select(
                "decision",
                parameter=pl.lit("round"),
                value=pl.col("round").cast(pl.String),
                place=pl.col("round").cast(pl.Float64),
            ),
        ]
    )
