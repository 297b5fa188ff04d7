"""The rows of a job as they are stored: what they are of, beside the scores of their prompts."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tremble.models.spec import model_name
from tremble.store.job_folder import JobFolder
from tremble.store.schemas import DIVERGENCE, SCORES
from tremble.study.columns import number_lists
from tremble.study.jobs import Job
from tremble.study.missing import NUMBERS

_COLUMNS = pl.Schema({**NUMBERS, **DIVERGENCE})
_PACKED = 4096  # scores that are Python objects at a time


def stored_rows(job: Job, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a job's prompts, with all else that is stored in a score beside them."""
    cell = job.cell
    return rows.with_columns(
        pl.lit(value, pl.String).alias(name)
        for name, value in {
            "model": model_name(cell.model),
            "format": cell.format,
            "template": cell.template.source if cell.template is not None else None,
            "formulation": cell.formulation,
        }.items()
    ).select(list(SCORES))


class ScoreParts:
    """Scores of prompts on their way to disk, each for every row that shows its prompt.

    `rows` are those of a job's prompts; `prompts` the numbers of the distinct ones (by row key), in
    the order of their first rows. A score goes by its place among these.
    """

    def __init__(self, job: Job, folder: JobFolder, rows: pl.DataFrame) -> None:
        self._job, self._folder = job, folder
        is_first = rows["row_key"].is_first_distinct()
        self.prompts = rows["prompt"].filter(is_first)
        self._rows = rows.select(name for name in SCORES if name in rows.columns)
        # The rows of prompt i are `order[starts[i]:starts[i + 1]]`; without these, i itself.
        self._order = self._starts = None
        if len(self.prompts) < rows.height:
            keys = rows.select("row_key")
            numbered = keys.filter(is_first).with_row_index("place")
            places = keys.join(numbered, on="row_key", how="left", maintain_order="left")["place"]
            self._order = np.argsort(places.to_numpy(), kind="stable").astype(np.uint32)
            counts = np.bincount(places.to_numpy(), minlength=len(self.prompts))
            self._starts = np.concatenate(([0], np.cumsum(counts)))
        self._waiting: list[tuple[int, dict[str, Any]]] = []
        self._packed: list[pl.DataFrame] = []

    def add(self, place: int, numbers: dict[str, Any]) -> None:
        """One more score: what of `NUMBERS` and `DIVERGENCE` it has."""
        self._waiting.append((place, numbers))
        if len(self._waiting) >= _PACKED:
            self._pack()

    def write(self) -> None:
        """Writes a part of all scores since the last one; none where there are none."""
        self._pack()
        if self._packed:
            numbers = pl.concat(self._packed)
            self._packed = []
            shown = numbers.drop_in_place("place").to_numpy()
            if self._order is not None and self._starts is not None:
                counts = np.diff(self._starts)[shown]
                ends = np.cumsum(counts)
                within = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
                numbers = numbers[np.repeat(np.arange(len(shown)), counts)]
                shown = self._order[np.repeat(self._starts[shown], counts) + within]
            rows = self._rows[shown].hstack(numbers)
            told = [name for name in DIVERGENCE if rows[name].null_count() < rows.height]
            self._folder.append(stored_rows(self._job, rows).hstack(rows.select(told)))

    def _pack(self) -> None:
        if self._waiting:
            columns = {
                name: _column(name, [numbers.get(name) for _, numbers in self._waiting])
                for name in _COLUMNS
                if name != "row_key"
            }
            places = pl.Series([place for place, _ in self._waiting], dtype=pl.UInt32)
            self._packed.append(pl.DataFrame({"place": places, **columns}))
            self._waiting = []


def _column(name: str, values: list[Any]) -> pl.Series:
    if _COLUMNS[name].is_nested():
        return number_lists(values)
    return pl.Series(values, dtype=_COLUMNS[name])
