"""Measures beside r, per run and family: log loss, Brier, AUC, calibration.

r asks whether predictions rise where people's choices do; these ask whether they can be taken at
their word. Each is given twice: as predicted, and after one temperature fitted on other people
(`stats.metrics.temperature`). A model that knows but is saturated gains much, one that does not
know little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tremble.errors import UserError
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.option_arrays import OptionArrays, option_arrays
from tremble.stats.inference.intervals import FEW_CLUSTERS, units_of
from tremble.stats.metrics.calibration import (
    auc,
    bin_sums,
    expected_error,
    log_loss_terms,
    recalibration,
)
from tremble.stats.metrics.temperature import (
    COLDEST,
    EPSILON,
    HOTTEST,
    cross_fitted,
    log_shares,
    tempered,
)
from tremble.text import did_you_mean, join_notes

FOLDS = 5
BINS = 10
MEASURES = ("log_loss", "brier", "auc", "slope", "intercept", "ece")
# A temperature keeps the order of predictions within a fold, so the AUC stands once.
TEMPERED = tuple(measure for measure in MEASURES if measure != "auc")
_CHUNK = 3_000_000  # predictions at a time: temporary arrays stay below about 200 MB
_EQUAL = ["width", "count"]

Row = dict[str, Any]


def measure_table(evidence: Evidence, folds: int = FOLDS, bins: int = BINS) -> list[Row]:
    """One row per run and family with predictions.

    model, format, formulation, family, n (decisions), log_loss, brier, auc, slope, intercept,
    ece, clipped, temperature, all but auc again as `NAME_tempered`, and note.

    - log_loss: nats per decision; the binary cross-entropy of the target for a choice or a
      problem with two options, else the cross-entropy over all options. Predictions are kept
      1e-7 away from 0 and 1; `clipped` counts the points where that mattered.
    - brier: mean squared difference; the points of one problem share its weight.
    - auc: over 0/1 outcomes only. slope, intercept: of the outcome's logit on the prediction's.
    - ece: over `bins` bins of equal width.
    - temperature: the median over `folds` folds of people, none of which is split; every
      prediction is tempered as the other folds would have it.
    - slope_tempered, intercept_tempered: of all predictions at that one median temperature, so
      that the slope of a choice between two options is the raw one times the temperature. Across
      folds, predictions at different temperatures are no straight line (docs/uncertainty.md).
      None below 20 participants or games, and where the temperature is at its bound.

    What is undefined is None and the note says why.
    """
    rows: list[Row] = []
    for arrays in option_arrays(evidence, folds):
        for part in _chunks(arrays):
            rows += _rows(part, bins)
    order = {name: i for i, name in enumerate(dict.fromkeys(_run(row) for row in rows))}
    return sorted(rows, key=lambda row: order[_run(row)])


def reliability(
    evidence: Evidence,
    bins: int = BINS,
    equal: str = "width",
    temper: bool = False,
    folds: int = FOLDS,
) -> list[Row]:
    """Rows with model, format, formulation, family, bin (from 0), n, prediction, outcome.

    n is the number of decisions (weights of points), prediction and outcome are means. `equal`
    is "width" or "count"; empty bins are left out. `temper` takes the predictions after the
    fitted temperature. Raises UserError for another `equal`.
    """
    if equal not in _EQUAL:
        raise UserError(f"Bins cannot be of equal {equal!r}{did_you_mean(equal, _EQUAL)}")
    rows: list[Row] = []
    for arrays in option_arrays(evidence, folds):
        for part in _chunks(arrays):
            if temper:
                after = _tempered_points(part)
                p, w = after.p, after.w
            else:
                p, w = _points(part, part.shares)
            for run, name in enumerate(part.runs):
                sums = bin_sums(p[run], part.outcome, w[run], bins, equal)
                rows += [
                    {
                        **dict(zip(("model", "format", "formulation"), name, strict=True)),
                        "family": part.family,
                        "bin": i,
                        "n": float(sums[0][i]),
                        "prediction": float(sums[1][i] / sums[0][i]),
                        "outcome": float(sums[2][i] / sums[0][i]),
                    }
                    for i in np.flatnonzero(sums[0])
                ]
    return rows


def _run(row: Row) -> tuple[str, str, str]:
    return row["model"], row["format"], row["formulation"]


def _chunks(arrays: OptionArrays) -> Iterator[OptionArrays]:
    """The arrays of a few runs at a time, without runs that have nothing here."""
    present = np.flatnonzero(np.isfinite(arrays.shares).any(axis=(0, 2)))
    step = max(1, _CHUNK // max(1, arrays.shares[:, 0].size))
    for start in range(0, len(present), step):
        chosen = present[start : start + step]
        yield replace(
            arrays, runs=[arrays.runs[i] for i in chosen], shares=arrays.shares[:, chosen]
        )


def _points(arrays: OptionArrays, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(predictions, weights) at the points, each (R, P); weight 0 where there is none."""
    p = shares[arrays.option, :, arrays.at].T
    there = np.isfinite(p)
    return np.where(there, p, 0.5), there * arrays.weight


@dataclass(frozen=True, slots=True)
class _Tempered:
    """Points (R, P) after the cross-fitted temperature, their weights, and after the one median
    temperature of each run (R)."""

    p: np.ndarray
    w: np.ndarray
    at_median: np.ndarray
    temperature: np.ndarray


def _tempered_points(arrays: OptionArrays) -> _Tempered:
    whole = (np.isfinite(arrays.shares) | ~arrays.valid[:, None, :]).all(axis=0)
    logs = np.where(whole & arrays.valid[:, None, :], log_shares(arrays.shares), 0.0)
    inverse, temperature = cross_fitted(
        logs, arrays.valid, arrays.observed, whole.astype(float), arrays.fold
    )
    unknown = ~whole | ~np.isfinite(inverse)

    def points(by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shares = tempered(logs, arrays.valid, np.where(np.isfinite(by), by, 1.0))
        shares[:, unknown] = np.nan
        return _points(arrays, shares)

    p, w = points(inverse)
    return _Tempered(p, w, points(1 / temperature[:, None])[0], temperature)


def _clusters(arrays: OptionArrays, w: np.ndarray) -> list[int]:
    """How many participants or games, of the kind that is rarer, each run's points are of;
    temperatures are fitted on other people, whatever items they read."""
    counts: dict[bytes, int] = {}
    of_runs = []
    for used in w > 0:
        key = np.packbits(used).tobytes()
        if key not in counts:
            at = np.unique(arrays.at[used])
            counts[key] = units_of([kind.at(at) for kind in arrays.clusters])[0].people.number
        of_runs.append(counts[key])
    return of_runs


def _rows(arrays: OptionArrays, bins: int) -> list[Row]:
    p, w = _points(arrays, arrays.shares)
    plain = _measures(arrays, p, w, bins)
    after = _tempered_points(arrays)
    heated = _measures(arrays, after.p, after.w, bins, after.at_median)
    clusters = _clusters(arrays, after.w)
    beyond = ((p < EPSILON) | (p > 1 - EPSILON)) & (w > 0)
    rows = []
    for run, name in enumerate(arrays.runs):
        before = plain[run]
        temperature = float(after.temperature[run])
        fitted = temperature if np.isfinite(temperature) else None
        no_line = None if fitted is None else _why_no_line(fitted, clusters[run])
        if no_line or before["slope"] is None:
            heated[run] |= {"slope": None, "intercept": None}
        missed = round(float(w[run].sum())) - round(float(after.w[run].sum()))
        rows.append(
            {
                **dict(zip(("model", "format", "formulation"), name, strict=True)),
                "family": arrays.family,
                "n": round(float(w[run].sum())),
                **{measure: before[measure] for measure in MEASURES},
                "clipped": int(beyond[run].sum()),
                "temperature": fitted,
                **{f"{name}_tempered": heated[run][name] for name in TEMPERED},
                "note": join_notes(
                    before["why"],
                    _temperature_note(fitted),
                    no_line,
                    f"{missed} decisions without a temperature" if fitted and missed else None,
                ),
            }
        )
    return rows


def _why_no_line(temperature: float, clusters: int) -> str | None:
    """Why the calibration line after this temperature says nothing; None where it does."""
    if clusters < FEW_CLUSTERS:
        few = f"{clusters} participants or games, below {FEW_CLUSTERS}"
        return f"no slope after the temperature: {few}"
    return "no slope after the temperature" if _at_bound(temperature) else None


def _at_bound(temperature: float) -> bool:
    return not COLDEST * (1 + 1e-6) < temperature < HOTTEST * (1 - 1e-6)


def _temperature_note(temperature: float | None) -> str | None:
    if temperature is None:
        return "no temperature: no data to fit it on outside a fold, or all predictions are even"
    if not _at_bound(temperature):
        return None
    if temperature > 1:
        bound = f"bound of {HOTTEST:g}: predictions are best when flattened to even odds"
    else:
        bound = f"bound of {COLDEST:g}: the more extreme predictions are, the better"
    return f"temperature at its {bound}"


def _measures(
    arrays: OptionArrays, p: np.ndarray, w: np.ndarray, bins: int, line: np.ndarray | None = None
) -> list[Row]:
    """The six measures of each run, and `why` some are None; slope and intercept are those of the
    predictions `line` (R, P), if given."""
    y, present = arrays.outcome, w > 0
    total = np.maximum(w.sum(axis=1), 1e-300)
    loss = (log_loss_terms(p, y, arrays.joint) * present).sum(axis=1) / total
    brier = (w * (p - y) ** 2).sum(axis=1) / total
    slope, intercept, fitted = recalibration(p if line is None else line, y, w)
    rows: list[Row] = []
    for run in range(len(p)):
        if not present[run].any():
            rows.append(dict.fromkeys((*MEASURES, "why")))
            continue
        single = present[run] & arrays.choice
        area = auc(p[run][single], y[single]) if single.any() else None
        ok = bool(fitted[run])
        why = None
        if not ok:
            why = "no calibration slope: constant prediction, one outcome, or separated outcomes"
        if area is None:
            why = join_notes(why, "no AUC: " + ("one outcome only" if single.any() else "rates"))
        rows.append(
            {
                "log_loss": float(loss[run]),
                "brier": float(brier[run]),
                "auc": area,
                "slope": float(slope[run]) if ok else None,
                "intercept": float(intercept[run]) if ok else None,
                "ece": expected_error(bin_sums(p[run], y, w[run], bins, "width")),
                "why": why,
            }
        )
    return rows
