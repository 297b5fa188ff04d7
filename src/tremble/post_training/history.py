"""What every step of a training said: a table beside the checkpoints of each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from tremble.disk.tables import read_table, write_table

_NAME = "steps.parquet"
_MEASURES = ("loss", "gradient", "learning_rate", "accuracy", "margin", "chosen", "rejected")
_COLUMNS = {
    "stage": pl.String,
    "run": pl.String,
    "step": pl.Int64,
    **dict.fromkeys(_MEASURES, pl.Float64),
}


def write_history(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """The measures of each step, in order, into the folder of a run."""
    rows = [{"step": number, **one} for number, one in enumerate(history, 1)]
    write_table(folder / _NAME, pl.DataFrame(rows, infer_schema_length=None))


def read_histories(places: Sequence[tuple[str, str, Path]]) -> pl.DataFrame:
    """All steps of the runs at `places` (stage, run, folder), a row each: stage, run ("" where
    there is one), step, loss, gradient, learning_rate, accuracy, margin, chosen, rejected; of a
    stage of demonstrations the last four are missing."""
    frames = [
        read_table(folder / _NAME).with_columns(stage=pl.lit(stage), run=pl.lit(run))
        for stage, run, folder in places
    ]
    empty = pl.DataFrame(schema=_COLUMNS)
    return pl.concat([empty, *(one.select(*_known(one)) for one in frames)], how="diagonal")


def _known(frame: pl.DataFrame) -> list[pl.Expr]:
    """The columns that are there, of their kinds."""
    return [pl.col(name).cast(kind) for name, kind in _COLUMNS.items() if name in frame.columns]
