"""Does a model predict the right level, and by how much does it exaggerate?

r says nothing of either: predictions that are all four times too high, or all too close to .5, can
have an r of 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tremble.stats.frames.clusters import Kind, kinds_of, summed, units
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN, RunFamily, run_and_family
from tremble.stats.frames.responses import Responses, responses
from tremble.stats.frames.shares import texts
from tremble.stats.inference.intervals import Units
from tremble.stats.inference.means import Basis, Means, basis, means
from tremble.stats.inference.slopes import Slopes, slopes
from tremble.stats.metrics.correlation import pearson
from tremble.text import counted, join_notes

Row = dict[str, Any]
VALUE, TARGET = "value", "target"
LOGIT, LINEAR = "logit", "linear"
_NONE = "no level: the options have no values, and none of them is the target"
_NUMBERS = (
    *("people", "predicted", "difference", "low", "high", "share", "share_low", "share_high"),
    *(
        "scale",
        "over",
        "line",
        "slope",
        "slope_low",
        "slope_high",
        "r",
        "r_within",
        "r_texts",
        "error",
    ),
)


class Level(NamedTuple):
    """A row of `level_table` and the people and items behind it, None where there is no level."""

    row: Row
    units: Units | None


def level_table(evidence: Evidence) -> list[Row]:
    """One row per run and family with outcomes.

    model, format, formulation, family, outcome ("value" of the options, else "target"), n
    (decisions), and means over these: people (of their outcomes), predicted (of the values that the
    model expects, or of its predictions of the target), difference (predicted less people) with
    its 95% interval low and high, all in the outcome's unit; share, share_low and share_high: the
    difference in shares of the outcome's range, `scale` (the median, where options' values have
    several); over: what the intervals cover
    (`means.Basis`).

    line, slope, slope_low, slope_high: the calibration line of outcomes on predictions, "logit" (of
    the outcome's logit on the prediction's) for single choices of a target, "linear" for values
    and rates; 1 where a model neither exaggerates nor is too even, below 1 where it exaggerates.
    r: of predictions and outcomes; r_within: within people, both less the person's own mean, over
    people with two decisions at least. r_texts and error: r, and the root mean squared error in
    the outcome's unit, of people's means and the model's at every text. note.

    None where there is none, and the note says why.
    """
    return [one.row for one in levels(evidence)]


def levels(evidence: Evidence) -> list[Level]:
    """The rows of `level_table` with their units."""
    facts = _facts(evidence.decisions)
    rows: list[tuple[int, Level]] = []
    for held in responses(evidence):
        if len(held.names):
            rows += _of_family(held, facts)
        elif held.without:
            rows += _without(held, evidence)
    return [one for _, one in sorted(rows, key=lambda row: row[0])]


def level_of(evidence: Evidence) -> dict[RunFamily, Level]:
    """The levels by model, format, formulation and family: for a verdict, which goes by
    `share_low` and `share_high`."""
    return {run_and_family(one.row): one for one in levels(evidence)}


def _facts(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, the columns of `units`, text and n: of every decision."""
    people = pl.col("n").cast(pl.Float64) if "n" in decisions else pl.lit(None, pl.Float64)
    return (
        units(decisions)
        .join(texts(decisions), on="decision", maintain_order="left")
        .join(decisions.select("decision", n=people), on="decision", maintain_order="left")
    )


def _without(held: Responses, evidence: Evidence) -> Iterator[tuple[int, Level]]:
    """A row for each run that predicts what has no level."""
    family = evidence.decisions.filter(family=held.family).select("decision")
    there = evidence.predictions.join(family, on="decision", how="semi").select(RUN).unique()
    known = set(there.iter_rows())
    for run, names in enumerate(held.runs.iter_rows()):
        if names in known:
            named = dict(zip(RUN, names, strict=True))
            empty = {"outcome": None, "n": 0, **dict.fromkeys(_NUMBERS), "note": _NONE}
            yield run, Level({**named, "family": held.family, **empty}, None)


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """What runs that predict the same P decisions of a family are held against.

    `y` (P): outcomes; `single`: whether all are single choices; `rates`: variance and n of rates,
    (2, P); `person` (P): numbers of the people, -1 where not known; `text` (P): of what was read,
    -1 where that is no text; `basis`: of the intervals.
    """

    y: np.ndarray
    single: bool
    rates: tuple[np.ndarray, np.ndarray]
    person: np.ndarray
    text: np.ndarray
    basis: Basis


def _of_family(held: Responses, facts: pl.DataFrame) -> Iterator[tuple[int, Level]]:
    own = held.names.to_frame().join(facts, on="decision", how="left", maintain_order="left")
    kinds, known = kinds_of(own), np.isfinite(held.model)
    # Runs with the same decisions share all that does not depend on what they predict.
    patterns: dict[bytes, list[int]] = {}
    for run, mask in enumerate(known):
        if mask.any():
            patterns.setdefault(np.packbits(mask).tobytes(), []).append(run)
    for runs in patterns.values():
        mask = known[runs[0]]
        points = _points(held, own, kinds, mask)
        x = held.model[runs][:, mask]
        logit = points.single and not held.valued
        apart = means(x - points.y, points.basis, points.text, points.rates)
        codes = points.basis.codes if points.basis.reason is None else []
        lines = slopes(x, points.y, codes, logit)
        for place, run in enumerate(runs):
            named = dict(zip(RUN, held.runs.row(run), strict=True))
            row = {
                **named,
                "family": held.family,
                "outcome": VALUE if held.valued else TARGET,
                "n": int(mask.sum()),
                "people": float(points.y.mean()),
                "predicted": float(x[place].mean()),
                **_difference(apart, place, held.scale),
                "scale": held.scale,
                "over": points.basis.over if np.isfinite(apart.low[place]) else None,
                "line": LOGIT if logit else LINEAR,
                **_line(lines, place),
                **_agreement(x[place], points),
            }
            row["note"] = _note(row, points, apart.note, held)
            yield run, Level(row, points.basis.units)


def _points(held: Responses, own: pl.DataFrame, kinds: list[Kind], mask: np.ndarray) -> _Points:
    here = own.filter(mask)
    single = held.single[mask]
    return _Points(
        y=held.people[mask],
        single=bool(single.all()),
        rates=(held.variance[mask], here["n"].fill_null(np.nan).to_numpy()),
        person=_numbers(here["person"]),
        text=_numbers(here["text"]),
        basis=basis([kind.at(mask) for kind in kinds], ~single),
    )


def _numbers(names: pl.Series) -> np.ndarray:
    """0, 1, ... for the distinct names, -1 for null."""
    return (names.rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy()


def _difference(apart: Means, place: int, scale: float) -> Row:
    made = {
        "difference": float(apart.value[place]),
        "low": _number(apart.low[place]),
        "high": _number(apart.high[place]),
    }
    names = ("share", "share_low", "share_high")
    for name, value in zip(names, list(made.values()), strict=True):
        made[name] = None if value is None or not scale else value / scale
    return made


def _line(lines: Slopes, place: int) -> Row:
    return {
        "slope": _number(lines.value[place]),
        "slope_low": _number(lines.low[place]),
        "slope_high": _number(lines.high[place]),
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _agreement(x: np.ndarray, points: _Points) -> Row:
    """r, r within people, and r and error of the means at every text."""
    y, text = points.y, points.text
    read = text >= 0
    r_texts = error = None
    if read.any():
        predicted, people = (_group_means(text[read], values[read]) for values in (x, y))
        r_texts = pearson(predicted, people)[0]
        error = float(np.sqrt(((predicted - people) ** 2).mean()))
    several = _several(points.person)
    r_within = None
    if several.any():
        r_within = pearson(*(_within(points.person[several], v[several]) for v in (x, y)))[0]
    return {"r": pearson(x, y)[0], "r_within": r_within, "r_texts": r_texts, "error": error}


def _within(person: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(points): less the person's own mean, exactly 0 where that is rounding."""
    off = values - _group_means(person, values)[_places(person)]
    return np.asarray(np.where(np.abs(off) > 1e-12 * np.abs(values).max(), off, 0.0))


def _several(person: np.ndarray) -> np.ndarray:
    """(P): whether this person, who is known, has two decisions at least."""
    counts = np.bincount(person + 1)
    counts[0] = 0
    return np.asarray(counts[person + 1] > 1)


def _places(codes: np.ndarray) -> np.ndarray:
    return np.asarray(np.unique(codes, return_inverse=True)[1]).ravel()


def _group_means(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(groups): the mean of `values` (points) of each code, in the order of codes."""
    places = _places(codes)
    return np.asarray(summed(places, values[:, None])[:, 0] / np.bincount(places))


def _note(row: Row, points: _Points, why: str | None, held: Responses) -> str | None:
    interval = row["low"] is not None
    reason = None
    if not interval:
        reason = points.basis.reason or why or "the difference does not vary"
        reason = f"no interval: {reason}"
    return join_notes(
        reason,
        points.basis.note if interval else None,
        None if row["slope"] is not None else "no slope: " + _why_no_slope(row, points.y),
        None if row["r_within"] is not None else "no r within people: " + _why_not_within(points),
        f"{counted(held.without, 'decision')} without a level excluded" if held.without else None,
        held.uneven,
    )


def _why_no_slope(row: Row, y: np.ndarray) -> str:
    if np.ptp(y) == 0:
        return "one outcome only"
    return (
        "constant prediction" if row["r"] is None else "predictions separate the outcomes perfectly"
    )


def _why_not_within(points: _Points) -> str:
    if not points.single and not (points.person >= 0).any():
        return "rates are averages of many people"
    if not _several(points.person).any():
        return "no identified person has two decisions"
    return "outcomes or predictions are the same within each person"
