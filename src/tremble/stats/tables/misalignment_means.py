"""Means of Cohen's d over experiments and pairs, and its slope over generations of models.

Every experiment counts once. Over pairs, d is first averaged over the pairs within each experiment,
then over experiments, and the interval is over experiments: the pairs are taken as they are, since
those of one model family are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.stats import linregress
from scipy.stats import t as student

from tremble.stats.frames.comparisons import Comparison
from tremble.stats.inference.intervals import LEVEL, MIN_CLUSTERS
from tremble.stats.tables.session_rows import CATEGORY, EXPERIMENT, MEAN, Row, limits, mean_by, over
from tremble.text import counted, join_notes

TYPE, GENERATION, SLOPE = "type mean", "generation mean", "slope over generations"
COLUMNS = (
    *("base", "aligned", "mode", "formulation", "kind", "type", "generation", "category"),
    *("experiment", "n", "pairs", "responses", "kept_base", "kept_aligned", "d", "low", "high"),
    *("p", "p_holm", "difference", "difference_low", "difference_high", "paired_d", "note"),
)
_AVERAGED = ("kept_base", "kept_aligned", "d", "difference", "paired_d")


def empty_row(leading: Row, kind: str, **about: Any) -> Row:
    """A row of the table of which only the leading columns, its kind, and what it is about are
    known."""
    return {**dict.fromkeys(COLUMNS), **leading, "kind": kind, **about}


def means_of_pair(rows: Sequence[Row], leading: Row) -> list[Row]:
    """The means of one pair's experiments: of each category, unless all are of one, and of all.
    There is none of a single experiment."""
    means = _by_category(rows, leading)
    return [*means, *([_mean(rows, empty_row(leading, MEAN))] if len(rows) > 1 else [])]


def means_over_pairs(rows: Sequence[Row], comparisons: Sequence[Comparison]) -> list[Row]:
    """For every mode and wording with several pairs: means over pairs and experiments, of all, of
    every category, type and generation, and the slope over generations; `rows` are those of all
    pairs. base and aligned are None."""
    of_experiments = [row for row in rows if row["kind"] == EXPERIMENT]
    numbers = generation_numbers(comparisons)
    made: list[Row] = []
    for mode, wording in dict.fromkeys((row["mode"], row["formulation"]) for row in of_experiments):
        here = [
            row for row in of_experiments if (row["mode"], row["formulation"]) == (mode, wording)
        ]
        if len(_pairs(here)) < 2:
            continue
        leading = {"mode": mode, "formulation": wording}
        made += [*_by_category(here, leading), _pooled(here, empty_row(leading, MEAN))]
        made += _by(here, "type", empty_row(leading, TYPE))
        generations = _by(here, "generation", empty_row(leading, GENERATION))
        made += generations
        if len(generations) > 1:
            made.append(_slope(generations, numbers, empty_row(leading, SLOPE)))
    return made


def generation_numbers(comparisons: Iterable[Comparison]) -> dict[str, float]:
    """generation -> the number that a slope is over: themselves where all are numbers ("2", "2.5"),
    otherwise 1, 2, 3 in the order in which pairs first name them."""
    named = dict.fromkeys(one.generation for one in comparisons if one.generation is not None)
    try:
        numbers = {name: float(name) for name in named}
        if all(map(math.isfinite, numbers.values())):
            return numbers
    except ValueError:
        pass
    return {name: float(place) for place, name in enumerate(named, start=1)}


def _pairs(rows: Iterable[Row]) -> set[tuple[str, str]]:
    return {(row["base"], row["aligned"]) for row in rows}


def _by_category(rows: Sequence[Row], leading: Row) -> list[Row]:
    """Means of the categories that have several experiments, unless that is all there is."""
    named: dict[str | None, set[str]] = {}
    for row in rows:
        named.setdefault(row["category"], set()).add(row["experiment"])
    if len(named) < 2:
        return []
    several = [row for row in rows if len(named[row["category"]]) > 1]
    return _by(several, "category", empty_row(leading, CATEGORY))


def _by(rows: Sequence[Row], column: str, about: Row) -> list[Row]:
    """A row of means for every value of a column that is known."""
    known = dict.fromkeys(row[column] for row in rows if row[column] is not None)
    return [
        _pooled([row for row in rows if row[column] == value], about | {column: value})
        for value in known
    ]


def _pooled(rows: Sequence[Row], about: Row) -> Row:
    """The mean over experiments of the means over pairs."""
    per_experiment = []
    for name in dict.fromkeys(row["experiment"] for row in rows):
        inside = [row for row in rows if row["experiment"] == name]
        averaged: Row = {column: mean_by(inside, column) for column in _AVERAGED}
        per_experiment.append(averaged | {"responses": sum(row["responses"] for row in inside)})
    return _mean(per_experiment, about) | {"pairs": len(_pairs(rows))}


def _mean(rows: Sequence[Row], about: Row) -> Row:
    d, difference = over(rows, "d"), over(rows, "difference")
    without = len(rows) - d.n
    return about | {
        "n": d.n,
        "pairs": 1,
        "responses": sum(row["responses"] for row in rows),
        **{name: mean_by(rows, name) for name in _AVERAGED},
        **limits(d),
        "p": d.p,
        **limits(difference, "difference"),
        "note": join_notes(
            d.note, f"{counted(without, 'experiment')} without d" if without else None
        ),
    }


def _slope(generations: Sequence[Row], numbers: dict[str, float], about: Row) -> Row:
    """The slope of the generations' mean d on their number, by least squares: d per generation. The
    units are generations, however many experiments and pairs are behind them."""
    known = [row for row in generations if row["d"] is not None]
    x = np.array([numbers[row["generation"]] for row in known])
    about = about | {"n": len(known), "pairs": sum(row["pairs"] for row in generations)}
    about["responses"] = sum(row["responses"] for row in generations)
    if len(known) < 2 or np.ptp(x) == 0:
        return about | {"note": "fewer than two generations with d"}
    line = linregress(x, [row["d"] for row in known])
    about["d"] = float(line.slope)
    if len(known) < MIN_CLUSTERS:
        few = f"only {counted(len(known), 'generation')} (an interval needs {MIN_CLUSTERS})"
        return about | {"note": few}
    reach = float(student.ppf((1 + LEVEL) / 2, len(known) - 2)) * float(line.stderr)
    low, high = about["d"] - reach, about["d"] + reach
    return about | {"low": low, "high": high, "p": float(line.pvalue)}
