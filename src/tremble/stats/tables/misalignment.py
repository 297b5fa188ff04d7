"""How much worse the aligned model of a pair predicts what people said than its base model.

After arXiv 2605.07632 (Psych-201): for every experiment Cohen's d of nats per response, aligned
(post) less base, by the pooled standard deviation of responses, then means over experiments. Above
0 the aligned model finds what people said less likely. The source treats responses as independent;
the intervals here are over whole people (`inference.over_people`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.session_responses import NONE, Sessions
from tremble.stats.inference.multiplicity import holm
from tremble.stats.inference.over_people import PairSums, d_of_responses, paired_d, ratio
from tremble.stats.tables.misalignment_means import (
    empty_row,
    means_of_pair,
    means_over_pairs,
)
from tremble.stats.tables.pairs import comparison_frame
from tremble.stats.tables.session_rows import (
    EXPERIMENT,
    Row,
    experiments,
    impossible,
    limits,
    straddled,
)
from tremble.text import join_notes


def misalignment_table(sessions: Sessions, comparisons: Sequence[Comparison]) -> list[Row]:
    """Rows of pairs in a wording alone: one per experiment, then its means over experiments
    (`misalignment_means`); below them means over pairs.

    base, aligned, mode, formulation, kind ("experiment", "category mean", "mean"; over pairs also
    "type mean", "generation mean" and "slope over generations"), type, generation, category,
    experiment, n (people of an experiment, experiments of a mean, generations of a slope), pairs,
    responses (those that both models kept), kept_base and kept_aligned (the shares of all that each
    kept), d with its 95% interval low and high, p (two-sided, that d is 0) and p_holm (over the
    pair's experiments), difference (nats per response, aligned less base) with difference_low and
    difference_high, paired_d (over people: the mean of the differences between a person's means
    of both models by the standard deviation of these), note.
    """
    if sessions.scored.is_empty() or not comparisons:
        return []
    known = experiments(sessions).to_dicts()
    kept = _kept(sessions)
    runs = sessions.runs.filter(pl.col("persona") == NONE)
    table = comparison_frame(comparisons)
    rows: list[Row] = []
    for wording in runs["formulation"].unique(maintain_order=True):
        number = {
            (row["model"], row["format"]): row["run"]
            for row in runs.filter(pl.col("formulation") == wording).iter_rows(named=True)
        }
        for pair, of in zip(table.iter_rows(named=True), comparisons, strict=True):
            both = [number.get((pair[side], pair[f"{side}_format"])) for side in _SIDES]
            if None not in both:
                made = _of_pair(sessions, known, kept, both, _leading(of, wording))
                if pair["base_format"] != pair["aligned_format"]:
                    made = [row | {"note": join_notes(UNLIKE, row["note"])} for row in made]
                rows += made
    return [*rows, *means_over_pairs(rows, comparisons)]


_SIDES = ("base", "aligned")
UNLIKE = (
    "base in plain text, aligned in its chat format: the template is part of d; "
    'formats = ["plain"] compares the models'
)


def _leading(of: Comparison, wording: str) -> Row:
    row = {"base": of.base, "aligned": of.aligned, "mode": of.mode, "formulation": wording}
    return {**row, "type": of.type, "generation": of.generation}


def _kept(sessions: Sessions) -> dict[tuple[int, str], float]:
    """(run, experiment) -> the share of its responses that have a score."""
    kept = (
        sessions.scored.join(sessions.responses.select("response", "experiment"), on="response")
        .group_by("run", "experiment")
        .agg(kept=pl.len())
        .join(experiments(sessions), on="experiment")
    )
    counts = kept.select("run", "experiment", "kept", "responses").iter_rows()
    return {(run, name): there / all_ for run, name, there, all_ in counts}


def _of_pair(
    sessions: Sessions,
    known: Sequence[Row],
    kept: dict[tuple[int, str], float],
    runs: Sequence[Any],
    leading: Row,
) -> list[Row]:
    """The rows of one pair in one wording: by experiment, then the means over them."""
    parts = _person_sums(sessions, *runs).partition_by("experiment", as_dict=True)
    rows: list[Row] = []
    lost, both = sessions.lost(), [sessions.runs.row(run, named=True) for run in runs]
    for one in known:
        people = parts.get((one["experiment"],))
        about = {"category": one["category"], "experiment": one["experiment"]}
        shares = [kept.get((run, one["experiment"]), 0.0) for run in runs]
        row = empty_row(leading, EXPERIMENT, **about)
        row |= {"pairs": 1, "kept_base": shares[0], "kept_aligned": shares[1]}
        row |= _compared(people) if people is not None else _NOTHING
        zero = sum(lost.get((run, one["experiment"]), 0) for run in runs)
        joined = straddled(sessions, both, one["experiment"])
        rows.append(row | {"note": join_notes(row["note"], impossible(zero), joined)})
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p
    return [*rows, *means_of_pair(rows, leading)]


def _person_sums(sessions: Sessions, base: int, post: int) -> pl.DataFrame:
    """One row per experiment and person: sums over the responses that both runs kept, of nats less
    the experiment's mean, and of the squares of these."""
    of = sessions.scored.filter(pl.col("run") == base).select("response", base="nats")
    other = sessions.scored.filter(pl.col("run") == post).select("response", post="nats")
    places = sessions.responses.select("response", "experiment", "participant")
    both = of.join(other, on="response").join(places, on="response", maintain_order="left")
    middle = (pl.col("base").mean() + pl.col("post").mean()) / 2
    centres = both.group_by("experiment").agg(centre=middle)
    return (
        both.join(centres, on="experiment", maintain_order="left")
        .with_columns(pl.col("base", "post") - pl.col("centre"))
        .group_by("experiment", "participant", maintain_order=True)
        .agg(
            n=pl.len().cast(pl.Int64),
            **{name: pl.col(name).sum() for name in ("base", "post")},
            **{f"{name}_squares": (pl.col(name) ** 2).sum() for name in ("base", "post")},
        )
    )


def _compared(people: pl.DataFrame) -> Row:
    """What one experiment says of a pair, from the sums of its people."""
    names = ("n", "base", "post", "base_squares", "post_squares")
    n, *sums_of = (people[name].to_numpy() for name in names)
    sums = PairSums(n, *sums_of)
    found = d_of_responses(sums)
    difference = ratio(sums.post - sums.base, sums.n)
    responses = int(n.sum())
    note = found.note
    if found.value is None:
        note = "one response" if responses == 1 else "nothing varies: no d"
    return {
        "n": people.height,
        "responses": responses,
        "d": found.value,
        **limits(found),
        "p": found.p,
        "difference": difference.value,
        **limits(difference, "difference"),
        "paired_d": paired_d((sums.post - sums.base) / sums.n),
        "note": join_notes(note),
    }


_NOTHING: Row = {"n": 0, "responses": 0, "note": "no response scored by both"}
