"""Lotteries in words: both forms of the file, words and numbers kept apart, every bad input."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.round_trip import come_back
from tremble.datasets.base import Notes
from tremble.datasets.lotteries_text import load
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import presentations
from tremble.study.decision_frame import decision_frame

PROBLEMS: list[dict[str, Any]] = [
    {
        "problem": "1",
        "option_a": "You get 10, surely.",
        "option_b": 'A coin is tossed: "heads" brings 25, tails nothing.',
        "rate_b": 0.4,
        "n": 30,
        "rate_sd": 0.5,
        "study": "mine",
        "gamble_a": [[1, 10]],
        "gamble_b": [[0.5, 25], [0.5, 0]],
    },
    {
        "problem": "coins",
        "option_a": "A small gain, nearly always.",
        "option_b": "A large gain, rarely.",
        "rate_b": 1,
    },
]


def lines(tmp_path: Path, problems: list[dict[str, Any]]) -> Path:
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    return file


def table(tmp_path: Path, problems: list[dict[str, Any]]) -> Path:
    file = tmp_path / "mine.csv"
    with file.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(PROBLEMS[0]))
        writer.writeheader()
        for problem in problems:
            writer.writerow(
                {
                    key: json.dumps(value) if isinstance(value, list) else value
                    for key, value in problem.items()
                }
            )
    return file


def imported(file: Path) -> list[Decision]:
    notes = Notes()
    found = list(load(file, notes))
    assert not notes.dropped and not notes.odd
    return found


def test_both_forms_of_the_file_hold_the_same(tmp_path: Path) -> None:
    found = imported(lines(tmp_path, PROBLEMS))
    rows = imported(table(tmp_path, PROBLEMS))
    assert [d.line for d in rows] == [2, 3] and [d.line for d in found] == [1, 2]
    assert [replace(d, line=None) for d in rows] == [replace(d, line=None) for d in found]
    first, second = found
    assert first.rates == {"a": 0.6, "b": 0.4} and second.rates == {"a": 0, "b": 1}
    assert (first.n, first.rate_sd, first.breakdown) == (30, 0.5, {"study": "mine"})
    assert (second.n, second.rate_sd, second.breakdown) == (None, None, {})
    assert {d.target for d in found} == {"b"} and first.id == "lotteries_text/1"


def test_people_s_words_are_shown_in_both_orders_and_numbers_in_none(tmp_path: Path) -> None:
    first, second = imported(lines(tmp_path, PROBLEMS))
    assert presentations(first) == (0, 1)
    assert standard(first).user == (
        'Gamble A: You get 10, surely.\nGamble B: A coin is tossed: "heads" brings 25, tails '
        "nothing."
    )
    assert standard(first, 1).user == (
        'Gamble A: A coin is tossed: "heads" brings 25, tails nothing.\nGamble B: You get 10, '
        "surely."
    )
    assert standard(second).system.startswith(
        "You choose one of two gambles. The gamble you choose is played once and pays what its "
        "description says."
    )
    # The control and the leak: numbers, rates and numbers of people move no prompt, words do.
    other = {"gamble_a": [[1, 7]], "gamble_b": [[0.1, 9], [0.9, 1]], "rate_b": 0.9, "n": 3}
    changed = imported(lines(tmp_path, [problem | other for problem in PROBLEMS]))
    worded = imported(lines(tmp_path, [problem | {"option_a": "Ten."} for problem in PROBLEMS]))
    for order in (0, 1):
        for new, old, apart in zip(changed, (first, second), worded, strict=True):
            assert standard(new, order) == standard(old, order) != standard(apart, order)


def test_theory_needs_the_numbers(tmp_path: Path) -> None:
    frame = decision_frame(imported(lines(tmp_path, PROBLEMS)))
    # 10 for certain against .5 x 25 + .5 x 0 = 12.5.
    assert frame["normative"].to_list() == [[0.0, 1.0], None]
    assert frame["normative_why"].to_list()[1] == "type unknown: a gamble is known in words alone"
    assert frame["numbers"].is_null().to_list() == [False, True]


def test_records_keep_the_words(tmp_path: Path) -> None:
    found = imported(lines(tmp_path, PROBLEMS))
    come_back(found, tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"option_a": ""}, ["option_a is", "not a text"]),
        ({"option_b": 5}, ["option_b is 5"]),
        ({"option_b": "You get 10, surely."}, ["both options read 'You get 10, surely.'"]),
        ({"rate_b": 40}, ["rate_b is 40", "0 to 1"]),
        ({"rate_b": "often"}, ["rate_b is 'often'"]),
        ({"rate_b": True}, ["rate_b is true"]),
        ({"n": 2.5}, ["n is 2.5", "whole number"]),
        ({"n": 0}, ["n is 0"]),
        ({"rate_sd": -1}, ["rate_sd is -1"]),
        ({"gamble_b": None}, ["gamble_a is given alone"]),
        ({"gamble_b": [[0.5, 25]]}, ["gamble_b is [[0.5, 25]]", "add up to 1"]),
        ({"gamble_b": [[1.5, 2], [-0.5, 2]]}, ["gamble_b is"]),
        ({"gamble_b": [[1, 10**400]]}, ["gamble_b is"]),
        ({"gamble_b": [[1, 1.7e308]]}, ["gamble_b is"]),
        ({"gamble_b": [["1e9999999%", 1]]}, ["gamble_b is", "add up to 1"]),
        ({"rate_b": "1e9999999%"}, ["rate_b is '1e9999999%'"]),
        ({"gamble_b": "half"}, ["gamble_b is 'half'"]),
        ({"rate": 0.4}, ["unknown key 'rate'", "did you mean 'rate_b'"]),
        ({"problem": "coins"}, ["problem 'coins' appears twice"]),
    ],
)
def test_a_fault_is_one_sentence_with_file_line_value_and_cure(
    tmp_path: Path, change: dict[str, Any], words: list[str]
) -> None:
    file = lines(tmp_path, [PROBLEMS[1], PROBLEMS[0] | change])
    with pytest.raises(UserError) as caught:
        imported(file)
    message = str(caught.value)
    assert f"{file}, line 2: " in message and "\n" not in message
    for word in words:
        assert word in message


def test_no_share_is_minus_nought(tmp_path: Path) -> None:
    (found,) = imported(lines(tmp_path, [PROBLEMS[0] | {"rate_b": "-0%", "rate_sd": -0.0}]))
    assert found.rates is not None and str(found.rates["b"]) == str(found.rate_sd) == "0.0"


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder; name the"):
        imported(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        imported(tmp_path / "x.csv")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(UserError, match=r"ends in '\.txt'"):
        imported(tmp_path / "x.txt")
    (tmp_path / "x.jsonl").write_text("\n")
    with pytest.raises(UserError, match="is empty"):
        imported(tmp_path / "x.jsonl")
    (tmp_path / "x.jsonl").write_text("[1]\n")
    with pytest.raises(UserError, match=r"line 1: '\[1\]' is not a JSON object"):
        imported(tmp_path / "x.jsonl")
    (tmp_path / "x.csv").write_text("problem,option_a\n1,x\n")
    with pytest.raises(UserError, match="the columns are 'problem,option_a', not 'problem,opt"):
        imported(tmp_path / "x.csv")


def test_rows_and_columns_without_a_cell_are_passed_over(tmp_path: Path) -> None:
    head, row = "problem,option_a,option_b,rate_b", "p1,Eight for sure.,Twenty or nothing.,0.42"
    plain, wide = tmp_path / "plain.csv", tmp_path / "wide.csv"
    plain.write_text(f"{head}\n{row}\n", "utf-8")
    wide.write_text(f"{head},,\n{row},,\n,,,,,\n  ,,,,,\n", "utf-8")
    assert list(load(wide, Notes())) == list(load(plain, Notes()))
    wide.write_text(f"{head},,\n{row},more,\n", "utf-8")
    with pytest.raises(UserError, match="5 cells where the header has 4"):
        list(load(wide, Notes()))
