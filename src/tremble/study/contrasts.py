"""The contrasts of a study, held against its data and its prompts before anything is scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import polars as pl

from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.shared_prompts import FIRST, Prompts
from tremble.stats.frames.treatments import Contrast
from tremble.stats.tables.contrasts import refuse_unreached, treated
from tremble.study.cells import Cell
from tremble.study.decision_frame import DecisionFrames
from tremble.study.prompt_table import PromptTable


class AskedContrasts:
    """The contrasts of a study. Raises UserError for one that the data cannot have (`treated`)."""

    def __init__(self, contrasts: Sequence[Contrast], frames: DecisionFrames) -> None:
        decisions = pl.concat([frames[entry] for entry in frames])
        self._families = treated(Evidence(decisions), contrasts)

    def check(self, tables: Iterable[tuple[Cell, PromptTable]]) -> None:
        """Raises UserError for a contrast whose arms give a model the same prompts; `tables` are
        the prompts of a study's cells, of which those of one model in each wording are read."""
        first: dict[str, tuple[object, str]] = {}
        rows = []
        for cell, table in tables:
            run = cell.model, cell.format
            if cell.asked.beside is None and first.setdefault(cell.formulation, run) == run:
                rows.append(
                    table.rows()
                    .filter(FIRST & pl.col("refusal").is_null())  # the others have no prompt
                    .select("decision", "row_key", formulation=pl.lit(cell.formulation, pl.String))
                )
        if not rows:
            return
        whole = pl.concat(rows)
        checked = []
        for family in self._families:
            prompts = Prompts(family.design.responses.names, whole)
            checked.append(replace(family, shared=[prompts.shared(one) for one in family.arms]))
        refuse_unreached(checked, every=True)
