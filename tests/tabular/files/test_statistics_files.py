"""SPSS and Stata: cells compared with what pyreadstat was given to write."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from tremble.errors import MissingExtra, UserError
from tremble.tabular.files.opened import open_table
from tremble.tabular.table import Reading

NAN = float("nan")
FRAME = pd.DataFrame(
    {
        "id": [1.0, 2, 3, 4],
        "choice": [1.0, 2, -99, NAN],
        "sex": ["m", "f", "", "m"],
        "x": [1.5, NAN, 2.0, 1e-7],
        "day": [dt.date(2026, 3, 1), None, dt.date(1999, 12, 31), None],
        "moment": [dt.datetime(2026, 3, 1, 9, 5, 7), None, None, None],
        "note": ["", " caf\u00e9 ", "", "b"],
    }
)
LABELS = {"choice": {1: "accept", 2: "reject", -99: "no answer"}, "sex": {"m": "male"}}
TEXTS = {"choice": "Do you accept?"}


def written(path: Path) -> Path:
    if path.suffix == ".dta":
        pyreadstat.write_dta(
            FRAME, path, column_labels=TEXTS, variable_value_labels={"choice": LABELS["choice"]}
        )
    else:
        pyreadstat.write_sav(
            FRAME,
            path,
            compress=path.suffix == ".zsav",
            column_labels=TEXTS,
            variable_value_labels=LABELS,
            missing_ranges={"choice": [-99]},
        )
    return path


@pytest.mark.parametrize("name", ["a.sav", "a.zsav", "a.SAV"])
def test_spss(tmp_path: Path, name: str) -> None:
    table = open_table(written(tmp_path / name), Reading())
    read = table.read(table.names)
    assert read.columns == {
        "id": ["1", "2", "3", "4"],
        "choice": ["accept", "reject", None, None],
        "sex": ["male", "f", None, "male"],
        "x": ["1.5", None, "2", "1e-07"],
        "day": ["2026-03-01", None, "1999-12-31", None],
        "moment": ["2026-03-01 09:05:07", None, None, None],
        "note": [None, "caf\u00e9", None, "b"],
    }
    assert read.questions == {"choice": "Do you accept?"}
    assert read.place(2).endswith(f"{name}, case 3")


@pytest.mark.parametrize("name", ["a.sav", "a.dta"])
def test_codes_of_one_label_are_noted_where_they_are_read(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"c": [1, 2, 3, 1], "k": [1, 2, 5, 5], "z": [1, 1, 2, 2]})
    labels = {"c": {1: "yes", 2: "no", 3: "yes"}, "k": {1: "low", 2: "low"}, "z": {1: "2", 9: "2"}}
    write = pyreadstat.write_dta if name == "a.dta" else pyreadstat.write_sav
    for file in (tmp_path / name, tmp_path / f"b{name}"):
        write(frame, file, variable_value_labels=labels)
    end = "and count as one value; codes = true under [file] keeps them apart"
    for source in (tmp_path / name, tmp_path):
        table = open_table(source, Reading())
        assert list(table.read(["c", "z"]).columns["c"][:4]) == ["yes", "no", "yes", "yes"]
        assert table.notes == [
            f"the codes 1, 3 of 'c' all have the label 'yes' {end}",
            f"the codes 1, 2 of 'z' all have the label '2' {end}",
        ]
        apart = open_table(source, Reading(codes=True))
        apart.read(["c", "k", "z"])
        assert not apart.notes


def test_codes_in_place_of_labels(tmp_path: Path) -> None:
    table = open_table(written(tmp_path / "a.sav"), Reading(codes=True))
    columns = table.read(["choice", "sex"]).columns
    assert columns == {"choice": ["1", "2", None, None], "sex": ["m", "f", None, "m"]}


def test_stata(tmp_path: Path) -> None:
    table = open_table(written(tmp_path / "a.dta"), Reading())
    read = table.read(["choice", "x", "day", "note"])
    assert read.columns == {
        "choice": ["accept", "reject", "no answer", None],
        "x": ["1.5", None, "2", "1e-07"],
        "day": ["2026-03-01", None, "1999-12-31", None],
        "note": [None, "caf\u00e9", None, "b"],
    }
    assert read.questions == {"choice": "Do you accept?"}


def test_portable_files(tmp_path: Path) -> None:
    pyreadstat.write_por(FRAME[["id", "choice"]], tmp_path / "a.por")
    table = open_table(tmp_path / "a.por", Reading())
    assert table.read(["CHOICE"]).columns == {"CHOICE": ["1", "2", "-99", None]}


def test_a_day_that_no_calendar_has(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": [1.0, 2.0], "day": [1e15, 86400.0]})
    pyreadstat.write_sav(frame, tmp_path / "a.sav", variable_format={"day": "DATE11"})
    table = open_table(tmp_path / "a.sav", Reading())
    read = table.read(["id", "day"])
    assert read.columns == {"id": ["1", "2"], "day": ["1000000000000000", "86400"]}


@pytest.mark.parametrize("name", ["a.sav", "a.dta", "a.por", "a.zsav"])
def test_files_that_are_none(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("id,choice\n1,2\n")
    program = "Stata" if name == "a.dta" else "SPSS"
    with pytest.raises(UserError, match=rf"{name}' is not a valid {program} file, or is d") as said:
        open_table(tmp_path / name, Reading())
    assert "\n" not in str(said.value)


def test_files_of_the_other_program(tmp_path: Path) -> None:
    content = written(tmp_path / "a.sav").read_bytes()
    (tmp_path / "b.dta").write_bytes(content)
    with pytest.raises(UserError, match=r"b\.dta' seems to be an SPSS file \(by its first"):
        open_table(tmp_path / "b.dta", Reading())
    (tmp_path / "cut.sav").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"cut\.sav' is not a valid SPSS file, or is damaged"):
        open_table(tmp_path / "cut.sav", Reading())


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.sav")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(MissingExtra, match=r'pip install "tremble\[tables\]"'):
        open_table(path, Reading())
