"""What wordings and controls are not applicable to, counted in decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from tremble.prompts.asked import ARMS, Asked
from tremble.store.job_folder import JobFolder
from tremble.text import counted
from tremble.tokenization.refusal import BEGINS, NOT_APPLICABLE, ErrorKind

_COLUMNS = ("dataset", "formulation", "decision", "error", "error_kind")


def is_not_applicable() -> pl.Expr:
    """Whether a row of scores lacks numbers because a wording or control is not applicable."""
    return pl.col("error_kind").is_in(NOT_APPLICABLE).fill_null(False)


def left_out(jobs: Iterable[JobFolder]) -> pl.DataFrame:
    """What a wording or a control is not applicable to in finished jobs: dataset (entry of `data`),
    formulation, decision, error and error_kind, each once."""
    parts = [pl.DataFrame(schema=dict.fromkeys(_COLUMNS, pl.String))]
    for job in jobs:
        manifest = job.manifest()
        if manifest and manifest["errors"]:
            rows = job.rows().filter(is_not_applicable())
            named = rows.select(pl.lit(manifest["dataset"]).alias("dataset"), *_COLUMNS[1:])
            parts = [pl.concat([*parts, named]).unique(maintain_order=True)]
    return parts[0]


Named = tuple[str, ErrorKind, str]  # entry of `data`, what kind of name, a wording or control


def asked_for(jobs: Iterable[JobFolder], rows: pl.DataFrame) -> dict[Named, int]:
    """In how many decisions finished jobs ask for each wording and control that is not applicable
    to some of them; `rows` as `left_out` gives them."""
    distinct = rows.select("dataset", "error_kind", "formulation").unique().rows()
    wanted = {(dataset, kind, _whose(kind, name)) for dataset, kind, name in distinct}
    found: dict[Named, pl.Series] = {}
    for job in jobs if wanted else ():
        manifest = job.manifest()
        if manifest is None:
            continue
        for kind in NOT_APPLICABLE:
            named = manifest["dataset"], kind, _whose(kind, manifest["formulation"])
            if named in wanted:
                decisions = job.rows(["decision"])["decision"].cast(pl.String)
                before = found.get(named, decisions.clear())
                found[named] = pl.concat([before, decisions]).unique()
    return {named: len(decisions) for named, decisions in found.items()}


def notes_of(jobs: Sequence[JobFolder]) -> list[str]:
    """`not_applicable_notes` of what was `left_out` of finished jobs."""
    rows = left_out(jobs)
    return not_applicable_notes(rows, asked_for(jobs, rows))


def not_applicable_notes(rows: pl.DataFrame, asked: Mapping[Named, int]) -> list[str]:
    """A sentence for every wording and control that is not applicable to decisions of a data set.

    `rows` as `left_out` gives them, `asked` as `asked_for` does. A decision counts once, however
    many of its presentations, formats, readings and models lack it; a wording that is not
    applicable to it under a control is not without.
    """
    notes = []
    for kind in NOT_APPLICABLE:
        some = rows.filter(pl.col("error_kind") == kind)
        names = {name: _whose(kind, name) for name in some["formulation"].unique()}
        part = some.select(
            "dataset",
            "decision",
            name=pl.col("formulation").replace_strict(names, return_dtype=pl.String),
            reason=pl.col("error").str.strip_prefix(BEGINS[kind]),
        ).unique(maintain_order=True)
        notes += _sentences(kind, part, asked)
    return notes


def whose(kind: ErrorKind) -> str:
    """What is not applicable, in a word."""
    return "control" if kind == "control_not_applicable" else "wording"


def _whose(kind: ErrorKind, name: str) -> str:
    """The name of the wording or control that is not applicable."""
    asked = Asked.parse(name)
    return (asked.control or "") if whose(kind) == "control" else asked.wording


def _sentences(kind: ErrorKind, frame: pl.DataFrame, asked: Mapping[Named, int]) -> list[str]:
    sentences = []
    for (dataset, name), part in frame.group_by("dataset", "name", maintain_order=True):
        what, where = whose(kind), "in" if whose(kind) == "wording" else "under"
        if name in ARMS.values():
            what, where = "interview", "behind"
        reasons = part.group_by("reason").agg(pl.col("decision").n_unique())
        first, most = reasons.sort("decision", "reason", descending=[True, False]).row(0)
        count = part["decision"].n_unique()
        why = first if reasons.height == 1 else f"most often ({most:,}), {first}"
        decisions = counted(asked[dataset, kind, name], "decision")
        are = "it is" if count == 1 else "they are"
        sentences.append(
            f"The {what} {name} is not applicable to {count:,} of {decisions} of {dataset}: {why}; "
            f"{are} missing {where} that {what}."
        )
    return sentences
