"""How well models predict the first response of a session, the second, the hundredth: what they
learn from a person's own past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl

from tremble.stats.frames.session_responses import NONE, Sessions
from tremble.stats.inference.over_people import mean_of, ratio
from tremble.stats.tables.session_rows import (
    EXPERIMENT,
    MEAN,
    Row,
    experiments,
    impossible,
    limits,
    over,
    person_sums,
    run_of,
)
from tremble.text import join_notes

# Where each bin of response numbers begins: 1, 2, 3-5, 6-10, 11-20, ...
STARTS = (1, 2, 3, 6, 11, 21, 51, 101, 201, 501, 1001, 2001)
NAMES = (
    *(f"{low}" if high == low + 1 else f"{low}-{high - 1}" for low, high in pairwise(STARTS)),
    f"{STARTS[-1]} on",
)


def position_table(sessions: Sessions) -> list[Row]:
    """One row per run of a wording alone, experiment and bin of response numbers, then means over
    experiments.

    model, format, formulation, kind ("experiment", "mean"), experiment (None of a mean), position
    ("1", "2", "3-5", ...), experiments (how many), people, responses, nats (per response) with its
    95% interval low and high, and gain: the nats of a person's response 1 less the mean of theirs
    in this bin, over the people who have both, each counting once, with gain_low and gain_high;
    None of response 1; note. Intervals are over people; those of means over experiments, with none
    below five.
    """
    if sessions.scored.is_empty():
        return []
    place = np.digitize(sessions.responses["position"].fill_null(0).to_numpy(), STARTS) - 1
    placed = sessions.responses.with_columns(bin=pl.Series(place, dtype=pl.Int32))
    sums = person_sums(replace(sessions, responses=placed), ["bin"])
    parts = sums.filter(pl.col("bin") >= 0).partition_by("run", "experiment", as_dict=True)
    rows: list[Row] = []
    lost = sessions.lost()
    for run in sessions.runs.filter(pl.col("persona") == NONE).iter_rows(named=True):
        own: list[Row] = []
        for name in experiments(sessions)["experiment"]:
            people = parts.get((run["run"], name))
            if people is not None:
                zero = impossible(lost.get((run["run"], name), 0))
                bins = _bins(name, people)
                own += [row | {"note": join_notes(row["note"], zero)} for row in bins]
        rows += [run_of(run) | row for row in [*own, *_means(own)]]
    return rows


def _bins(experiment: str, people: pl.DataFrame) -> list[Row]:
    first = people.filter(pl.col("bin") == 0).select(
        "participant", at_first=pl.col("nats") / pl.col("n")
    )
    rows = []
    for place in sorted(people["bin"].unique()):
        here = people.filter(pl.col("bin") == place)
        nats = ratio(here["nats"].to_numpy(), here["n"].to_numpy())
        both = here.join(first, on="participant")
        differences = (both["at_first"] - both["nats"] / both["n"]).to_numpy()
        gain = mean_of(differences if place else differences[:0])
        rows.append(
            {
                "kind": EXPERIMENT,
                "experiment": experiment,
                "position": NAMES[place],
                "experiments": 1,
                "people": here.height,
                "responses": int(here["n"].sum()),
                "nats": nats.value,
                **limits(nats),
                "gain": gain.value,
                **limits(gain, "gain"),
                "note": nats.note,
            }
        )
    return rows


def _means(rows: Sequence[Row]) -> list[Row]:
    if len({row["experiment"] for row in rows}) < 2:
        return []
    made = []
    for position in NAMES:
        here = [row for row in rows if row["position"] == position]
        if not here:
            continue
        nats, gain = over(here, "nats"), over(here, "gain")
        made.append(
            {
                "kind": MEAN,
                "experiment": None,
                "position": position,
                "experiments": len(here),
                **{name: sum(row[name] for row in here) for name in ("people", "responses")},
                "nats": nats.value,
                **limits(nats),
                "gain": gain.value,
                **limits(gain, "gain"),
                "note": join_notes(nats.note),
            }
        )
    return made
