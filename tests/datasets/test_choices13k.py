"""choices13k: counts and gambles against the raw files, ambiguity at the source, bad input."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.round_trip import come_back
from tremble.datasets.base import Notes
from tremble.datasets.choices13k import CARD, load
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.study.decision_frame import decision_frame

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(
    not DATA, reason="TREMBLE_DATA is not set: the files of choices13k are not at hand"
)
ROWS, KEYS = "c13k_selections.csv", "c13k_problems.json"
Row = dict[str, str]
Gambles = dict[str, list[list[float]]]


def raw() -> tuple[list[Row], dict[str, Gambles]]:
    folder = Path(DATA or "") / "choices13k"
    with (folder / ROWS).open(newline="") as file:
        return list(csv.DictReader(file)), json.loads((folder / KEYS).read_text())


@pytest.fixture(scope="module")
def everything() -> list[Decision]:
    notes = Notes()
    found = list(load(Path(DATA or ""), notes))
    assert not notes.dropped and not notes.odd
    return found


@needs_source
def test_every_row_becomes_its_decision_with_its_own_rate(everything: list[Decision]) -> None:
    rows, _ = raw()
    assert len(everything) == len(rows) == 14568
    assert len({d.id for d in everything}) == 14568
    assert len({d.cluster for d in everything}) == 13006
    feedback = Counter(d.breakdown["feedback"] for d in everything)
    assert feedback == {"yes": 12188, "no": 2380}
    for place, (row, decision) in enumerate(zip(rows, everything, strict=True)):
        kind = "feedback" if row["Feedback"] == "True" else "no feedback"
        assert decision.id == f"choices13k/{row['Problem']}/{kind}"
        assert decision.line == place + 2
        assert decision.rates is not None and decision.rates["b"] == float(row["bRate"])
        assert decision.rates["a"] == pytest.approx(1 - float(row["bRate"]), abs=1e-9)
        assert (decision.n, decision.rate_sd) == (int(row["n"]), float(row["bRate_std"]))
        assert decision.breakdown["block"] == int(row["Block"])
        assert decision.breakdown["ambiguity"] == {"True": "yes", "False": "no"}[row["Amb"]]
    assert (CARD.licence, {d.target for d in everything}) == ("not stated", {"b"})


@needs_source
def test_gambles_are_those_of_the_row_and_ambiguous_ones_have_no_chances(
    everything: list[Decision],
) -> None:
    rows, keys = raw()
    hidden = 0
    for place, (row, decision) in enumerate(zip(rows, everything, strict=True)):
        listed = keys[str(place)]
        rules = decision.parameters
        assert rules["gamble_a"] == [outcome for outcome in listed["A"] if outcome[0] != 0]
        if row["Amb"] == "True":
            hidden += 1
            assert [chance for chance, _ in rules["gamble_b"]] == [None] * len(rules["gamble_b"])
            amounts = [payoff for _, payoff in rules["gamble_b"]]
            assert amounts == sorted({payoff for chance, payoff in listed["B"] if chance})
            if hidden % 5:
                continue
            (line,) = [x for x in standard(decision).user.splitlines() if x.startswith("Gamble B")]
            assert line.endswith("with probabilities that are not stated.") and "%" not in line
        else:
            assert rules["gamble_b"] == [outcome for outcome in listed["B"] if outcome[0] != 0]
        if float(row["pHa"]) == 1 and place < 2000:
            assert standard(decision).user.splitlines()[0].endswith(" for sure.")
    assert hidden == 2809


@needs_source
def test_theory_and_numbers_say_nothing_of_ambiguous_problems(everything: list[Decision]) -> None:
    some = everything[:400]
    frame = decision_frame(some)
    for decision, row in zip(some, frame.iter_rows(named=True), strict=True):
        ambiguous = decision.breakdown["ambiguity"] == "yes"
        assert (row["numbers"] is None) == ambiguous
        if ambiguous:
            assert row["normative"] is None and "not all stated" in row["normative_why"]
    assert frame["normative"].null_count() < 200


@needs_source
def test_both_rows_of_a_problem_are_one_cluster_and_read_alike(everything: list[Decision]) -> None:
    by_problem: dict[str, list[Decision]] = {}
    for decision in everything:
        by_problem.setdefault(decision.cluster, []).append(decision)
    twice = [found for found in by_problem.values() if len(found) == 2]
    assert len(twice) == 1562
    assert sum(first.rates != second.rates for first, second in twice) > 1400
    for first, second in twice[:100]:
        assert standard(first) == standard(second)


@needs_source
def test_records_keep_everything(everything: list[Decision], tmp_path: Path) -> None:
    some = everything[::40]
    assert {d.breakdown["ambiguity"] for d in some} == {"yes", "no"}
    come_back(some, tmp_path)


def written(tmp_path: Path, rows: list[Row], keys: dict[str, Any]) -> Path:
    with (tmp_path / ROWS).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / KEYS).write_text(json.dumps(keys))
    return tmp_path


def prompts(folder: Path) -> list[str]:
    return [standard(d, order).plain() for d in load(folder, Notes()) for order in (0, 1)]


def other_chances(row: Row, gambles: Gambles) -> tuple[Row, Gambles]:
    """The better branch of gamble B half as likely, the worse one as much more; both files."""
    better = float(row["pHb"])
    low = next(i for i, (share, _) in enumerate(gambles["B"]) if abs(share - 1 + better) < 1e-9)
    changed = [
        [1 - better / 2 if i == low else share / 2, payoff]
        for i, (share, payoff) in enumerate(gambles["B"])
    ]
    return {**row, "pHb": repr(better / 2)}, {**gambles, "B": changed}


@needs_source
def test_no_prompt_depends_on_chances_that_were_not_told_nor_on_what_people_did(
    tmp_path: Path,
) -> None:
    rows, keys = raw()
    some = [i for i in range(400) if 0 < float(rows[i]["pHb"]) < 1 and float(rows[i]["pHb"]) != 0.5]
    rows, listed = [rows[i] for i in some], [keys[str(i)] for i in some]
    both = dict(zip(map(str, range(len(rows))), listed, strict=True))
    original = prompts(written(tmp_path, rows, both))
    # What people did, how many they were and what they learnt after choosing is in no prompt.
    did = [
        {**r, "bRate": "0.25", "bRate_std": "0.1", "n": "3", "Block": "1", "Corr": "0"}
        for r in rows
    ]
    assert prompts(written(tmp_path, did, both)) == original
    moved = [other_chances(row, gambles) for row, gambles in zip(rows, listed, strict=True)]
    new_keys = {str(i): gambles for i, (_, gambles) in enumerate(moved)}
    found = prompts(written(tmp_path, [row for row, _ in moved], new_keys))
    ambiguous = [row["Amb"] == "True" for row in rows for _ in (0, 1)]
    assert [a == b for a, b in zip(found, original, strict=True)] == ambiguous
    assert 50 < sum(ambiguous) < len(ambiguous) - 50  # both kinds are there


ROW = (
    "Problem,Feedback,n,Block,Ha,pHa,La,Hb,pHb,Lb,LotShapeB,LotNumB,Amb,Corr,bRate,bRate_std",
    "1,False,15,1,26,0.95,-1,23,0.05,21,0,1,False,0,0.6,0.38",
    "1,True,16,2,26,0.95,-1,23,0.05,21,0,1,False,0,0.7,0.3",
    "2,True,16,2,26,0.95,-1,23,0.05,21,0,1,True,0,0.7,0.3",
)
PAIR = {"A": [[0.95, 26], [0.05, -1]], "B": [[0.95, 21], [0.05, 23], [0, 99]]}


def toy(tmp_path: Path, lines: list[str], keys: Any) -> Path:
    (tmp_path / ROWS).write_text("\n".join(lines) + "\n")
    (tmp_path / KEYS).write_text(json.dumps(keys))
    return tmp_path


def test_three_rows_by_hand(tmp_path: Path) -> None:
    folder = toy(tmp_path, list(ROW), {"0": PAIR, "1": PAIR, "2": PAIR})
    first, second, third = load(folder, Notes())
    assert standard(first).user == (
        "Gamble A: 95% chance of 26 points, 5% chance of -1 point.\n"
        "Gamble B: 95% chance of 21 points, 5% chance of 23 points."
    )
    assert standard(third, 1).user == (
        "Gamble A: 21 points or 23 points, with probabilities that are not stated.\n"
        "Gamble B: 95% chance of 26 points, 5% chance of -1 point."
    )
    assert first.cluster == second.cluster != third.cluster
    assert [d.rates for d in (first, second)] == [{"a": 0.4, "b": 0.6}, {"a": 0.3, "b": 0.7}]
    assert list(load(folder / ROWS, Notes())) == list(load(folder / KEYS, Notes()))


Break = Callable[[list[str], dict[str, Any]], tuple[list[str], Any]]


def cell(line: int, old: str, new: str) -> Break:
    def broken(lines: list[str], keys: dict[str, Any]) -> tuple[list[str], Any]:
        assert old in lines[line - 1]
        return [x.replace(old, new, 1) if n == line else x for n, x in enumerate(lines, 1)], keys

    return broken


def gambles(key: str, value: Any) -> Break:
    return lambda lines, keys: (lines, {**keys, key: value})


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (cell(2, "False", "no"), ["line 2", "Feedback", "'no'", "True or False"]),
        (cell(4, "True,0,", "?,0,"), ["line 4", "Amb", "'?'"]),
        (cell(2, ",15,", ",15.5,"), ["line 2", "n is '15.5'", "whole number"]),
        (cell(2, ",15,", ",0,"), ["line 2", "n is '0'"]),
        (cell(3, ",0.7,", ",1.7,"), ["line 3", "bRate", "'1.7'", "0 to 1"]),
        (cell(3, ",0.7,", ",nan,"), ["line 3", "bRate", "'nan'"]),
        (cell(3, ",0.3", ","), ["line 3", "bRate_std", "''"]),
        (cell(3, "2,26", "9,26"), ["line 3", "Block", "'9'"]),
        (cell(3, "1,True", "0,True"), ["line 3", "Problem", "'0'"]),
        (cell(2, "26,0.95", "25,0.95"), ["line 2", "gamble A", "count rows from 0"]),
        (cell(2, "23,0.05,21", "23,0.05,20"), ["line 2", "gamble B", "20.15", "21.1"]),
        (cell(3, "True,16", "False,16"), ["line 3", "problem 1 appears again"]),
        (cell(3, "1,False,0,0.7", "1,True,0,0.7"), ["line 3", "problem 1 has gambles different"]),
        (cell(2, ",0.38", ""), ["line 2", "15 cells", "16"]),
        (cell(1, "Amb", "Ambiguous"), ["line 1", "Ambiguous", "Amb"]),
        (lambda lines, keys: (lines[:1], keys), ["no rows"]),
        (lambda lines, keys: (lines[:3], keys), ["3 keys", "2 rows"]),
        (lambda lines, keys: (lines, {"0": PAIR}), ["line 3", "no key '1'"]),
        (lambda lines, keys: (lines, [PAIR]), ["a JSON list"]),
        (gambles("1", {"A": PAIR["A"]}), ["key '1'", "A and B"]),
        (gambles("1", {**PAIR, "B": [[0.5, 1]]}), ["key '1'", "B is '[[0.5, 1]]'", "add up to 1"]),
        (gambles("1", {**PAIR, "B": [[2, 1], [-1, 1]]}), ["key '1'", "B is"]),
        (gambles("1", {**PAIR, "B": "x"}), ["key '1'", "B is 'x'"]),
    ],
)
def test_a_fault_is_one_sentence_with_file_place_value_and_cure(
    tmp_path: Path, broken: Break, words: list[str]
) -> None:
    lines, keys = broken(list(ROW), {"0": PAIR, "1": PAIR, "2": PAIR})
    with pytest.raises(UserError) as caught:
        list(load(toy(tmp_path, lines, keys), Notes()))
    message = str(caught.value)
    assert str(tmp_path) in message and message.endswith(".") and "\n" not in message
    for word in [*words, "fresh copy"]:
        assert word in message


def test_a_missing_file_says_where_it_belongs(tmp_path: Path) -> None:
    toy(tmp_path, list(ROW), {})
    (tmp_path / KEYS).write_text("{")
    with pytest.raises(UserError, match=r"json, line 1: not JSON"):
        list(load(tmp_path, Notes()))
    (tmp_path / KEYS).unlink()
    with pytest.raises(UserError, match=r"no c13k_problems\.json next to"):
        list(load(tmp_path, Notes()))
    (tmp_path / ROWS).unlink()
    with pytest.raises(UserError, match=r"No c13k_selections\.csv"):
        list(load(tmp_path, Notes()))
