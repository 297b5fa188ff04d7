"""The contrasts of a study, held against its data and its prompts before anything is scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
        self._file = study.file
        with self._placed():
            self._families = treated(Evidence(decisions), study.contrasts)

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
        with self._placed():
            refuse_unreached(checked, every=True)

    @contextmanager
    def _placed(self) -> Iterator[None]:
        """Has the sentence of a UserError begin with the place of the contrasts."""
        try:
            yield
        except UserError as error:
            raise UserError(_placed(str(error), self._file)) from error


def _placed(sentence: str, file: str) -> str:
    """The sentence behind the file and table that it is about; a Study may have no file."""
    if not file:
        return sentence
    for first in ("No decision", "The contrast"):
        if sentence.startswith(first):
            sentence = sentence[0].lower() + sentence[1:]
    return f"{file}, [[contrast]]: {sentence}"
