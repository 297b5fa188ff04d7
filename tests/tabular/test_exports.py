"""Exports of survey tools (exports/README.md): every cell, against readers of other hands, and the
decisions that whoever made them wrote down."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tremble.errors import UserError
from tremble.tabular.files.opened import open_table
from tremble.tabular.table import Cells, Reading

EXPORTS = Path(__file__).parent / "exports"
Rows = list[dict[str, str | None]]


def read(name: str, **how: Any) -> Rows:
    table = open_table(EXPORTS / name, Reading(**how))
    columns: Mapping[str, Cells] = table.read(table.names).columns
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def plain(text: str | None) -> str | None:
    """A cell with whole numbers as the export's own writer may not have them: 7.0 is 7."""
    text = "space" if text == " " else (text or "").strip()  # jsPsych's key
    return (text[:-2] if text.endswith(".0") else text) or None


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding", "header"),
    [
        ("otree/all_apps_wide.csv", ",", "utf-8", 1),
        ("otree/ultimatum.csv", ",", "utf-8", 1),
        ("otree/about.csv", ",", "utf-8", 1),
        ("jspsych/people_csv/s101.csv", ",", "utf-8", 1),
        ("psychopy/data/004_choices.csv", ",", "utf-8-sig", 1),
        ("qualtrics/answers.csv", ",", "utf-8-sig", 3),
        ("qualtrics/answers_values.tsv", "\t", "utf-16", 3),
        ("sosci/data.csv", "\t", "utf-16", 2),
        ("sosci/data_excel.csv", ";", "cp1252", 1),
        ("r/write_csv.csv", ",", "utf-8", 1),
        ("r/write_csv2.csv", ";", "utf-8", 1),
        ("r/write_csv2_cp1252.csv", ";", "cp1252", 1),
        ("pandas/to_csv.csv", ",", "utf-8", 1),
    ],
)
def test_every_cell(name: str, delimiter: str, encoding: str, header: int) -> None:
    with (EXPORTS / name).open(encoding=encoding, newline="") as file:
        names, *rows = csv.reader(file, delimiter=delimiter)
    how = {"header_rows": header} if "sosci" in name else {}
    got = read(name, encoding="cp1252" if encoding == "cp1252" else None, **how)
    assert len(got) == len(rows) - header + 1
    for mine, row in zip(got, rows[header - 1 :], strict=True):
        assert list(mine) == [text for text in names if text]
        for key, text in zip(names, row, strict=True):
            if key:
                assert plain(mine[key]) == plain(text)


def test_every_cell_of_a_spreadsheet() -> None:
    sheet = openpyxl.load_workbook(EXPORTS / "qualtrics" / "answers.xlsx").active
    names, _, *rows = sheet.iter_rows(values_only=True)
    expected = [dict(zip(names, row, strict=True)) for row in rows]
    assert read("qualtrics/answers.xlsx") == expected == read("qualtrics/answers.csv")


@pytest.mark.parametrize("name", ["old.xls", "open.ods"])
def test_spreadsheets_of_other_programs(name: str) -> None:
    assert read(f"excel/{name}") == [
        {"id": "1", "day": "2026-03-01", "yes": "True", "share": "0.25", "choice": "accept"},
        {"id": "2", "day": "2026-03-02", "yes": "False", "share": "3", "choice": "r\u00e9ject"},
    ]


def test_a_spreadsheet_with_a_password() -> None:
    with pytest.raises(
        UserError, match=r"locked\.xlsx' is protected by a password; save it without"
    ):
        read("excel/locked.xlsx")


def test_qualtrics_has_questions() -> None:
    for name in ("answers.csv", "answers_values.tsv", "answers.xlsx"):
        table = open_table(EXPORTS / "qualtrics" / name, Reading())
        question = "A disease threatens 600 people.\nWhich program do you choose?"
        assert table.questions["Q2"] == question


def test_json_of_jspsych_has_what_its_csv_has() -> None:
    people = read("jspsych/people")
    assert people == read("jspsych/all.jsonl") == read("jspsych/joined.json")
    nested = {"response", "rt_key_duration", "response_index", "question_order"}
    for mine, other in zip(people, read("jspsych/people_csv"), strict=True):
        assert all(mine[key] == other[key] for key in other if key not in nested)
        shown = other["response"]
        if shown and shown.startswith("{"):
            held = {key: str(value) for key, value in json.loads(shown).items()}
            assert {key: mine[f"response.{key}"] for key in held} == held
        else:
            assert mine["response"] == shown


def otree(row: dict[str, str | None]) -> Any:
    for number in "123":
        outcome = row[f"ultimatum.{number}.player.accepted"]
        frame = row[f"ultimatum.{number}.player.frame"]
        stakes = int(row["session.config.stakes"] or "")
        yield row["participant.code"], int(number), {"stakes": stakes, "frame": frame}, outcome


def jspsych(row: dict[str, str | None]) -> Any:
    if row["task"] == "choice":
        yield row["subject"], int(row["round"] or ""), row["frame"], row["response"]


def psychopy(row: dict[str, str | None]) -> Any:
    if row["trials.thisN"]:
        key = row["key_resp.keys"]  # "None" where there was no response
        yield row["participant"], int(row["trials.thisN"]), row["frame"], (key, None)[key == "None"]


def qualtrics(row: dict[str, str | None]) -> Any:
    if (row["Status"], row["Finished"], row["Q3"]) == ("IP Address", "True", "Often"):
        yield row["ResponseId"], None, row["condition"], row["Q2"]


def sosci(row: dict[str, str | None]) -> Any:
    if (row["MODE"], row["FINISHED"]) == ("interview", "1"):
        for number, name in ((1, "A101"), (2, "A102")):
            yield row["CASE"], number, row["RG01"], row[name] if row[name] != "-9" else None


def spss(row: dict[str, str | None]) -> Any:
    yield row["id"], None, row["cond"], row["choice"]


def frame(row: dict[str, str | None]) -> Any:
    yield row["id"], None, row["frame"], row["choice"] if row["choice"] != "NA" else None


@pytest.mark.parametrize(
    ("name", "decisions", "how"),
    [
        ("otree/all_apps_wide.csv", otree, {}),
        ("jspsych/people", jspsych, {}),
        ("jspsych/people_csv", jspsych, {}),
        ("psychopy/data", psychopy, {}),
        ("qualtrics/answers.csv", qualtrics, {}),
        ("qualtrics/answers.xlsx", qualtrics, {}),
        ("sosci/data.csv", sosci, {"header_rows": 2}),
        ("sosci/data_excel.csv", sosci, {"encoding": "cp1252"}),
        ("spss/study.sav", spss, {}),
        ("spss/study.dta", spss, {}),
        ("r/write_csv.csv", frame, {}),
        ("r/write_csv2.csv", frame, {}),
        ("pandas/to_csv.csv", frame, {}),
        ("pandas/to_json.json", frame, {}),
        ("pandas/records.json", frame, {}),
    ],
)
def test_decisions(
    name: str, decisions: Callable[[dict[str, str | None]], Any], how: dict[str, Any]
) -> None:
    written = json.loads((EXPORTS / name.partition("/")[0] / "decisions.json").read_text("utf-8"))
    found = [one for row in read(name, **how) for one in decisions(row) if one[3] is not None]
    expected = [
        (one["participant"], one["round"], one["condition"], one["outcome"]) for one in written
    ]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def test_what_write_table_escapes_is_refused() -> None:
    with pytest.raises(UserError, match=r"write_table\.txt, line 4: a quoted cell that begins in"):
        read("r/write_table.txt")


def test_exports_are_small_and_explained() -> None:
    told = (EXPORTS / "README.md").read_text("utf-8")
    for path in EXPORTS.rglob("*"):
        if path.is_file():
            assert path.stat().st_size < 60_000
    for tool in EXPORTS.iterdir():
        assert not tool.is_dir() or f"{tool.name}/" in told
