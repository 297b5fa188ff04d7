"""Several contrasts at once: how the effects of model and people agree, and those of two twins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from tremble.stats.frames.comparisons import Comparison, format_name
from tremble.stats.inference.effects import Effects, error_covariance
from tremble.stats.inference.joint_effects import PairErrors, joint_covariance, pair_errors
from tremble.stats.inference.meta_analysis import (
    MIN_EFFECTS,
    Line,
    agreement,
    meta_regression,
    york,
)
from tremble.stats.tables.contrast_effects import Scored, together
from tremble.stats.tables.contrasts import ContrastTables, Found, Treated
from tremble.text import counted, join_notes

Row = dict[str, Any]
# The covariance of people's errors, else why there is none (`Scored.luck`).
Luck = tuple[np.ndarray | None, str | None]


def effects_table(made: ContrastTables) -> list[Row]:
    """One row per run and family with at least five contrasts that have an interval.

    model, format, formulation, family, contrasts, r, reliability, r_corrected (`agreement`, of
    these very texts), slope, slope_low, slope_high and the intercept of people's effects on the
    model's (`meta_regression`), york, york_low, york_high (`york`), rmse and rmse_none: root mean
    squared error of the effects of the model and of no effect at all, less noise; note. Lines go
    through the origin, and have no intercept, where the contrasts have no control in common.
    """
    rows: list[Row] = []
    lucks: dict[tuple[int, ...], Luck] = {}
    for run, name in enumerate(made.runs):
        for family in made.families:
            kept = made.kept(family, run)
            known = {place: found for place, found in kept.items() if found.people.variance}
            if len(known) >= MIN_EFFECTS:
                without = len(family.arms) - len(known)
                scored = made.scored[family.design.family, run]
                key = (id(scored), *known)
                if key not in lucks:
                    lucks[key] = scored.luck([family.arms[place] for place in known])
                row = _effects_row(family, known, lucks[key])
                if without:
                    note = f"{counted(without, 'contrast')} without an interval excluded"
                    row["note"] = join_notes(row["note"], note)
                rows.append({**name, "family": family.design.family, **row})
    return rows


def _effects_row(family: Treated, known: dict[int, Found], luck: Luck) -> Row:
    found = list(known.values())
    people = together([one.people for one in found])
    model = together([one.model for one in found])
    difference = together([one.difference for one in found])
    arms = [family.arms[place] for place in known]
    one_control = len({(one.contrast.by, one.control) for one in arms}) == 1
    origin = not (one_control and all(one.common for one in arms))
    notes: list[str | None] = []
    line = steep = None
    try:
        line = meta_regression(model.value, people.value, people.variance, through_origin=origin)
    except ValueError as error:
        notes.append(str(error).rstrip("."))
    try:
        steep = _york(model, people, difference, origin)
    except ValueError as error:
        notes.append(str(error).rstrip("."))
    agree = agreement(model.value, people.value, luck[0])
    if luck[1] is not None:
        notes.append(f"no reliability: {luck[1]}")
    return {
        "contrasts": len(found),
        "r": agree.r,
        "reliability": agree.reliability,
        "r_corrected": agree.corrected,
        **_slope(line, "slope"),
        "intercept": None if line is None else line.intercept,
        "intercept_low": None if line is None else line.intercept_low,
        "intercept_high": None if line is None else line.intercept_high,
        **_slope(steep, "york"),
        "rmse": root_less_noise(difference.value, difference.variance),
        "rmse_none": root_less_noise(people.value, people.variance),
        "note": join_notes(*dict.fromkeys(notes), "lines through the origin" if origin else None),
    }


def _york(model: Effects, people: Effects, difference: Effects, origin: bool) -> Line:
    """York's line; what fixed texts leave without an error has the variance 0."""
    errors = np.nan_to_num(model.variance)
    shared = error_covariance(model, people, difference)
    return york(
        (model.value, errors), (people.value, people.variance), shared, through_origin=origin
    )


def _slope(line: Line | None, name: str) -> Row:
    if line is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: line.slope, f"{name}_low": line.slope_low, f"{name}_high": line.slope_high}


def root_less_noise(differences: np.ndarray, variances: np.ndarray) -> float:
    """Root mean squared difference, less what noise alone gives, at least 0."""
    return math.sqrt(max(0.0, float(np.mean(differences**2 - np.nan_to_num(variances)))))


def effect_errors_table(made: ContrastTables, comparisons: Sequence[Comparison]) -> list[Row]:
    """One row per pair, mode, formulation and family: how far the effects of both models are from
    people's, over the decisions that both have scored.

    base, aligned, mode, formulation, family, contrasts, rmse_base, rmse_aligned, difference (base
    less aligned, so above 0 where the aligned model is nearer), low, high, note (`pair_errors`).
    """
    rows: list[Row] = []
    numbers = {tuple(run.values()): number for number, run in enumerate(made.runs)}
    formulations = list(dict.fromkeys(run["formulation"] for run in made.runs))
    for one in comparisons:
        base, aligned = (
            (one.base, format_name(one.base, one.base_format, one.base_template)),
            (one.aligned, format_name(one.aligned, one.aligned_format, one.aligned_template)),
        )
        for formulation in formulations:
            pair = [numbers.get((*side, formulation)) for side in (base, aligned)]
            for family in made.families:
                if None in pair:
                    continue
                row = _errors_row(made, family, pair[0] or 0, pair[1] or 0)
                if row is not None:
                    named = {
                        "base": one.base,
                        "aligned": one.aligned,
                        "mode": one.mode,
                        "formulation": formulation,
                        "family": family.design.family,
                    }
                    rows.append({**named, **row})
    return rows


def _errors_row(made: ContrastTables, family: Treated, base: int, aligned: int) -> Row | None:
    errors = errors_between(*over_the_same(made, family, (base, aligned)))
    if errors is None:
        return None
    contrasts, found = errors
    return {
        "contrasts": contrasts,
        "rmse_base": found.base,
        "rmse_aligned": found.aligned,
        "difference": found.base - found.aligned,
        "low": None if found.high is None else -found.high,
        "high": None if found.low is None else -found.low,
        "note": None,
    }


def over_the_same(
    made: ContrastTables, family: Treated, runs: Sequence[int]
) -> list[dict[int, Found]]:
    """What was found of a family's contrasts in several runs, over the decisions that all of them
    have scored: of each run by the contrast's place among the family's arms, as `kept`."""
    name = family.design.family
    scored = {run: made.scored.get((name, run)) for run in runs}
    parts = [part for part in scored.values() if part is not None]
    if len(parts) < len(scored):
        return [{} for _ in runs]
    if all(part is parts[0] for part in parts):
        return [made.kept(family, run) for run in runs]
    mask = np.ones(len(family.design.people), bool)  # people's effects are to be the same for all
    for part in parts:
        mask &= np.isin(np.arange(len(mask)), part.at)
    both = Scored(family.design, list(scored), mask)
    found = {
        place: both.measured(arms)
        for place, arms in enumerate(family.arms)
        if not family.refused(place)
    }
    sides = {
        run: {place: Found(one, side) for place, one in found.items() if one.people is not None}
        for side, run in enumerate(scored)
    }
    return [sides[run] for run in runs]


def errors_between(
    base: dict[int, Found], other: dict[int, Found]
) -> tuple[int, PairErrors] | None:
    """How far the effects of two runs of `over_the_same` are from people's, over so many contrasts
    with an interval; None without any."""
    known = [place for place, found in base.items() if found.people.variance]
    if not known:
        return None
    lists = [[side[place] for place in known] for side in (base, other)]
    influences = sparse.vstack(
        [one.measured.influence[[one.place]] for side in lists for one in side], format="csc"
    )
    influences = influences[:, np.diff(influences.indptr) > 0].toarray().astype(float)
    differences = [together([one.difference for one in side]) for side in lists]
    variances = np.concatenate([side.variance for side in differences])
    df = float(np.nanmin(np.concatenate([side.df for side in differences]), initial=math.inf))
    covariance = joint_covariance(influences, variances)
    return len(known), pair_errors(differences[0].value, differences[1].value, covariance, df)
