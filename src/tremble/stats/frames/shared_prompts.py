"""Which prompts two arms of a contrast share: what a treatment does not reach, it cannot change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tremble.stats.frames.comparisons import format_column
from tremble.stats.frames.contexts import contexts
from tremble.stats.frames.treatments import Arms
from tremble.tokenization.refusal import NOT_APPLICABLE

# From this share of an arm's prompts that the other arm has as well, a contrast is refused.
MOST_SHARED = 0.5
# One presentation of each: every further one is a prompt more of the same decision.
FIRST = pl.col("presentation") == 0


@dataclass(frozen=True, slots=True)
class Shared:
    """Two arms that differ by `key` alone: of `prompts` distinct ones of the arm that has more in
    common, `both` stand in the other arm, too."""

    key: str
    both: int
    prompts: int

    @property
    def too_many(self) -> bool:
        return self.both >= MOST_SHARED * self.prompts > 0


class Prompts:
    """The prompts of some decisions, of one run of each wording.

    `names` (D): the decisions; `rows`: decision, row_key and formulation, of whatever decisions.
    """

    def __init__(self, names: pl.Series, rows: pl.DataFrame) -> None:
        numbered = pl.DataFrame({"decision": names}).with_row_index("d")
        held = rows.drop_nulls("row_key").join(numbered, on="decision")
        self._parts = [
            (
                part["d"].to_numpy(),
                (part["row_key"].rank("dense") - 1).cast(pl.Int64).to_numpy(),
            )
            for part in held.partition_by("formulation", maintain_order=True)
        ]

    def shared(self, arms: Arms) -> Shared | None:
        """What the two arms with the most prompts in common share; None where none share any."""
        found: list[Shared] = []
        for d, code in self._parts:
            arm = arms.arm[d]
            held = [np.unique(code[arm == number]) for number in range(len(arms.coefficients))]
            for one, other, key in arms.pairs:
                fewest = min(len(held[one]), len(held[other]))
                both = len(np.intersect1d(held[one], held[other], assume_unique=True))
                if both:
                    found.append(Shared(key, both, fewest))
        return max(found, key=lambda one: one.both / one.prompts, default=None)


def prompt_rows(scores: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, row_key and formulation, of the first presentation of each decision, of each
    wording those of the run with the most rows.

    Without `row_key` in the scores what the person saw stands for the prompt (`contexts`).
    """
    if "row_key" not in scores or not scores.height:
        return contexts(decisions).select(
            "decision",
            row_key=pl.col("context").cast(pl.String),
            formulation=pl.lit("", pl.String),
        )
    made = scores
    if "error_kind" in scores:  # what is not applicable has no prompt: all of it has one key
        made = scores.filter(~pl.col("error_kind").is_in(NOT_APPLICABLE).fill_null(False))
    rows = made.filter(FIRST).select("decision", "row_key", "formulation", "model", format_column())
    run = ["formulation", "model", "format"]
    most = (
        rows.group_by(run, maintain_order=True)
        .len()
        .sort("len", descending=True, maintain_order=True)
        .unique("formulation", keep="first", maintain_order=True)
    )
    return rows.join(most, on=run, how="semi").select("decision", "row_key", "formulation")
