"""Spreadsheets: cells compared with what openpyxl was given."""

from __future__ import annotations

import datetime as dt
import sys
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tremble.errors import MissingExtra, UserError
from tremble.tabular.files.opened import open_table
from tremble.tabular.table import Reading


def book(path: Path, **sheets: list[list[Any]]) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row, values in enumerate(rows, 1):
            for column, value in enumerate(values, 1):
                if value is not None:
                    sheet.cell(row, column, value)
    made.save(path)
    return path


DATA: list[list[Any]] = [
    [None, None, None, None, None, None],
    [None, "id", "day", "moment", "yes", "x ", "note"],
    [None, 1, dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, 9, 5, 7), True, 1.5, " a\u00a0"],
    [None] * 6,
    [None, 2.0, None, dt.time(10, 5), False, 0.1, "cafe\u0301"],
    [None, 12345678901, None, None, None, -3, "007"],
]


def test_cells_rows_and_names(tmp_path: Path) -> None:
    table = open_table(book(tmp_path / "a.xlsx", Data=DATA, Other=[["q"], [1]]), Reading())
    assert table.names == ["id", "day", "moment", "yes", "x", "note"]
    read = table.read(table.names)
    assert read.columns == {
        "id": ["1", "2", "12345678901"],
        "day": ["2026-03-01", None, None],
        "moment": ["2026-03-01 09:05:07", "10:05:00", None],
        "yes": ["True", "False", None],
        "x": ["1.5", "0.1", "-3"],
        "note": ["a", "caf\u00e9", "007"],
    }
    assert list(read.rows) == [3, 5, 6] and read.unit == "row"
    assert read.place(1).endswith("a.xlsx, row 5")


def test_a_sheet_by_its_name(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", Data=DATA, Other=[["q"], [1]])
    assert open_table(path, Reading(sheet="Other")).read(["q"]).columns == {"q": ["1"]}
    with pytest.raises(UserError, match=r"a\.xlsx has no sheet 'Othr'; did you mean 'Other'\?"):
        open_table(path, Reading(sheet="Othr"))
    with pytest.raises(UserError, match=r"no sheet 'zzz'; choose from: Data, Other\."):
        open_table(path, Reading(sheet="zzz"))


def test_header_rows(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["id", "a"], ["Number", "Accepted?"], [1, 2], [3, 4]]
    path = book(tmp_path / "a.xlsx", S=rows)
    table = open_table(path, Reading(header_rows=2))
    assert table.read(["a"]).columns == {"a": ["2", "4"]}
    assert table.questions == {"id": "Number", "a": "Accepted?"}
    assert "row 2, looks like a second header row" in open_table(path, Reading()).notes[0]
    qualtrics: list[list[Any]] = [
        ["StartDate", "ResponseId", "Q1"],
        ["Start Date", "Response ID", "Do you?"],
        [dt.datetime(2026, 3, 1, 10), "R_1", "yes"],
    ]
    table = open_table(book(tmp_path / "b.xlsx", S=qualtrics), Reading())
    assert table.read(["Q1"]).columns == {"Q1": ["yes"]}
    assert table.questions["Q1"] == "Do you?"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    def said(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError) as caught:
            open_table(tmp_path / name, Reading())
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(f"{tmp_path}/", "")

    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    locked = ole + "EncryptedPackage".encode("utf-16-le") + bytes(100)
    sentence = "is protected by a password; save it without a password."
    assert said("a.xlsx", locked) == f"'a.xlsx' {sentence}"
    assert said("b.xls", locked) == f"'b.xls' {sentence}"
    assert said("c.xls", b"<html><table>").startswith("'c.xls' contains a web page, not .xlsx;")
    assert said("d.xlsx", b"a,b\n1,2\n").startswith(
        "'d.xlsx' is not a spreadsheet, or is damaged ("
    )
    assert said("e.xlsx", b"PK\x03\x04cut").startswith(
        "'e.xlsx' is not a spreadsheet, or is damaged"
    )
    book(tmp_path / "f.xlsx", S=[])
    assert said("f.xlsx", (tmp_path / "f.xlsx").read_bytes()) == (
        "f.xlsx is empty; export the table again."
    )
    book(tmp_path / "g.xlsx", S=[["a", "a"], [1, 2]])
    with pytest.raises(UserError, match="has 2 columns named 'a'"):
        open_table(tmp_path / "g.xlsx", Reading()).read(["a"])


ODS = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" office:version="1.2">
<office:body><office:spreadsheet><table:table table:name="S">{rows}</table:table>
</office:spreadsheet></office:body></office:document-content>"""


def test_open_document(tmp_path: Path) -> None:
    def text(value: str) -> str:
        kind = 'office:value-type="string"'
        return f"<table:table-cell {kind}><text:p>{value}</text:p></table:table-cell>"

    number = (
        '<table:table-cell office:value-type="float" office:value="7"><text:p>7</text:p>'
        "</table:table-cell>"
    )
    rows = [text("id") + text("choice"), number + text("accept")]
    content = ODS.format(rows="".join(f"<table:table-row>{row}</table:table-row>" for row in rows))
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr("content.xml", content)
        packed.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
            "/>",
        )
    table = open_table(tmp_path / "a.ods", Reading())
    assert table.read(table.names).columns == {"id": ["7"], "choice": ["accept"]}


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(tmp_path / "a.xlsx", S=[["a"], [1]])
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    with pytest.raises(MissingExtra, match=r'pip install "tremble\[tables\]"'):
        open_table(path, Reading())
