"""Before anything is spent: what people did, and every prompt of a study as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import polars as pl

from tremble.errors import UserError
from tremble.models.open import Opened
from tremble.models.spec import ModelSpec
from tremble.study.cells import Cell, Facts, cells, prompts_key, reading_of
from tremble.study.data import data_fingerprint, decisions_of
from tremble.study.decision_frame import decision_frame
from tremble.study.file import Study
from tremble.study.progress import Progress
from tremble.study.prompt_cache import PromptCache
from tremble.study.prompt_table import PromptTable
from tremble.study.render import render
from tremble.study.selection import check_families, of_families, selected


class Preflight:
    """The cells of a study (`cells`), what people did by entry of `data` (`frames`), and the tables
    of prompts, each made when it is asked for and not in `cache`; `keys` are those of the tables
    that were asked for.

    Raises UserError for faults of the data and of what is selected.
    """

    def __init__(
        self,
        study: Study,
        facts: Mapping[ModelSpec, Facts],
        opened: Callable[[ModelSpec], Opened],
        cache: PromptCache,
        progress: Progress,
    ) -> None:
        self.study, self.cache, self.progress = study, cache, progress
        self._facts, self._opened = facts, opened
        self._prints = {entry: data_fingerprint(entry, study.folder) for entry in study.data}
        self.frames = read_data(study)
        self.keys: dict[Cell, str] = {}
        self.cells = selected(study, cells(study, facts), self.frames)

    def decisions(self, cell: Cell) -> pl.DataFrame:
        """What people did in the decisions of a cell."""
        frame = self.frames[cell.dataset]
        if cell.families is None:
            return frame
        return frame.filter(pl.col("family").is_in(cell.families))

    def prompts(self, found: Iterable[Cell]) -> int:
        """How many prompts some cells have, one for each decision and presentation."""
        return sum(int(self.decisions(cell)["presentations"].sum()) for cell in found)

    def table(self, cell: Cell) -> PromptTable:
        """The prompts of a cell; `progress` is told of as many as it has, whatever comes of them.

        Raises UserError for the first decision that cannot be read or tokenised.
        """
        facts, left = self._facts[cell.model], self.prompts([cell])
        key = prompts_key(self.study, cell, facts, self._prints[cell.dataset])

        def told(prompts: int) -> None:
            nonlocal left
            left -= prompts
            self.progress.advance(prompts)

        try:
            if not self.cache.has(key):
                tokenizer = self._opened(cell.model).tokenizer
                self.cache.add(key, render(self.study, cell, tokenizer, told))
        finally:
            self.progress.advance(left)
        self.keys[cell] = key
        return self.cache.table(key, reading_of(self.study, cell.formulation))

    def check_data(self) -> None:
        """Raises UserError where data changed since they were first read."""
        for entry, before in self._prints.items():
            if data_fingerprint(entry, self.study.folder) != before:
                raise UserError(f"The data {entry!r} changed while they were read; run it again.")


def read_data(study: Study) -> dict[str, pl.DataFrame]:
    """What people did, by entry of `data`, in the families asked for. Raises UserError for empty
    data, for equal ids and for families that are not there."""
    frames: dict[str, pl.DataFrame] = {}
    families: dict[str, dict[str, None]] = {entry: {} for entry in study.data}
    for entry in study.data:
        decisions = of_families(study, decisions_of(study, entry), families[entry])
        frame = frames[entry] = decision_frame(decisions, study.counterbalance)
        if not families[entry]:
            raise UserError(f"The data {entry!r} hold no decisions; name a file that has some.")
        for where, earlier in frames.items():
            twice = frame.join(earlier, on="decision", how="semi", maintain_order="left")
            if where != entry and twice.height:
                raise UserError(
                    f"The id {twice['decision'][0]!r} stands in {where!r} and in {entry!r}; "
                    "give every decision of a study its own id."
                )
    check_families(study, families)
    return frames
