"""The best r that human noise allows.

What a point shows is y_i = m_i + e_i: m_i is what people in that situation do on average, e_i the
luck of which people were asked. The best prediction is m_i itself, and over N given points

    E[sum (y_i - mean y)^2] = sum (m_i - mean m)^2 + (N - 1) v,      v = mean of var(e_i),

so with s^2, the sample variance of y (N - 1 in the denominator), and an unbiased estimate of v,

    ceiling = r(m, y) = sqrt(share of variance that m explains) = sqrt(1 - v / s^2).

This is the square root of the reliability of y (Lord and Novick 1968, Statistical Theories of
Mental Test Scores, section 3.4: a correlation cannot exceed the index of reliability). The
estimate of var(e_i), each unbiased:

- a rate over n people whose spread is known: rate_sd^2 / n;
- a rate over n people with one choice each: rate (1 - rate) / (n - 1), since
  E[rate (1 - rate)] = p (1 - p) (n - 1) / n where p (1 - p) / n is sought;
- one choice of one person: within its context, seen k times, the same formula for a single
  person: share (1 - share) k / (k - 1). Contexts seen once say nothing and are left out.

Above three options every option is a point; the noises of one problem's options are dependent,
which leaves v unbiased and s^2 biased by no more than one part in the number of points.
"""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from tremble.stats.frames.clusters import kinds_of, units
from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.contexts import contexts
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import TOLD, choices_each
from tremble.stats.inference.ceiling_interval import ceiling_interval
from tremble.store.schemas import with_columns
from tremble.text import decimal, join_notes

SPREAD, ONE_CHOICE, REPEATED = "rate_sd^2/n", "rate(1-rate)/(n-1)", "repeated contexts"
MIN_CONTEXTS = 3
MIN_POINTS = 30


def noise(evidence: Evidence) -> pl.DataFrame:
    """The outcomes with `noise` (variance, or null), `method`, `noise_why`, `context` and
    `repeated`: of points whose noise is that of repeated choices a number for each context and
    option, else null."""
    decisions = with_columns(evidence.decisions, "n", "rate_sd", *TOLD)
    facts = decisions.select(
        "decision",
        people=pl.col("n").cast(pl.Float64),
        spread=pl.col("rate_sd").cast(pl.Float64),
        each=choices_each(),
        target=pl.col("target").cast(pl.String),
    )
    frame = evidence.outcomes.join(facts, on="decision").join(contexts(decisions), on="decision")
    choice = pl.col("choice").is_not_null()
    same = ("context", "kind", "key")
    share = pl.col("outcome").mean().over(same)
    seen = pl.when(choice & pl.col("context").is_not_null()).then(pl.len().over(same))
    rate, people = pl.col("outcome"), pl.col("people")
    # The printed spread is that of the target's rate.
    spread = pl.col("spread").is_not_null() & (pl.col("key") == pl.col("target"))
    several = pl.col("each") > 1
    method = (
        pl.when(choice)
        .then(pl.when(seen > 1).then(pl.lit(REPEATED)))
        .when(people.is_null())
        .then(None)
        .when(spread & (people > 0))
        .then(pl.lit(SPREAD))
        .when(several | (people < 2))
        .then(None)
        .otherwise(pl.lit(ONE_CHOICE))
    )
    values = (
        pl.when(pl.col("method") == SPREAD)
        .then(pl.col("spread") ** 2 / people)
        .when(pl.col("method") == ONE_CHOICE)
        .then(rate * (1 - rate) / (people - 1))
        .when(pl.col("method") == REPEATED)
        .then(share * (1 - share) * seen / (seen - 1))
    )
    return (
        frame.with_columns(method=method)
        .with_columns(
            noise=values,
            noise_why=_why_unknown(),
            repeated=pl.when(pl.col("method") == REPEATED).then(
                pl.struct("context", "kind", "key").rank("dense").cast(pl.Int64)
            ),
        )
        .select(
            *("decision", "family", "kind", "outcome", "noise", "method", "noise_why"),
            *("context", "repeated"),
        )
    )


def _why_unknown() -> pl.Expr:
    """Why the noise of a point is not known: columns method, choice, context, people."""
    choice, people = pl.col("choice").is_not_null(), pl.col("people")
    return (
        pl.when(pl.col("method").is_not_null())
        .then(None)
        .when(choice & pl.col("context").is_null())
        .then(pl.col("context_why"))
        .when(choice)
        .then(pl.lit("context occurs only once"))
        .when(people.is_null())
        .then(pl.lit("the number of people is not reported"))
        .when(people < 2)
        .then(pl.lit("fewer than two people"))
        .otherwise(pl.lit("several choices per person, and the spread between people is not known"))
    )


def ceiling_table(evidence: Evidence) -> list[dict[str, Any]]:
    """One row per family: family, points, n (points used), method, noise, total, ceiling, low,
    high, note.

    `noise` and `total` are variances, in squared units of the outcome. `ceiling` is the best r,
    None where it is unknown, and the note says why; low and high are its 95% interval over whole
    participants and games (`ceiling_interval`). An estimate below zero (more noise than
    variation) becomes a ceiling of 0, with a note. Where all points have one context there is
    nothing to correlate: every prediction is constant, and what the noise bounds is the Brier
    score.
    """
    decisions = evidence.decisions
    noisy = noise(evidence)
    known = pl.col("noise").is_not_null()
    by_family = {
        row["family"]: row
        for row in noisy.group_by("family")
        .agg(
            points=pl.len(),
            n=known.sum(),
            noise=pl.col("noise").mean(),
            total=pl.col("outcome").filter(known).var(ddof=1),
            methods=pl.col("method").drop_nulls().unique().sort(),
            contexts=pl.col("context").filter(pl.col("method") == REPEATED).n_unique(),
            rates=pl.col("method").is_in([SPREAD, ONE_CHOICE]).sum(),
            why=pl.col("noise_why").drop_nulls().value_counts(sort=True),
        )
        .iter_rows(named=True)
    }
    empty: dict[str, Any] = {
        "points": 0,
        "n": 0,
        "rates": 0,
        "contexts": 0,
        "noise": None,
        "total": None,
        "methods": [],
        "why": [],
    }
    rows = [_row(f, by_family.get(f, empty)) for f in family_order(decisions["family"])]
    held = noisy.filter(known).join(units(decisions), on="decision", maintain_order="left")
    return [_with_interval(row, held.filter(family=row["family"])) for row in rows]


def _with_interval(row: dict[str, Any], known: pl.DataFrame) -> dict[str, Any]:
    """The row with the interval of its ceiling, from the points whose noise is known."""
    if row["ceiling"] is None:
        return row
    row["low"], row["high"], doubt = ceiling_interval(
        known["outcome"].to_numpy(),
        known["noise"].to_numpy(),
        known["repeated"].fill_null(-1).to_numpy(),
        # The ceiling is that of these very items: their noise is not that of others.
        [kind for kind in kinds_of(known) if kind.of == "people"],
    )
    return row | {"note": join_notes(row["note"], doubt)}


def _row(family: str, held: dict[str, Any]) -> dict[str, Any]:
    total, variance = held["total"], held["noise"]
    left_out = [f"{one['noise_why']} ({one['count']})" for one in held["why"]]
    unknown: str | None = None
    best: float | None = None
    clipped = None
    one_for_all = held["n"] == held["points"] and not held["rates"] and held["contexts"] == 1
    if not held["points"]:
        unknown = "unknown: no outcome"
    elif not held["n"]:
        unknown = "unknown"
    elif not held["rates"] and held["contexts"] < MIN_CONTEXTS and not one_for_all:
        unknown = (
            f"unknown: only {held['contexts']} contexts occur more than once, below {MIN_CONTEXTS}"
        )
    elif held["n"] < MIN_POINTS:
        unknown = f"unknown: {held['n']} points with known noise, below {MIN_POINTS}"
    elif not total:
        unknown = "unknown: one outcome only"
    elif one_for_all:
        unknown = (
            "one situation for all: every prediction is constant and r undefined; no Brier score "
            f"is expected below {decimal(variance)}"
        )
    else:
        share = 1 - variance / total
        best = math.sqrt(max(share, 0.0))
        if share < 0:
            clipped = "more noise than variation: set to 0"
    text = ("excluded: " if unknown != "unknown" else "") + ", ".join(left_out)
    if unknown == "unknown" and left_out:
        unknown, text = f"unknown: {text}", ""
    return {
        "family": family,
        "points": held["points"],
        "n": held["n"],
        "method": ", ".join(held["methods"]) or None,
        "noise": variance,
        "total": total,
        "ceiling": best,
        "low": None,
        "high": None,
        "note": join_notes(unknown, clipped, text if left_out else None),
    }
