"""JSON in the shapes in which programs write it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tremble.errors import UserError
from tremble.tabular.files.opened import open_table
from tremble.tabular.table import Cells, Reading


def read(path: Path, content: str | bytes) -> dict[str, Cells]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = open_table(path, Reading())
    return dict(table.read(table.names).columns)


def test_trials_of_jspsych(tmp_path: Path) -> None:
    trials = [
        {"rt": 800.5, "response": 0, "ok": True, "view": [1, 2]},
        {"rt": None, "response": {"Q0": " yes ", "Q1": 3}, "ok": False},
        {"rt": 900.0, "response": None, "view": []},
    ]
    assert read(tmp_path / "a.json", json.dumps(trials)) == {
        "rt": ["800.5", None, "900"],
        "response": ["0", None, None],
        "response.Q0": [None, "yes", None],
        "response.Q1": [None, "3", None],
        "ok": ["true", "false", None],
        "view.0": ["1", None, None],
        "view.1": ["2", None, None],
    }


TWO = {"a": ["1", "2"]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '[{"a":1},{"a":2}]'),
        ("a.json", '[{"a":1}][{"a":2}]'),
        ("a.json", '\ufeff[{"a":1}]\n\n[{"a":2}]\n'),
        ("a.json", '[{"a":1}],\n[{"a":2}]'),
        ("a.json", '[[{"a":1}],[{"a":2}]]'),
        ("a.json", '{"trials":[{"a":1},{"a":2}]}'),
        ("a.json", '{"a":[1,2]}'),
        ("a.json", '{"a":{"0":1,"1":2}}'),
        ("a.json", '{"a":1}\n{"a":2}'),
        ("a.json", '[{"a":[1]},{"a":[2]}]'),
        ("a.jsonl", '{"a":1}\n\n{"a":2}\n'),
        ("a.jsonl", '[{"a":1}]\r\n[{"a":2}]\r\n'),
        ("a.ndjson", '{"data":[{"a":1}]}\n{"data":[{"a":2}]}\n'),
        ("a.jsonl.gz", gzip.compress(b'{"a":1}\n{"a":2}\n', mtime=0)),
        ("a.json", '[{"a":1},{"a":2}]'.encode("utf-16")),
        ("a.json", '[{"a":1.0},{"a":2.0}]'),
        ("a.json", '[{"a":"1"},{"a":" 2\u00a0"}]'),
    ],
)
def test_shapes_of_the_same_rows(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert read(tmp_path / name, content) == TWO


def test_what_stands_beside_an_array_belongs_to_each_row(tmp_path: Path) -> None:
    content = '{"id":"P1","trials":[{"a":1},{"a":2,"id":"own"}],"browser":{"name":"x"}}'
    assert read(tmp_path / "a.json", content) == {
        "id": ["P1", "own"],
        "browser.name": ["x", "x"],
        "a": ["1", "2"],
    }


def test_missing_values(tmp_path: Path) -> None:
    content = '[{"a":NaN,"b":"","c":null,"d":1},{"a":1.5,"b":" ","d":-Infinity}]'
    assert read(tmp_path / "a.json", content) == {
        "a": [None, "1.5"],
        "b": [None, None],
        "c": [None, None],
        "d": ["1", None],
    }


def test_rows_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"a":1},{"a":null},{"a":3}]')
    table = open_table(tmp_path / "a.json", Reading()).read(["a"])
    assert list(table.rows) == [1, 3] and table.place(1).endswith("a.json, row 3")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "a.json is empty; export the data again."),
        ('[{"a":1},\n{"a":', "a.json, line 2: not JSON (Expecting value at column 6): ''; export"),
        ('[{"a":1}]\nnonsense', "a.json, line 2: not JSON (Expecting value at column 1): 'nonsen"),
        ("[1,2]", "a.json contains 1 instead of a row, which is an object in braces; export"),
        ('"text"', 'a.json contains "text" instead of a row, which is an object in braces;'),
        (
            '{"x":[{"a":1}],"y":[{"a":1}]}',
            "a.json contains several arrays of rows ('x', 'y'); save",
        ),
        (
            '[{"a":"\\ud83d"}]',
            "a.json contains half of a surrogate pair, which is not a character;",
        ),
        (b'[\n{"a":"\xe9"}]', "a.json, line 2: byte 0xe9 is not UTF-8; save the file as UTF-8,"),
        (
            "[" * 100_000,
            "a.json, line 1: it is nested too deeply to be read; export the data again.",
        ),
        (f'[{{"a":{"[" * 200}1{"]" * 200}}}]', "Column 'a' is nested too deeply to be read"),
        (
            f'[{{"a":1{"0" * 5000}}}]',
            "a.json, line 1: it contains a number too long to be read; export the data again.",
        ),
        ("<!doctype html>", "'a.json' contains a web page, not .json; download the table again"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path / "a.json", content)
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(said)
    assert "\n" not in str(caught.value)


def test_whole_pairs_are_characters(tmp_path: Path) -> None:
    content = '[{"a":"\\ud83d\\ude00","b":"\\\\ud83d"}]'
    assert read(tmp_path / "a.json", content) == {"a": ["\U0001f600"], "b": ["\\ud83d"]}


def test_a_name_that_stands_twice(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"a":{"b":1},"a.b":2}]')
    table = open_table(tmp_path / "a.json", Reading())
    assert list(table.names) == ["a.b", "a.b"]
    with pytest.raises(UserError, match=r"has 2 columns named 'a\.b'"):
        table.read(["a.b"])


def test_the_space_bar_is_a_key_and_no_missing_answer(tmp_path: Path) -> None:
    trials = [
        {"trial_type": "html-keyboard-response", "trial_index": at, "response": response}
        for at, response in enumerate([" ", "f", None, " "])
    ]
    expected = ["space", "f", None, "space"]
    assert read(tmp_path / "a.json", json.dumps(trials))["response"] == expected
    rows = [
        '"trial_type","trial_index","response"',
        *(f'"k","{i}","{r}"' for i, r in enumerate(" f")),
    ]
    assert read(tmp_path / "a.csv", "\n".join(rows))["response"] == ["space", "f"]
    other = ["type,index,response", *(f'"k","{i}","{r}"' for i, r in enumerate(" f"))]
    assert read(tmp_path / "b.csv", "\n".join(other))["response"] == [None, "f"]
