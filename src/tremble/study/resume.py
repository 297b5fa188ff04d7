"""Which rows of a job are missing, and which can be copied."""

from __future__ import annotations

import polars as pl

from tremble.models.spec import model_name
from tremble.store.job import Job
from tremble.store.schemas import EXPECTED, SCORES
from tremble.study.cells import Cell
from tremble.study.prompt_table import PromptTable

NUMBERS = pl.Schema(
    {
        name: SCORES[name]
        for name in (
            "row_key",
            "logprobs",
            "mass",
            "first_mass",
            "other_token",
            "other_logprob",
            "error",
            "exact_logprobs",
            "mass_exact",
            "spellings",
            "spelling_logprobs",
        )
    }
)


def missing_rows(cell: Cell, table: PromptTable, job: Job) -> pl.DataFrame:
    """The rows that are not in force, without numbers; those of equal prompts are copied, not
    computed."""
    rows = table.rows().join(job.rows(), on=list(EXPECTED), how="anti", maintain_order="left")
    rows = rows.with_columns(
        pl.lit(value, pl.String).alias(name)
        for name, value in {
            "model": model_name(cell.model),
            "format": cell.format,
            "template": cell.template.source if cell.template is not None else None,
            "formulation": cell.formulation,
        }.items()
    )
    if not rows.height:
        return rows
    scored = job.all_rows().filter(pl.col("error").is_null()).select(list(NUMBERS))
    scored = scored.unique("row_key", keep="first")
    copied = rows.join(scored, on="row_key", maintain_order="left").select(list(SCORES))
    if copied.height:
        job.append(copied)
    return rows.join(scored, on="row_key", how="anti", maintain_order="left")
