"""Sessions, checkpoint by checkpoint: how likely each finds what people said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from tremble.stats.inference.bootstrap import RESAMPLES
from tremble.stats.inference.over_people import cohens_d
from tremble.stats.progress.changes import compare, levels
from tremble.stats.progress.line_sessions import LineSessions
from tremble.stats.progress.training import Line
from tremble.stats.tables.session_rows import impossible, limits, mean_by, over
from tremble.stats.tables.trajectory import Training, place_row
from tremble.text import counted, join_notes

Row = dict[str, Any]


def responses_table(training: Training, resamples: int = RESAMPLES) -> list[Row]:
    """One row per run, checkpoint, format, wording and experiment of sessions, and where there are
    several experiments one for their mean, each experiment counting once (experiment None).

    run, checkpoint, stage, step, tokens, model, format, formulation, experiment, people, responses
    (those that every checkpoint of the run has), missing (those that one lacks), nats (per
    response), difference (nats less the base's: above 0 what people said became less likely) with
    its 95% interval low and high over whole people, d (Cohen's d of responses, as in the table
    `misalignment`, less the base) and note. The interval of a mean is over experiments.
    """
    rows: list[Row] = []
    for line, some in training.of_sessions:
        by_reading = groupby(some, key=lambda one: (one.format, one.formulation))
        for _, experiments in by_reading:
            rows += _with_means([list(_of(line, one, resamples)) for one in experiments])
    return rows


def _of(line: Line, one: LineSessions, resamples: int) -> Iterator[Row]:
    known = one.mean_nats.known()
    people = len(np.unique(one.people[one.known]))
    n = int(one.known.sum())
    for place, nats in enumerate(levels(known)):
        change = compare(known, place, 0, resamples=resamples)
        yield {
            **place_row(line, place),
            "format": one.format,
            "formulation": one.formulation,
            "experiment": one.experiment,
            "people": people,
            "responses": n,
            "missing": len(one.known) - n,
            "nats": nats,
            "difference": change.estimate,
            "low": change.low if place else None,
            "high": change.high if place else None,
            "d": _d(known.values[0], known.values[place]) if place else 0.0,
            "note": join_notes(impossible(one.impossible), change.note if place else None),
        }


def _d(base: np.ndarray, other: np.ndarray) -> float | None:
    """Cohen's d of two models' nats of the same responses; None where undefined."""
    if not len(base):
        return None
    centre = (base.mean() + other.mean()) / 2
    base, other = base - centre, other - centre
    sums = [len(base), base.sum(), other.sum(), (base**2).sum(), (other**2).sum()]
    d = float(cohens_d(np.array(sums)))
    return d if np.isfinite(d) else None


def _with_means(experiments: Sequence[Sequence[Row]]) -> Iterator[Row]:
    """The rows of several experiments, each with the same checkpoints, and their means."""
    for some in zip(*experiments, strict=True):
        yield from some
        if len(some) > 1:
            yield _mean(some)


def _mean(some: Sequence[Row]) -> Row:
    base = some[0]["checkpoint"] == 0
    difference = over(some, "difference")
    lacking = sum(row["nats"] is None for row in some)
    return {
        **some[0],
        "experiment": None,
        **{name: sum(row[name] for row in some) for name in ("people", "responses", "missing")},
        "nats": mean_by(some, "nats"),
        "difference": difference.value,
        **({"low": None, "high": None} if base else limits(difference)),
        "d": mean_by(some, "d"),
        "note": join_notes(
            None if base else difference.note,
            f"{counted(lacking, 'experiment')} without a response that every checkpoint has"
            if lacking
            else None,
        ),
    }
