"""Facts about who chose: read, written, stored, broken down by, exported, and of no effect else."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tremble as tr
from tests.support.commands import mistake, tremble, write_study
from tremble.decisions.jsonl import read
from tremble.store.study_folder import Store

RECORDS: list[dict[str, Any]] = [
    {
        "id": str(at),
        "prompt": f"Offer {at}?",
        "options": ["yes", "no"],
        "choice": choice,
        "participant": str(at),
        "config": {"arm": at % 2, "side": "left"},
        "person": {"age": age, "side": "right", "Home town": "B"},
    }
    for at, (choice, age) in enumerate([("yes", 20), ("no", 30), ("yes", 30), ("yes", None)])
]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("person")
    code, _, error = tremble("run", write_study(folder, RECORDS), "--out", folder / "out")
    assert code == 0, error
    return folder


def test_facts_are_read_and_written(study: Path, tmp_path: Path) -> None:
    decisions = list(read(study / "mine.jsonl"))
    assert decisions[0].person == {"age": 20, "side": "right", "Home town": "B"}
    again = tmp_path / "again.jsonl"
    assert tremble("data", "import", "jsonl", study / "mine.jsonl", "--out", again)[0] == 0
    assert [d.person for d in read(again)] == [d.person for d in decisions]
    assert json.loads(again.read_text().splitlines()[0])["person"] == decisions[0].person


def test_facts_are_stored_only_where_there_are_some(study: Path, tmp_path: Path) -> None:
    frame = Store(study / "out").decisions()
    assert json.loads(frame["facts"][0]) == RECORDS[0]["person"]
    bare = [{key: value for key, value in one.items() if key != "person"} for one in RECORDS]
    assert tremble("run", write_study(tmp_path, bare), "--out", tmp_path / "out")[0] == 0
    without = Store(tmp_path / "out")
    assert not any(
        "facts" in pl.read_parquet(part) for part in (tmp_path / "out/decisions").iterdir()
    )
    same = [name for name in without.decisions().columns if name != "facts"]
    assert without.decisions().select(same).equals(frame.select(same))
    assert without.scores().equals(Store(study / "out").scores())


def split(study: Path, by: str) -> set[tuple[str, str]]:
    """What the tables of a breakdown are split by: parameters and their values."""
    code, out, error = tremble("analyze", study / "out", "--by", by, "--json")
    assert code == 0, error
    tables = json.loads(out)["by"][by].values()
    return {(row["parameter"], row["value"]) for table in tables for row in table}


def test_facts_are_what_tables_are_split_by(study: Path) -> None:
    assert split(study, "age") == {("age", "20"), ("age", "30")}
    # A parameter wins over a fact of its name.
    assert split(study, "side") == {("side", "left")}
    assert "did you mean 'age'?" in mistake("analyze", study / "out", "--by", "agee")


def test_a_fact_alone_is_called_as_in_exports(study: Path) -> None:
    assert split(study, "person.side") == {("person.side", "right")}
    assert split(study, "person.age") == {("person.age", "20"), ("person.age", "30")}
    said = mistake("analyze", study / "out", "--by", "person.agee")
    assert "did you mean 'person.age'?" in said


def test_decisions_without_a_value_are_counted(study: Path) -> None:
    note = "By age: 1 of 4 decisions has no value of it and is in no row."
    code, out, _ = tremble("analyze", study / "out", "--by", "age", "--by", "arm", "--json")
    assert code == 0
    notes = json.loads(out)["notes"]
    assert [one for one in notes if one.startswith("By ")] == [note]
    shown = " ".join(tremble("analyze", study / "out", "--by", "age")[1].split())
    assert f"Note: {note}" in shown
    result = tr.open_study(study / "out")
    result.by("age")
    result.by("arm")
    assert [one for one in result.notes if one.startswith("By ")] == [note]


def test_a_name_in_config_here_and_of_a_person_there_is_one(tmp_path: Path) -> None:
    """Of two data sets one has age as a parameter, the other as a fact, one decision as both."""
    records = [
        {**RECORDS[0], "id": str(at), "config": config, "person": person}
        for at, (config, person) in enumerate(
            [({"age": 20}, {}), ({"age": 20}, {"age": 90}), ({}, {"age": 20}), ({}, {"age": 30})]
        )
    ]
    assert tremble("run", write_study(tmp_path, records), "--out", tmp_path / "out")[0] == 0
    result = tr.open_study(tmp_path / "out")
    n = {row["value"]: row["n"] for row in result.by("age")["models"].to_dicts()}
    assert n == {"20": 3, "30": 1}
    of_people = result.by("person.age")["models"]
    assert {row["value"]: row["n"] for row in of_people.to_dicts()} == {"20": 1, "30": 1, "90": 1}
    assert [one for one in result.notes if one.startswith("By ")] == [
        "By person.age: 1 of 4 decisions has no value of it and is in no row."
    ]


def test_facts_are_no_parameters(study: Path) -> None:
    assert {parameter for parameter, _ in split(study, "parameter")} == {"arm", "side"}


def test_facts_have_columns_of_their_own_in_exports(study: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    for _ in range(2):  # what was exported may be replaced
        assert tremble("export", study / "out", "--to", "csv", "--out", target)[0] == 0
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = next(row for row in rows if row["decision"] == "1")
    assert (first["config_side"], first["person_side"]) == ("left", "right")
    assert (first["person_age"], first["person_home_town"]) == ("30.0", "B")
    with (tmp_path / "table.codebook.csv").open(encoding="utf-8", newline="") as file:
        book = {row["column"]: row for row in csv.DictReader(file)}
    assert book["person_home_town"]["meaning"] == "fact about the person person.Home town"


def test_the_check_shows_facts(study: Path) -> None:
    code, out, _ = tremble("data", "check", study / "mine.jsonl")
    assert code == 0
    lines = out.splitlines()
    assert "  person age: 20, 30, missing" in lines
    assert "  config side: 'left'" in lines
    found = json.loads(tremble("data", "check", study / "mine.jsonl", "--json")[1])
    assert found["families"]["custom"]["person"]["age"] == {"values": [20, 30, None], "distinct": 3}


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({**RECORDS[0], "person": "ann"}, "person is 'ann'; it must be an object."),
        ({**RECORDS[0], "person": {"n": 1e300}}, "person.n is 1e+300, which is too large a number"),
        (
            {
                "family": "lottery",
                "id": "x",
                "rules": {},
                "options": ["a", "b"],
                "choice": "a",
                "person": {"age": 1},
            },
            "person has no effect in a record with rules; leave it out.",
        ),
    ],
)
def test_facts_that_are_none(tmp_path: Path, record: dict[str, Any], sentence: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(record))
    assert sentence in tremble("data", "check", path)[2]
