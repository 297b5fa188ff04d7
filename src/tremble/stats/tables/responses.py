"""How likely each model finds what people said, experiment by experiment.

After arXiv 2605.07632 (Psych-201), which scores the negative log-likelihood of a response, summed
over its tokens, and averages over responses within an experiment, then over experiments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tremble.stats.frames.session_habits import HABITS
from tremble.stats.frames.session_responses import NONE, Sessions
from tremble.stats.inference.over_people import ratio
from tremble.stats.tables.session_rows import (
    CATEGORY,
    EXPERIMENT,
    MEAN,
    Row,
    experiments,
    impossible,
    limits,
    mean_by,
    over,
    person_sums,
    quotient,
    run_of,
    straddled,
)
from tremble.text import join_notes

_MEANS = ("nats_closed", "per_token", "first", "mass", "nats_options", *HABITS)


def response_table(sessions: Sessions) -> list[Row]:
    """One row per run and experiment, then means over the experiments of each category that has
    several, and of all; arms of interviews, which not everybody has, are in `persona_table`.

    model, format, formulation, kind ("experiment", "category mean", "mean"), category, experiment
    (None of a mean), experiments (how many), people, responses (those that have a score), kept
    (their share of all), nats (per response) with its 95% interval low and high, nats_closed (with
    the closing mark), per_token (nats), first (share of responses whose first token is the
    likeliest), options (responses whose options are known) and over these mass, nats_options (-log
    of the normalised probability) and what the habits predict (`session_habits`): even, own,
    repeat; note.

    An experiment's interval is over people, a mean's over experiments, with none below five.
    """
    if sessions.scored.is_empty():
        return []
    known, lost = experiments(sessions), sessions.lost()
    parts = person_sums(sessions).partition_by("run", "experiment", as_dict=True)
    rows: list[Row] = []
    alone = pl.col("persona").is_null() | (pl.col("persona") == NONE)
    for run in sessions.runs.filter(alone).iter_rows(named=True):
        own: list[Row] = []
        for one in known.iter_rows(named=True):
            at = (run["run"], one["experiment"])
            row = _row(one, parts[at]) if at in parts else _nothing(one)
            joined = straddled(sessions, [run], one["experiment"])
            row["note"] = join_notes(row["note"], impossible(lost.get(at, 0)), joined)
            own.append(run_of(run) | row)
        rows += [*own, *(run_of(run) | mean for mean in _means(own))]
    return rows


def _row(one: Row, people: pl.DataFrame) -> Row:
    total = people.select(pl.exclude("run", "experiment", "participant").sum()).row(0, named=True)
    n, options = total["n"], total["options"]
    nats = ratio(people["nats"].to_numpy(), people["n"].to_numpy())
    return {
        "kind": EXPERIMENT,
        "category": one["category"],
        "experiment": one["experiment"],
        "experiments": 1,
        "people": people.height,
        "responses": n,
        "kept": n / one["responses"],
        "nats": nats.value,
        **limits(nats),
        "nats_closed": total["nats_closed"] / n,
        "per_token": quotient(total["nats"], total["tokens"]),
        "first": total["first"] / n,
        "options": options,
        **{name: quotient(total[name], options) for name in ("mass", "nats_options", *HABITS)},
        "note": nats.note,
    }


def _nothing(one: Row) -> Row:
    counts = {"experiments": 1, "people": 0, "responses": 0, "kept": 0.0, "nats": None}
    of = {"category": one["category"], "experiment": one["experiment"]}
    rest = dict.fromkeys(_MEANS[3:])
    scores = {"low": None, "high": None, **dict.fromkeys(_MEANS[:3]), "options": 0, **rest}
    return {"kind": EXPERIMENT, **of, **counts, **scores, "note": "no response scored"}


def _means(rows: Sequence[Row]) -> list[Row]:
    """The means over the experiments of each category, and of all; none of a single one."""
    made = []
    for category in dict.fromkeys(row["category"] for row in rows):
        inside = [row for row in rows if row["category"] == category]
        if category is not None and 1 < len(inside) < len(rows):
            made.append(_mean(CATEGORY, category, inside))
    return [*made, *([_mean(MEAN, None, rows)] if len(rows) > 1 else [])]


def _mean(kind: str, category: str | None, rows: Sequence[Row]) -> Row:
    nats = over(rows, "nats")
    lacking = sum(row["nats"] is None for row in rows)
    first: dict[str, Any] = {
        "kind": kind,
        "category": category,
        "experiment": None,
        "experiments": nats.n,
    }
    counts = {name: sum(row[name] for row in rows) for name in ("people", "responses")}
    rest = {name: mean_by(rows, name) for name in _MEANS}
    return {
        **first,
        **counts,
        "kept": mean_by(rows, "kept"),
        "nats": nats.value,
        **limits(nats),
        **{name: rest[name] for name in _MEANS[:3]},
        "options": sum(row["options"] for row in rows),
        **{name: rest[name] for name in _MEANS[3:]},
        "note": join_notes(nats.note, f"{lacking} without a score" if lacking else None),
    }
