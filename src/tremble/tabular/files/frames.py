"""Data frames of Polars and pandas, neither of which is imported for it."""

from __future__ import annotations

from typing import Any

from tremble.errors import UserError
from tremble.tabular.files.held import Held
from tremble.tabular.files.values import Column, flattened
from tremble.tabular.table import Reading


def opened(frame: Any, how: Reading, source: str = "the data frame") -> Held:
    """As `open_table`, for a data frame; `source` names it in errors. A named index of pandas is
    a column.

    Raises UserError for anything else.
    """
    kind = type(frame).__module__.partition(".")[0]
    if kind == "polars" and hasattr(frame, "collect"):
        frame = frame.collect()
    if kind not in {"polars", "pandas"} or not hasattr(frame, "columns"):
        raise UserError(
            "A table must be a path or a Polars or pandas data frame, not "
            f"{type(frame).__name__!r}."
        )
    columns = _of_polars(frame) if kind == "polars" else _of_pandas(frame)
    spread = [column for name, values in columns for column in flattened(name, values)]
    return Held(source, spread, how, "row")


def _of_polars(frame: Any) -> list[Column]:
    return [(name, frame[name].to_list()) for name in frame.columns]


def _of_pandas(frame: Any) -> list[Column]:
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    return [
        (_name(name), frame.iloc[:, place].tolist()) for place, name in enumerate(frame.columns)
    ]


def _name(name: Any) -> str:
    return ".".join(map(str, name)) if isinstance(name, tuple) else str(name)
