"""The contrasts of a study, held against its data and its prompts before anything is scored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from tremble.errors import UserError
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.shared_prompts import FIRST, Prompts
from tremble.stats.tables.contrasts import refuse_unreached, treated
from tremble.study.cells import Cell
from tremble.study.decision_frame import DecisionFrames
from tremble.study.file import Study
from tremble.study.prompt_table import PromptTable


class AskedContrasts:
    """The contrasts of a study. Raises UserError, which names the study file, for one that the
    data cannot have (`treated`)."""

    def __init__(self, study: Study, frames: DecisionFrames) -> None:
        decisions = pl.concat([frames[entry] for entry in frames])
        try:
            self._families = treated(Evidence(decisions), study.contrasts)
        except UserError as error:
            raise UserError(_placed(str(error), study.file)) from error

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


def _placed(sentence: str, file: str) -> str:
    """The sentence with the place of the contrasts before it; not every study has a file."""
    if not file:
        return sentence
    for first in ("No decision", "The contrast"):
        if sentence.startswith(first):
            sentence = sentence[0].lower() + sentence[1:]
    return f"{file}, [[contrast]]: {sentence}"
