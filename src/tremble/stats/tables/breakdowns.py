"""The pair table within every subset of decisions: by parameter, round, topology, wording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from tremble.stats.filters import FILTERS, Filters
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.contexts import contexts
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.subsets import numbered_subsets
from tremble.stats.inference.significance import ALL, CORE_FAMILIES, binomial
from tremble.stats.tables.model_breakdown import MIN_CONTEXTS
from tremble.stats.tables.pairs import (
    comparison_frame,
    counterparts,
    pair_columns,
    pair_row,
    wording_order,
)

_CHUNK = 3_000_000  # rows of a group-by at a time: some 400 MB

Row = dict[str, Any]
_RUN_GROUP = ("mode", "formulation")


def breakdown(
    evidence: Evidence, comparisons: Sequence[Comparison], by: str, filters: Filters = FILTERS
) -> list[Row]:
    """The rows of `pair_table` for every subset, each with `by`, `parameter` and `value`.

    `by` is "parameter", "round", "topology", "formulation", "family", "dataset" or one parameter
    of the column `config` (`subsets`). Both filters are applied anew within every subset. A
    subset with one or two situations only, as round one of repeated matrix games, has no r:
    "undefined: 2 contexts". Situations are counted by `contexts`, or, where those are not
    known, by the distinct predictions of the counterpart that has more. Raises UserError for an
    unknown `by`.
    """
    inside, named = numbered_subsets(evidence.decisions, by)
    if not comparisons or not inside.height:
        return []
    table = comparison_frame(comparisons)
    fits = _fits(evidence, table, inside)
    frame = (
        table.join(wording_order(evidence), how="cross")
        .join(named, how="cross")
        .join(fits, on=["comparison", "formulation", "subset"], how="left")
        .sort("comparison", "wording", "subset")
    )
    return [_row(row, by, filters) for row in frame.iter_rows(named=True)]


def _fits(evidence: Evidence, table: pl.DataFrame, inside: pl.DataFrame) -> pl.DataFrame:
    """One row per comparison, formulation and subset, aggregated with `pair_columns`.

    Comparisons are taken some at a time: a decision counts in many subsets.
    """
    # Numbers and categories in place of text: joins and group-bys over them are several times
    # faster.
    outcomes = evidence.outcomes
    numbers = outcomes.select("decision").unique().with_row_index("number")
    situations = contexts(evidence.decisions).select("decision", "context")
    held = (
        outcomes.join(numbers, on="decision")
        .join(situations, on="decision", how="left")
        .with_columns(pl.col("kind", "choice").cast(pl.Categorical))
        .with_columns(pl.col("key").cast(pl.Categorical).alias("target"))
    )
    inside = inside.join(numbers, on="decision").select("number", "subset")
    evidence = evidence.with_outcomes(held)
    per_comparison = max(1, evidence.predictions["formulation"].n_unique() * inside.height)
    step = max(1, _CHUNK // per_comparison)
    group = ["comparison", "formulation", "subset"]
    parts = []
    for start in range(0, table.height, step):
        part = table.slice(start, step)
        models = set(part["base"].to_list()) | set(part["aligned"].to_list())
        sides = (
            counterparts(evidence.of_models(models), part)
            .drop("key", "decision", "family")
            .rename({"target": "key"})
            .with_columns(pl.col("formulation").cast(pl.Categorical))
        )
        parts.append(_aggregated(sides.join(inside, on="number"), group))
    return pl.concat(parts)


def _aggregated(rows: pl.DataFrame, group: list[str]) -> pl.DataFrame:
    # Distinct predictions stand in for contexts that are not known; to count them is slow.
    unknown = pl.col("context").is_null().any()
    situations = [
        pl.max_horizontal(
            pl.col(f"{side}_prediction").filter(unknown).n_unique() for side in ("base", "aligned")
        ).alias("distinct"),
        pl.col("context").n_unique().alias("contexts"),
        pl.col("context").null_count().alias("without_context"),
    ]
    return (
        rows.group_by(group)
        .agg(*pair_columns(), *situations)
        .with_columns(pl.col("formulation", "target", "choice").cast(pl.String))
    )


def _row(row: Row, by: str, filters: Filters) -> Row:
    instead = None
    if row["points"]:
        known = not row["without_context"]
        count = row["contexts"] if known else row["distinct"]
        # One distinct prediction may also be a constant prediction over many situations.
        if count < MIN_CONTEXTS and (known or count > 1):
            instead = f"undefined: {count} context{'s' if count > 1 else ''}"
    value = row["value"] if row["value"] is not None else row[by]
    subset = {"by": by, "parameter": row["parameter"], "value": value}
    return subset | pair_row(row, filters, instead)


def wins_table(rows: Iterable[Row]) -> list[Row]:
    """Wins per subset, from the rows of `breakdown` (or of `pair_table`).

    Rows with by, parameter, value, mode, formulation, family, pairs, kept, base, aligned, ties,
    direction, p (one-sided binomial in the direction of the side with more wins, ties aside) and
    note. The family "all" pools the four of Shapira et al. (2026), in subsets that more than
    one of them has.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    pooled: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        subset = (row.get("by"), row.get("parameter"), row.get("value"))
        key = (*subset, *(row[name] for name in _RUN_GROUP))
        groups.setdefault((*key, row["family"]), []).append(row)
        if row["family"] in CORE_FAMILIES:
            if row.get("by") == "family":
                key = (row["by"], row["parameter"], ALL, *key[3:])
            pooled.setdefault((*key, ALL), []).append(row)
    several = {k: v for k, v in pooled.items() if len({row["family"] for row in v}) > 1}
    return [_wins(key, own) for key, own in [*groups.items(), *several.items()]]


def count_wins(rows: Sequence[Row]) -> Row:
    """pairs, kept, base, aligned, ties, direction and p of some rows of the pair table."""
    kept = [row["winner"] for row in rows if row["kept"]]
    base, aligned = kept.count("base"), kept.count("aligned")
    level = base == aligned
    return {
        "pairs": len(rows),
        "kept": len(kept),
        "base": base,
        "aligned": aligned,
        "ties": kept.count("tie"),
        "direction": None if level else "base" if base > aligned else "aligned",
        "p": None if level else binomial(max(base, aligned), min(base, aligned)),
    }


def _wins(key: tuple[Any, ...], rows: Sequence[Row]) -> Row:
    names = ("by", "parameter", "value", *_RUN_GROUP, "family")
    counts = count_wins(rows)
    reasons: dict[str, int] = {}
    for row in rows:
        if row["winner"] is None:
            reasons[row["why"]] = reasons.get(row["why"], 0) + 1
    frequent = sorted(reasons.items(), key=lambda item: -item[1])
    parts = [f"{why} ({count})" for why, count in frequent[:3]]
    if len(frequent) > 3:
        parts.append(f"{sum(count for _, count in frequent[3:])} for other reasons")
    dropped = sum(row["winner"] is not None and not row["kept"] for row in rows)
    if dropped:
        parts.append(f"dropped by the filters ({dropped})")
    return {**dict(zip(names, key, strict=True)), **counts, "note": "; ".join(parts) or None}
