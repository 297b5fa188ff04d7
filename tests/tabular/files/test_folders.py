"""A folder with a file for each person, as one table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tremble.errors import UserError
from tremble.tabular.files.folders import natural
from tremble.tabular.files.opened import open_table
from tremble.tabular.table import Reading


def test_files_one_after_another(tmp_path: Path) -> None:
    (tmp_path / "p10.csv").write_text("a,c\n5,z\n")
    (tmp_path / "p2.csv").write_text("b;a\nx;1.0\n;\ny;2.0\n")
    (tmp_path / "p1.csv").write_text("a\n")
    for name in ("notes.txt", "p1.log", ".hidden.csv", "~$p1.csv"):
        (tmp_path / name).write_text("nothing")
    table = open_table(tmp_path, Reading())
    assert list(table.names) == ["a", "b", "c"] and table.notes == []
    read = table.read(["c", "a"])
    assert read.columns == {"c": [None, None, "z"], "a": ["1", "2", "5"]}
    files = [(Path(path).name, count) for path, count in read.sources]
    assert files == [("p1.csv", 0), ("p2.csv", 2), ("p10.csv", 1)]
    assert read.place(1).endswith("p2.csv, line 4") and read.place(2).endswith("p10.csv, line 2")


def test_whole_numbers_agree_between_files(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1.0,1.0\n2.0,2\n")
    (tmp_path / "2.csv").write_text("a,b\n1.0,x\n2.5,3.0\n")
    read = open_table(tmp_path, Reading()).read(["a", "b"])
    assert read.columns == {"a": ["1", "2", "1", "2.5"], "b": ["1", "2", "x", "3.0"]}


def test_kinds(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "b.json").write_text('[{"a":2}]')
    with pytest.raises(UserError, match=r"as many \.\w+ files as \.\w+ files; put the ones"):
        open_table(tmp_path, Reading())
    (tmp_path / "c.json").write_text('[{"a":3}]')
    table = open_table(tmp_path, Reading())
    assert table.read(["a"]).columns == {"a": ["2", "3"]}
    assert table.notes[0].endswith("also has 1 file of other kinds, which are ignored.")


def test_a_folder_without_tables(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("x")
    with pytest.raises(UserError, match=r"contains no tables, such as \.csv or \.json; give the"):
        open_table(tmp_path, Reading())


def test_faults_name_their_file(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text("a,b\n1,2,3\n")
    with pytest.raises(UserError, match=r"2\.csv, line 2: this row has 3 cells"):
        open_table(tmp_path, Reading()).read(["a"])
    with pytest.raises(UserError, match=r"has no column 'c'; choose from: a, b\."):
        open_table(tmp_path, Reading()).read(["c"])


def test_the_order_is_that_in_which_people_count() -> None:
    names = ["p10.csv", "p2.csv", "P1.csv", "10.csv", "9.csv", "a.csv"]
    ordered = sorted(map(Path, names), key=natural)
    assert [path.name for path in ordered] == [
        "9.csv", "10.csv", "a.csv", "P1.csv", "p2.csv", "p10.csv",
    ]  # fmt: skip
