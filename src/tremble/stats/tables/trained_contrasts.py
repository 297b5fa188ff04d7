"""Contrasts, checkpoint by checkpoint: the effects of treatments, and how near they are to
people's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tremble.stats.inference.meta_analysis import MIN_EFFECTS, agreement
from tremble.stats.progress.line_fidelity import readings
from tremble.stats.progress.training import Line
from tremble.stats.tables.contrast_effects import together
from tremble.stats.tables.contrasts import ContrastTables, Found, Treated, contrast_row
from tremble.stats.tables.effect_agreement import errors_between, over_the_same, root_less_noise
from tremble.stats.tables.trajectory import Training, place_row

Row = dict[str, Any]
_LACKING = "a checkpoint of the run has no scores in this format and wording"
_NOISE = "people's effects are not larger than noise, so distances from them say little"
_NO_INTERVAL = "no contrast with an interval of people's effect"


class _Asked(NamedTuple):
    """A family's contrasts in one format and wording: of each checkpoint of a line what was found,
    over the decisions that all of them have scored; empty where one has no scores there."""

    family: Treated
    format: str
    formulation: str
    found: Sequence[dict[int, Found]]

    def about(self, line: Line, place: int) -> Row:
        where = {"family": self.family.design.family, "format": self.format}
        return {**place_row(line, place), **where, "formulation": self.formulation}


def contrasts_table(training: Training) -> list[Row]:
    """One row per run, family, format, wording, contrast and checkpoint of a study with contrasts.

    run, checkpoint, stage, step, tokens, model, family, format, formulation, contrast, level,
    control, people (people's effect) with people_low and people_high, effect (the checkpoint's)
    with low and high, difference (effect less people's) with difference_low and difference_high,
    mass, n (decisions) and note, as in the table `contrasts`, but over the decisions that every
    checkpoint of the run has scored.
    """
    rows = []
    for line, asked in _asked(training):
        for at in range(len(asked.family.arms)):
            for place, found in enumerate(asked.found):
                if at in found:
                    row = contrast_row(asked.family, at, found[at])
                    shown = {name: row[name] for name in _OF_CONTRAST}
                    rows.append({**asked.about(line, place), **shown})
    return rows


_OF_CONTRAST = (
    *("contrast", "level", "control", "people", "people_low", "people_high", "effect", "low"),
    *("high", "difference", "difference_low", "difference_high", "mass", "n", "note"),
)


def effects_table(training: Training) -> list[Row]:
    """How near the effects of all contrasts together are to people's: one row per run, family,
    format, wording and checkpoint of a study with contrasts.

    run, checkpoint, stage, step, tokens, model, family, format, formulation, contrasts (those with
    an interval of people's effect), effects_r (Pearson's r of the checkpoint's effects and people's
    over contrasts, from five on), effects_rmse (root mean squared error of its effects, less noise,
    in the outcome's unit), effects_rmse_none (of no effect at all), difference (effects_rmse less
    that of the base: above 0 the checkpoint is further from people) with low and high, and note
    (`pair_errors`).
    """
    rows = []
    for line, asked in _asked(training):
        base = asked.found[0]
        for place, found in enumerate(asked.found):
            errors = errors_between(base, found)
            row = {**asked.about(line, place), **dict.fromkeys(_OF_EFFECTS)}
            if errors is None:
                note = _NO_INTERVAL if base else _LACKING
                rows.append({**row, "contrasts": 0, "note": note})
                continue
            row["contrasts"], between = errors
            row["effects_r"] = _r(found)
            row["effects_rmse"] = between.aligned
            row["effects_rmse_none"] = _none(found)
            if not row["effects_rmse_none"]:
                row["note"] = _NOISE
            if place:
                row["difference"] = between.difference
                row["low"], row["high"] = between.low, between.high
            else:
                row["difference"] = 0.0
            rows.append(row)
    return rows


_OF_EFFECTS = (
    *("contrasts", "effects_r", "effects_rmse", "effects_rmse_none", "difference", "low", "high"),
    "note",
)


def _asked(training: Training) -> Iterator[tuple[Line, _Asked]]:
    made = training.contrasted
    if made is None:
        return
    runs = [(run["model"], run["format"], run["formulation"]) for run in made.runs]
    for line in training.lines:
        for format_, formulation, at in readings(line, runs):
            for family in made.families:
                yield line, _Asked(family, format_, formulation, _found(made, family, at))


def _found(
    made: ContrastTables, family: Treated, at: Sequence[int | None]
) -> list[dict[int, Found]]:
    runs = [one for one in at if one is not None]
    return over_the_same(made, family, runs) if len(runs) == len(at) else [{} for _ in at]


def _none(found: dict[int, Found]) -> float:
    """Root mean squared effect on people, less noise: the error of a model without any effect."""
    people = together([one.people for one in found.values() if one.people.variance])
    return root_less_noise(people.value, people.variance)


def _r(found: dict[int, Found]) -> float | None:
    some = [one for one in found.values() if one.people.variance]
    if len(some) < MIN_EFFECTS:
        return None
    model, people = (together([getattr(one, side) for one in some]) for side in ("model", "people"))
    return agreement(model.value, people.value, None).r
