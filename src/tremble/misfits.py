"""What wordings and controls do not fit, counted in decisions.

In the rows of a study every prompt that is left out has the same beginning of its reason
(`rendering.MISFIT`), whether the wording or the control over it does not fit.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from tremble.prompts import control_of
from tremble.rendering import MISFIT
from tremble.store import Job
from tremble.tokens import READINGS

_CONTROL = "the control does not fit: "
_LEFT_OUT = ("dataset", "formulation", "decision", "error")


def blamed(formulation: str) -> tuple[str, str | None]:
    """The wording of a formulation and the control over it; another reading is none."""
    wording, control = control_of(formulation)
    return wording, None if control in READINGS else control


def reason_of(formulation: str, error: str) -> str:
    """Why a prompt was not scored, with the control named as what does not fit where it is one."""
    if blamed(formulation)[1] is None or not error.startswith(MISFIT):
        return error
    return f"{_CONTROL}{error.removeprefix(MISFIT)}"


def is_misfit(reason: str) -> bool:
    """Whether a reason, as `reason_of` gives it, is that a wording or a control does not fit."""
    return reason.startswith((MISFIT, _CONTROL))


def left_out(jobs: Iterable[Job]) -> pl.DataFrame:
    """What a wording or a control does not fit in finished jobs: dataset (entry of `data`),
    formulation, decision and error, each once."""
    found = pl.DataFrame(schema=dict.fromkeys(_LEFT_OUT, pl.String))
    for job in jobs:
        manifest = job.manifest()
        if manifest and any(reason.startswith(MISFIT) for reason, _ in manifest["errors"]):
            rows = job.rows().filter(pl.col("error").str.starts_with(MISFIT))
            named = rows.select(pl.lit(manifest["dataset"]).alias("dataset"), *_LEFT_OUT[1:])
            found = pl.concat([found, named]).unique(maintain_order=True)
    return found


def misfit_notes(rows: pl.DataFrame) -> list[str]:
    """A sentence for every wording and control that does not fit decisions of a data set.

    `rows` as `left_out` gives them. A decision counts once, however many of its presentations,
    formats, readings and models lack it, and under a control not where the wording without it
    does not fit either.
    """
    parts = {name: blamed(name) for name in rows["formulation"].unique()}
    frame = rows.select(
        "dataset",
        "decision",
        *(
            pl.col("formulation")
            .replace_strict({name: part[place] for name, part in parts.items()}, default=None)
            .cast(pl.String)
            .alias(kind)
            for place, kind in enumerate(("wording", "control"))
        ),
        reason=pl.col("error").str.strip_prefix(MISFIT),
    ).unique(maintain_order=True)
    alone = frame.filter(pl.col("control").is_null())
    under = frame.filter(pl.col("control").is_not_null()).join(
        alone, on=["dataset", "decision", "wording"], how="anti", maintain_order="left"
    )
    return [
        *_sentences("wording", alone.with_columns(name="wording")),
        *_sentences("control", under.with_columns(name="control")),
    ]


def _sentences(kind: str, frame: pl.DataFrame) -> list[str]:
    found = []
    for (dataset, name), part in frame.group_by("dataset", "name", maintain_order=True):
        reasons = part.group_by("reason").agg(pl.col("decision").n_unique())
        first, most = reasons.sort("decision", "reason", descending=[True, False]).row(0)
        count = part["decision"].n_unique()
        why = first if reasons.height == 1 else f"most often ({most:,}), {first}"
        what = "decision" if count == 1 else "decisions"
        found.append(f"The {kind} {name} does not fit {count:,} {what} of {dataset}: {why}.")
    return found
