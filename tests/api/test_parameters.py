"""Parameters of any name in an export: nothing lost, nothing renamed without being told."""

from __future__ import annotations

import csv
import json
import random
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import tremble, write_study
from tremble.api.codebook import BEFORE_R, codebook
from tremble.api.export import export_study
from tremble.api.parameters import parameter_columns, parameters

COLUMN = re.compile(r"[a-z][a-z0-9_]{0,31}")
LONG = "How much do you trust people whom you meet for the very first time?"


def frame(configs: list[dict[str, Any] | None]) -> pl.DataFrame:
    texts = [None if config is None else json.dumps(config) for config in configs]
    return pl.DataFrame(
        {"decision": [str(i) for i in range(len(texts))], "config": texts},
        schema={"decision": pl.String, "config": pl.String},
    )


def exported(folder: Path, configs: list[dict[str, Any]], to: str = "csv") -> tuple[Path, Path]:
    """The table and the codebook of a study with these configs, a decision each."""
    records = [
        {
            "id": str(i),
            "prompt": f"Offer {i}?",
            "options": ["yes", "no"],
            "choice": "yes",
            "config": config,
        }
        for i, config in enumerate(configs)
    ]
    if not (folder / "out").exists():
        assert tremble("run", write_study(folder, records), "--out", folder / "out")[0] == 0
    table, book, _ = export_study(folder / "out", to)
    assert book is not None
    return table, book


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_names_without_ascii_letters_keep_their_values_and_stand_in_the_codebook(
    tmp_path: Path,
) -> None:
    configs = [
        {LONG: i, "信頼": i % 3, "期待": f"値{i % 2}", "Trust (pre)": 1, "trust pre": 2, "?": [i]}
        for i in range(4)
    ]
    table, book = exported(tmp_path, configs)
    rows = [row for row in rows_of(table) if row["model"] == "mock:a"]
    columns = {
        row["meaning"].removeprefix("game parameter "): row["column"] for row in rows_of(book)
    }
    assert columns["信頼"] == "config_parameter"
    assert (columns["Trust (pre)"], columns["trust pre"]) == (
        "config_trust_pre",
        "config_trust_pre_2",
    )
    for row, config in zip(sorted(rows, key=lambda row: row["decision"]), configs, strict=True):
        for parameter, value in config.items():
            cell = row[columns[parameter]]
            if isinstance(value, int):
                assert float(cell) == value
            else:
                assert cell == (value if isinstance(value, str) else json.dumps(value))


def test_names_of_any_kind_have_a_column_each() -> None:
    """Any two names have two columns, and each column the values of its own parameter."""
    pick = random.Random(5)
    for _ in range(200):
        names = {
            "".join(pick.choices("aAb1_ -?信é", k=pick.choice([0, 1, 2, 3, 40])))
            for _ in range(pick.randint(1, 30))
        }
        config = {name: f"value of {name}" for name in names}
        decisions = frame([config, None, {}, config])
        columns = parameter_columns(decisions)
        found = parameters(decisions, columns)
        assert set(columns) == names
        assert len(set(columns.values())) == len(names)
        assert all(COLUMN.fullmatch(column) for column in columns.values())
        assert found["decision"].to_list() == ["0", "1", "2", "3"]
        for name, column in columns.items():
            assert found[column].to_list() == [config[name], None, None, config[name]]


@pytest.mark.parametrize("large", [2**53 + 1, -(2**53) - 1, 10**400])
def test_whole_numbers_that_a_double_cannot_hold_stay_as_written(large: int) -> None:
    decisions = frame([{"id": large, "n": 2**53}, {"id": 1, "n": 0.5}])
    found = parameters(decisions, parameter_columns(decisions))
    assert found["config_id"].to_list() == [str(large), "1"]
    assert found["config_n"].to_list() == [2.0**53, 0.5]


def test_other_values_are_json_in_their_own_letters() -> None:
    decisions = frame([{"x": ["信", True]}, {"x": True}, {"x": "true"}, {"x": 1.0}])
    found = parameters(decisions, parameter_columns(decisions))
    assert found["config_x"].to_list() == ['["信", true]', "true", "true", "1.0"]


@pytest.mark.parametrize("to", ["csv", "parquet"])
def test_an_empty_text_is_written_as_missing_and_the_codebook_says_so(
    tmp_path: Path, to: str
) -> None:
    table, book = exported(tmp_path, [{"x": ""}, {"x": " "}, {"x": "NA"}, {}], to)
    read = pl.read_parquet if to == "parquet" else pl.read_csv
    frame = read(table).filter(pl.col("model") == "mock:a").sort("decision")
    assert frame["config_x"].to_list() == [None, " ", "NA", None]
    if to == "csv":
        assert '""' not in table.read_text("utf-8")
    (row,) = [row for row in rows_of(book) if row["column"] == "config_x"]
    assert row["meaning"] == "game parameter x; an empty text is written as missing (in 2 rows)"
    assert (row["known"], row["missing"]) == ("4", "4")  # of two models' rows
    assert row["values"] == " , NA"


def test_a_codebook_without_empty_texts_says_nothing_of_them() -> None:
    book = codebook(pl.DataFrame({"config_x": ["a", None]}), {"config_x": "X"})
    assert book["meaning"].to_list() == ["game parameter X"]


def test_an_export_of_before_is_replaced(tmp_path: Path) -> None:
    """Its codebook had no classes of R, and a name without ASCII letters gave `config`."""
    table, book = exported(tmp_path, [{"信頼": 1}])
    new = table.read_bytes()
    table.write_bytes(new.replace(b"config_parameter", b"config"))
    kept = pl.read_csv(book).select(BEFORE_R).head(-1)
    kept.write_csv(book)
    exported(tmp_path, [])
    assert table.read_bytes() == new
    assert len(rows_of(book)) == kept.height + 1
