"""Rows before the data: Qualtrics' are found, others are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tremble.errors import UserError
from tremble.tabular.files.opened import OpenTable, open_table
from tremble.tabular.table import Reading

NAMES = "StartDate,Progress,ResponseId,Q1\n"
TEXTS = 'Start Date,Progress,Response ID,"Do you\naccept?"\n'
IDS = (
    '"{""ImportId"":""startDate"",""timeZone"":""UTC""}","{""ImportId"":""progress""}",'
    '"{""ImportId"":""_recordId""}","{""ImportId"":""QID1""}"\n'
)
DATA = "2026-03-01 10:00:00,100,R_1,yes\n2026-03-01 11:00:00,100,R_2,no\n"


def opened(path: Path, content: str, how: Reading | None = None) -> OpenTable:
    path.write_text(content, encoding="utf-8")
    return open_table(path, how or Reading())


@pytest.mark.parametrize(
    ("head", "question", "line"),
    [
        (NAMES + TEXTS + IDS, "Do you\naccept?", 5),
        (NAMES + TEXTS, "Do you\naccept?", 4),  # the third row was taken out
        (NAMES + IDS, None, 3),  # the second was
        (NAMES, None, 2),
    ],
)
def test_qualtrics(tmp_path: Path, head: str, question: str | None, line: int) -> None:
    table = opened(tmp_path / "a.csv", head + DATA)
    read = table.read(["Q1"])
    assert read.columns == {"Q1": ["yes", "no"]}
    assert read.questions.get("Q1") == table.questions.get("Q1") == question
    assert list(read.rows) == [line, line + 1]
    assert table.notes == []


def test_the_user_says_how_many(tmp_path: Path) -> None:
    content = "id,a\nNumber,Accepted?\n1,2\n3,4\n"
    table = opened(tmp_path / "a.csv", content, Reading(header_rows=2))
    assert table.read(["a"]).columns == {"a": ["2", "4"]}
    assert table.questions == {"id": "Number", "a": "Accepted?"}
    table = opened(tmp_path / "a.csv", NAMES + TEXTS + IDS + DATA, Reading(header_rows=1))
    assert table.read(["ResponseId"]).columns["ResponseId"][0] == "Response ID"
    with pytest.raises(UserError, match="header_rows = 0 is less than 1"):
        opened(tmp_path / "a.csv", content, Reading(header_rows=0))


def test_a_second_header_that_was_not_read_is_noted(tmp_path: Path) -> None:
    table = opened(tmp_path / "a.csv", "id,a\nNumber,Accepted?\n1,2\n3,4\n")
    assert len(table.notes) == 1
    assert (
        "a.csv, line 2, looks like a second header row ('Number', 'Accepted?')" in (table.notes[0])
    )
    assert "header_rows = 2 under [file]" in table.notes[0]


@pytest.mark.parametrize(
    "content",
    [
        "id,a\n1,2\n3,4\n",
        "id,a\nP1,yes\nP2,no\n",
        "id,a\n7,NA\n1,2\n3,4\n",
        "id,a\n1,2\n",
    ],
)
def test_data_are_no_second_header(tmp_path: Path, content: str) -> None:
    assert opened(tmp_path / "a.csv", content).notes == []
