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
            "response_logprob",
            "closing_logprob",
            "response_tokens",
            "response_likeliest",
        )
    }
)
# What a row says of its decision beside its prompt, as one number.
_SAID = (
    pl.concat_str(
        pl.col("dataset", "family"),
        pl.col("keys").list.join("\0"),
        separator="\0",
        ignore_nulls=True,
    )
    .hash()
    .alias("said")
)


@dataclass(frozen=True, slots=True)
class Missing:
    """Rows that are asked for and not written: `copied`, with the numbers of a row of the same
    prompt, and `rows`, which are to be computed; so many prompts that a model can read are
    `changed`: written before for the same decision in other words or with other data."""

    copied: pl.DataFrame
    rows: pl.DataFrame
    changed: int = 0


def missing_rows(asked: pl.DataFrame, written: pl.DataFrame) -> Missing:
    """What of the rows asked for, those of a table of prompts, is missing among all that a job ever
    wrote, oldest first.

    The last row written of a decision and its prompt is the one in force. Where it says other keys
    of the options than the data now have, or another family or data set, the same numbers are
    written again under today's: whatever a file calls an option, its probability is that of its
    label.
    """
    if not written.height:
        return Missing(asked.clear(), asked)
    in_force = written.select(*EXPECTED, _SAID).unique(list(EXPECTED), keep="last")
    rows = asked.with_columns(_SAID).join(
        in_force, on=[*EXPECTED, "said"], how="anti", maintain_order="left"
    )
    rows = rows.drop("said")
    if not rows.height:
        return Missing(rows, rows)
    scored = written.filter(pl.col("error").is_null()).select(list(NUMBERS))
    scored = scored.unique("row_key", keep="first")
    computed = rows.join(scored, on="row_key", how="anti", maintain_order="left")
    changed = (
        computed.filter(pl.col("refusal").is_null())
        .join(written, on=["decision", "presentation"], how="semi")
        .join(written, on=list(EXPECTED), how="anti")
    )
    return Missing(
        rows.join(scored, on="row_key", maintain_order="left"),
        computed,
        changed["row_key"].n_unique(),
    )
