"""What a participant's own facts tell a model about what they say.

Four arms: `none` (the session alone), `own` (an interview of the person's facts before it), `other`
(the same interview with another person's facts) and `refused` (the same questions, not answered).
An interview may help or harm whoever's facts it tells; what is about the person is `own` less
`other`. Differences are gains: above 0 the first arm predicts better, its nats are fewer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from tremble.prompts.asked import ARMS as INTERVIEWS
from tremble.stats.frames.session_responses import NONE, Sessions
from tremble.stats.inference.over_people import cohens_d, mean_of
from tremble.stats.inference.power import smallest_mean
from tremble.stats.tables.session_rows import (
    EXPERIMENT,
    MEAN,
    Row,
    experiments,
    impossible,
    limits,
    mean_by,
    over,
)
from tremble.text import join_notes

ARMS = (NONE, *INTERVIEWS)
_, OWN, OTHER, REFUSED = ARMS
CONTRASTS = ((OWN, OTHER), (OWN, NONE), (OWN, REFUSED), (OTHER, NONE), (REFUSED, NONE))


def persona_table(sessions: Sessions, equal: Mapping[str, bool] | None = None) -> list[Row]:
    """One row per model, format, wording, experiment and contrast of two arms, then means over
    experiments.

    model, format, formulation (the wording), kind ("experiment", "mean"), experiment (None of a
    mean), arms ("own - other"), n (people; of a mean, experiments), missing (people who lack
    an arm), responses (that all arms kept), difference (nats per response, second arm
    less first, so that above 0 the first predicts better: the mean over people of the differences
    of their means, so that every person counts once) with its 95% interval low and high over
    people, smallest (the difference that so many people show with a probability of .80 at .05,
    two-sided), equal (the share of people whose `other` gives the same answers), unequal_n,
    unequal, unequal_low and unequal_high (the difference without these), d (unpaired, over
    responses, by their pooled standard deviation, as in arXiv 2605.07632), note.

    People count who have all arms of the study, with the responses that all of them kept. `equal`
    as from `Interviewed.equal`; what it does not name is not known.
    """
    rows: list[Row] = []
    arms = sessions.runs.filter(pl.col("persona").is_in(ARMS))
    keys = ["model", "format", "wording"]
    for (model, format_, wording), runs in arms.group_by(keys, maintain_order=True):
        numbers = dict(runs.select("persona", "run").iter_rows())
        if NONE not in numbers or len(numbers) < 2:
            continue
        about = {"model": model, "format": format_, "formulation": wording}
        own = _of_run(sessions, numbers, equal or {})
        rows += [about | row for row in [*own, *_means(own)]]
    return rows


def _of_run(sessions: Sessions, numbers: Mapping[str, int], equal: Mapping[str, bool]) -> list[Row]:
    names = [arm for arm in ARMS if arm in numbers]
    people = _person_sums(sessions, {arm: numbers[arm] for arm in names})
    known = pl.Series([equal.get(one) for one in people["participant"]], dtype=pl.Boolean)
    people = people.with_columns(equal=known)
    lacking, lost = _lacking(sessions, numbers, people), sessions.lost()
    rows = []
    for experiment in experiments(sessions)["experiment"]:
        here = people.filter(pl.col("experiment") == experiment)
        missing = lacking.get(experiment)
        if missing is None:  # nobody has an arm here
            continue
        zero = sum(lost.get((run, experiment), 0) for run in numbers.values())
        for first, second in CONTRASTS:
            if {first, second} <= set(names):
                row = _row(experiment, here, (first, second), missing)
                rows.append(row | {"note": join_notes(row["note"], impossible(zero))})
    return rows


def _person_sums(sessions: Sessions, numbers: Mapping[str, int]) -> pl.DataFrame:
    """One row per experiment and person with all arms: n responses that all kept, and for each arm
    the sum of nats and of their squares."""
    table: pl.DataFrame | None = None
    for arm, run in numbers.items():
        here = sessions.scored.filter(pl.col("run") == run).select(
            "response", pl.col("nats").alias(arm)
        )
        table = here if table is None else table.join(here, on="response")
    assert table is not None
    places = sessions.responses.select("response", "experiment", "participant")
    return (
        table.join(places, on="response", maintain_order="left")
        .group_by("experiment", "participant", maintain_order=True)
        .agg(
            n=pl.len().cast(pl.Int64),
            **{f"{arm}_nats": pl.col(arm).sum() for arm in numbers},
            **{f"{arm}_squares": (pl.col(arm) ** 2).sum() for arm in numbers},
        )
    )


def _lacking(
    sessions: Sessions, numbers: Mapping[str, int], people: pl.DataFrame
) -> dict[str, int]:
    """experiment -> how many people were scored, but not in all arms; experiments in which nobody
    has an arm with facts are not there."""
    places = sessions.responses.select("response", "experiment", "participant")
    scored = sessions.scored.filter(pl.col("run").is_in(list(numbers.values()))).join(
        places, on="response"
    )
    told = scored.filter(pl.col("run") != numbers[NONE])["experiment"].unique(maintain_order=True)
    lacking = scored.unique(["experiment", "participant"]).join(
        people, on=["experiment", "participant"], how="anti"
    )
    counts = dict(lacking.group_by("experiment").agg(pl.len()).iter_rows())
    return {name: counts.get(name, 0) for name in told}


def _row(experiment: str, people: pl.DataFrame, arms: tuple[str, str], missing: int) -> Row:
    n = people["n"].to_numpy().astype(float)
    first, second = (people[f"{arm}_nats"].to_numpy() for arm in arms)
    differences = (second - first) / n
    found = mean_of(differences)
    row: Row = {
        "kind": EXPERIMENT,
        "experiment": experiment,
        "arms": " - ".join(arms),
        "n": people.height,
        "missing": missing,
        "responses": int(n.sum()),
        "difference": found.value,
        **limits(found),
        "smallest": None if found.low is None else smallest_mean(differences),
        **_unequal(differences, people["equal"], OTHER in arms),
    }
    squares = (people[f"{arm}_squares"].to_numpy() for arm in arms)
    of_responses = np.stack([n, first, second, *squares], axis=1).sum(axis=0)
    d = float(cohens_d(of_responses)) if people.height else float("nan")
    note = found.note if people.height else "nobody has all arms"
    return row | {"d": d if np.isfinite(d) else None, "note": note}


def _unequal(differences: np.ndarray, equal: pl.Series, asked: bool) -> Row:
    """What is left without people whose `other` gives the same answers; nothing where that is not
    asked, or not known of all."""
    if not asked or not len(equal) or equal.null_count():
        return dict.fromkeys(("equal", "unequal_n", "unequal", "unequal_low", "unequal_high"))
    same = equal.to_numpy().astype(bool)
    rest = mean_of(differences[~same])
    about = {"equal": float(same.mean()), "unequal_n": rest.n, "unequal": rest.value}
    return {**about, **limits(rest, "unequal")}


def _means(rows: Sequence[Row]) -> list[Row]:
    """Of every contrast the mean over experiments, each counting once; none of a single one."""
    made = []
    for arms in dict.fromkeys(row["arms"] for row in rows):
        here = [row for row in rows if row["arms"] == arms]
        if len(here) < 2:
            continue
        found, rest = over(here, "difference"), over(here, "unequal")
        made.append(
            {
                "kind": MEAN,
                "experiment": None,
                "arms": arms,
                "n": found.n,
                **{name: sum(row[name] for row in here) for name in ("missing", "responses")},
                "difference": found.value,
                **limits(found),
                "smallest": None,
                "equal": mean_by(here, "equal"),
                "unequal_n": rest.n or None,
                "unequal": rest.value,
                **limits(rest, "unequal"),
                "d": mean_by(here, "d"),
                "note": found.note,
            }
        )
    return made
