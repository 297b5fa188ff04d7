"""What the verdict asks of a study beside r: how the prompts were read, what could be compared."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tremble.stats.frames.comparisons import format_column
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN, RunFamily, run_and_family
from tremble.stats.frames.subsets import subsets
from tremble.text import decimal

MOST_LEVELS = 20  # a config key with more values is rather a number than a treatment


@dataclass(frozen=True, slots=True)
class Read:
    """How much of a run's probability was on the options: `mass`, the mean over decisions, None
    where it was not measured; `likeliest`: what most often was likeliest beside them, quoted, with
    its mean probability."""

    mass: float | None
    likeliest: str | None = None


def reads_of(evidence: Evidence) -> dict[RunFamily, Read]:
    """Of every run and family with predictions."""
    family = evidence.decisions.select("decision", "family")
    masses = (
        evidence.predictions.select(*RUN, "decision", "mass")
        .unique([*RUN, "decision"], keep="any")
        .join(family, on="decision")
        .group_by(*RUN, "family")
        .agg(pl.col("mass").mean())
    )
    likeliest = _likeliest(evidence.scores, family)
    return {
        key: Read(row["mass"], likeliest.get(key))
        for row in masses.iter_rows(named=True)
        for key in [run_and_family(row)]
    }


def _likeliest(scores: pl.DataFrame, family: pl.DataFrame) -> dict[RunFamily, str]:
    """The token that is most often the likeliest one beside the options, and its mean chance."""
    if not {"other_token", "other_logprob"} <= set(scores.columns):
        return {}
    found = (
        scores.lazy()
        .filter(pl.col("error").is_null() & pl.col("other_token").is_not_null())
        .select("model", format_column(), "formulation", "decision", "other_token", "other_logprob")
        .join(family.lazy(), on="decision")
        .group_by(*RUN, "family", "other_token")
        .agg(times=pl.len(), chance=pl.col("other_logprob").exp().mean())
        .sort("times", "chance", "other_token", descending=[True, True, False])
        .unique([*RUN, "family"], keep="first", maintain_order=True)
        .collect()
    )
    return {
        run_and_family(row): f"{row['other_token']!r} ({decimal(row['chance'])})"
        for row in found.iter_rows(named=True)
    }


def config_keys(decisions: pl.DataFrame) -> dict[str, list[str]]:
    """By family the keys of `config` of which there are two values or more, but not many."""
    found = (
        subsets(decisions, "parameter")
        .join(decisions.select("decision", "family"), on="decision")
        .group_by("family", "parameter", maintain_order=True)
        .agg(levels=pl.col("value").n_unique())
        .filter(pl.col("levels").is_between(2, MOST_LEVELS))
    )
    keys: dict[str, list[str]] = {}
    for family, parameter in found.select("family", "parameter").iter_rows():
        keys.setdefault(family, []).append(parameter)
    return keys
