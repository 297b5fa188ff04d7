"""Which rows of a job are missing, and which of these have an equal prompt that is scored."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tremble.store.schemas import EXPECTED, SCORES

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
            "error_kind",
            "exact_logprobs",
            "mass_exact",
            "spellings",
            "spelling_logprobs",
        )
    }
)


@dataclass(frozen=True, slots=True)
class Missing:
    """Rows that are asked for and not written: `copied`, with the numbers of a row of the same
    prompt, and `rows`, which are to be computed; `changed` of these that a model can read were
    written before for another prompt, as where data or words changed since."""

    copied: pl.DataFrame
    rows: pl.DataFrame
    changed: int = 0


def missing_rows(asked: pl.DataFrame, written: pl.DataFrame) -> Missing:
    """What of the rows asked for, those of a table of prompts, is missing among all that a job ever
    wrote, oldest first."""
    if not written.height:
        return Missing(asked.clear(), asked)
    rows = asked.join(written, on=list(EXPECTED), how="anti", maintain_order="left")
    if not rows.height:
        return Missing(rows, rows)
    scored = written.filter(pl.col("error").is_null()).select(list(NUMBERS))
    scored = scored.unique("row_key", keep="first")
    computed = rows.join(scored, on="row_key", how="anti", maintain_order="left")
    return Missing(
        rows.join(scored, on="row_key", maintain_order="left"),
        computed,
        computed.filter(pl.col("refusal").is_null())
        .join(written, on=["decision", "presentation"], how="semi")
        .height,
    )
