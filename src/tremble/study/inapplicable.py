"""What wordings and controls do not fit, counted in decisions.

In the rows of a study the reason of a prompt that is left out begins with what does not fit
(`MISFIT`, `CONTROL_MISFIT`): the wording, or the control over a wording that fits.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from tremble.prompts.formulations import control_of
from tremble.store.job import Job
from tremble.study.cells import CONTROL_MISFIT, MISFIT
from tremble.text import counted

_BEGINS = {"wording": MISFIT, "control": CONTROL_MISFIT}
_LEFT_OUT = ("dataset", "formulation", "decision", "error")


def is_misfit(reason: str) -> bool:
    """Whether the reason of a prompt is that a wording or a control does not fit."""
    return reason.startswith(tuple(_BEGINS.values()))


def blamed(reason: str) -> tuple[str, str]:
    """What does not fit, "wording" or "control", and why, of a reason that `is_misfit`."""
    kind = next(kind for kind, begin in _BEGINS.items() if reason.startswith(begin))
    return kind, reason.removeprefix(_BEGINS[kind])


def of_misfits() -> pl.Expr:
    """`is_misfit` for the column error."""
    return pl.any_horizontal(pl.col("error").str.starts_with(begin) for begin in _BEGINS.values())


def left_out(jobs: Iterable[Job]) -> pl.DataFrame:
    """What a wording or a control does not fit in finished jobs: dataset (entry of `data`),
    formulation, decision and error, each once."""
    found = pl.DataFrame(schema=dict.fromkeys(_LEFT_OUT, pl.String))
    for job in jobs:
        manifest = job.manifest()
        if manifest and any(is_misfit(reason) for reason, _ in manifest["errors"]):
            rows = job.rows().filter(of_misfits())
            named = rows.select(pl.lit(manifest["dataset"]).alias("dataset"), *_LEFT_OUT[1:])
            found = pl.concat([found, named]).unique(maintain_order=True)
    return found


def misfit_notes(rows: pl.DataFrame) -> list[str]:
    """A sentence for every wording and control that does not fit decisions of a data set.

    `rows` as `left_out` gives them. A decision counts once, however many of its presentations,
    formats, readings and models lack it; a wording that does not fit it under a control does not
    fit it without.
    """
    found = []
    for place, (kind, begin) in enumerate(_BEGINS.items()):
        some = rows.filter(pl.col("error").str.starts_with(begin))
        names = {name: control_of(name)[place] for name in some["formulation"].unique()}
        part = some.select(
            "dataset",
            "decision",
            name=pl.col("formulation").replace_strict(names, return_dtype=pl.String),
            reason=pl.col("error").str.strip_prefix(begin),
        ).unique(maintain_order=True)
        found += _sentences(kind, part)
    return found


def _sentences(kind: str, frame: pl.DataFrame) -> list[str]:
    found = []
    for (dataset, name), part in frame.group_by("dataset", "name", maintain_order=True):
        reasons = part.group_by("reason").agg(pl.col("decision").n_unique())
        first, most = reasons.sort("decision", "reason", descending=[True, False]).row(0)
        count = part["decision"].n_unique()
        why = first if reasons.height == 1 else f"most often ({most:,}), {first}"
        decisions = counted(count, "decision")
        found.append(f"The {kind} {name} does not fit {decisions} of {dataset}: {why}.")
    return found
