"""CSV and its kin: cells compared with what was written by hand or by Python's own writer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tremble.tabular.files.opened import open_table
from tremble.tabular.table import Reading, Table


def read(path: Path, content: str | bytes, how: Reading | None = None) -> Table:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = open_table(path, how or Reading())
    return table.read(table.names)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    other = ";" if delimiter == "," else ","
    text = f'"a{other}x{other}y"{delimiter}b\n1{delimiter}"2{delimiter}5"\n'
    table = read(tmp_path / "a.csv", text)
    assert table.columns == {f"a{other}x{other}y": ["1"], "b": [f"2{delimiter}5"]}
