"""Data frames and Parquet: the same cells whatever held them."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tremble.errors import UserError
from tremble.tabular.files.opened import open_table
from tremble.tabular.table import Cells, Reading


def read(source: object) -> dict[str, Cells]:
    table = open_table(source, Reading())
    return dict(table.read(table.names).columns)


DATA = {
    "id": [1, 2, 3],
    "x": [1.0, None, 2.0],
    "y": [1.5, 2.0, None],
    "yes": [True, False, None],
    "day": [dt.date(2026, 3, 1), None, dt.date(2026, 3, 2)],
    "note": [" a ", "", "cafe\u0301"],
}
CELLS = {
    "id": ["1", "2", "3"],
    "x": ["1", None, "2"],
    "y": ["1.5", "2", None],
    "yes": ["True", "False", None],
    "day": ["2026-03-01", None, "2026-03-02"],
    "note": ["a", None, "caf\u00e9"],
}


def test_polars() -> None:
    assert read(pl.DataFrame(DATA)) == CELLS
    assert read(pl.DataFrame(DATA).lazy()) == CELLS


def test_pandas() -> None:
    frame = pd.DataFrame(DATA)
    assert read(frame) == CELLS
    frame["day"] = pd.to_datetime(frame["day"])  # NaT
    frame["x"] = frame["x"].astype("Int64")  # NA
    frame["note"] = frame["note"].astype("category")
    assert read(frame) == CELLS


def test_what_only_pandas_has() -> None:
    index = pd.Index(["p", "q"], name="who")
    frame = pd.DataFrame(
        {("a", 1): [np.float32(0.5), np.nan], "b": [np.int64(7), "x"]}, index=index
    )
    assert read(frame) == {"who": ["p", "q"], "a.1": ["0.5", None], "b": ["7", "x"]}
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(UserError, match="the data frame has 2 columns named 'a'"):
        read(twice)


def test_nested_columns() -> None:
    frame = pl.DataFrame({"r": [{"Q0": "x", "Q1": [1, 2]}, None, {"Q0": None, "Q1": [3]}]})
    assert read(frame) == {"r.Q0": ["x", None], "r.Q1.0": ["1", "3"], "r.Q1.1": ["2", None]}


def test_anything_else_is_refused() -> None:
    with pytest.raises(UserError, match="a path or a Polars or pandas data frame, not 'dict'"):
        open_table({"a": [1]}, Reading())


def test_pandas_is_not_imported_for_polars() -> None:
    code = (
        "import sys, polars as pl\n"
        "from tremble.tabular.files.opened import open_table\n"
        "from tremble.tabular.table import Reading\n"
        "open_table(pl.DataFrame({'a': [1]}), Reading()).read(['a'])\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["a.parquet", "a[1]*.parquet", "a?.parquet"])
def test_parquet_by_any_name(tmp_path: Path, name: str) -> None:
    pl.DataFrame({"id": [99]}).write_parquet(tmp_path / "a1.parquet")  # what a pattern would find
    path = tmp_path / name
    pl.DataFrame(DATA).write_parquet(str(tmp_path / "made"))
    (tmp_path / "made").rename(path)
    assert read(path) == CELLS


def test_files_that_are_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"a\.parquet' is not a Parquet file, or is damaged; write"):
        read(tmp_path / "a.parquet")
    with pytest.raises(UserError, match="Cannot read"):
        read(tmp_path / "none.parquet")
