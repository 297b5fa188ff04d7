"""117 normal-form games: counts, every view against the embedded figures, and what is refused."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.support.round_trip import come_back
from tremble.datasets.base import Notes
from tremble.datasets.demo import rows_of
from tremble.datasets.normal_form import CARD, load
from tremble.decisions.record import Decision, target_share
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import presentations

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(
    not DATA, reason="TREMBLE_DATA is not set: the file of the 117 games is not at hand"
)
HEADER = "paper,game,matrixrow,matrixcol,choicerow,choicecol,shape,symmetric,subjects,unique"
# A symmetric game with counts, one with shares, one that is not symmetric.
GAMES = (
    "a,1,40 10 70; 20 80 0; 30 100 60,,11 40; 0 40; 29 40,,3 3,1,,2",
    "b,x,80 10; 30 -3.5,,0.796; 0.204,,2 2,1,,1",
    "c,y,21 10; 21 9; 20 20,1 2; 3 4; 5 6,0.24; 0.17; 0.59,0.34; 0.66,3 2,0,58,1",
)


def imported(path: Path) -> tuple[dict[str, Decision], Notes]:
    notes = Notes()
    found = list(load(path, notes))
    assert len({decision.id for decision in found}) == len(found)
    return {decision.id: decision for decision in found}, notes


def file_of(tmp_path: Path, *lines: str, header: str = HEADER) -> Path:
    file = tmp_path / "games.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return file


@needs_source
def test_counts() -> None:
    with (Path(DATA or "") / "normal_form" / "games.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found, notes = imported(Path(DATA or ""))
    assert len(rows) == 117 and len(found) == 121
    assert {(d.config["study"], d.config["game"]) for d in found.values()} == {
        (row["paper"], row["game"]) for row in rows
    }
    assert sum(row["symmetric"] == "0" for row in rows) == 4
    assert Counter(len(d.options) for d in found.values())[2] == 7
    assert not notes.dropped
    assert [d.line for d in found.values() if d.config["player"] == "row"] == [*range(2, 119)]
    # `unique` counts the games with these points, whichever paper they are in.
    same = Counter((row["matrixrow"].strip(), row["matrixcol"]) for row in rows)
    for decision in found.values():
        row = rows[(decision.line or 0) - 2]
        assert decision.config["same_payoffs"] == int(row["unique"])
        assert same[row["matrixrow"].strip(), row["matrixcol"]] == int(row["unique"])


@needs_source
def test_every_view_equals_the_embedded_figures() -> None:
    """The figures were made by others, with a view per row and matrices from the own side."""
    found, notes = imported(Path(DATA or ""))
    printed = rows_of("one_shot.csv")
    assert len(printed) == len(found) == 121
    for row in printed:
        decision = found[f"normal_form/{row['study']}/{row['game']}/{row['player']}"]
        own, other = (
            [[float(cell) for cell in line.split()] for line in row[side].split(";")]
            for side in ("own", "other")
        )
        assert decision.parameters == {"own_payoffs": own, "other_payoffs": other}
        assert decision.n == (int(row["n"]) if row["n"] else None)
        assert list((decision.rates or {}).values()) == pytest.approx(
            [float(rate) for rate in row["rates"].split()], abs=5e-5
        )
    unknown = [d.id for d in found.values() if d.n is None]
    assert len(unknown) == 5 and all("rydvalortmann2005" in id_ for id_ in unknown)
    off = [note for note in notes.odd if "add up" in note]
    assert ["/6/" in off[0] and "0.983" in off[0], "/11/" in off[1] and "1.091" in off[1]] == [
        True,
        True,
    ]
    assert len(off) == 2 and len(notes.odd) == 2 + 5 + 1
    assert any("out of 35 and 58; n is 58" in note for note in notes.odd)


def test_games_worked_by_hand(tmp_path: Path) -> None:
    found, notes = imported(file_of(tmp_path, *GAMES))
    counts, shares, row, column = found.values()
    assert counts.rates == {"1": 11 / 40, "2": 0.0, "3": 29 / 40} and counts.n == 40
    assert counts.target is None and target_share(counts) is None
    assert counts.parameters["other_payoffs"] == [[40, 20, 30], [10, 80, 100], [70, 0, 60]]
    assert shares.rates == {"1": 0.796, "2": 0.204} and shares.n is None
    assert shares.target == "1" and target_share(shares) == 0.796
    assert notes.odd == ["normal_form/b/x/row: the number of people is not in the file."]
    assert (row.n, column.n) == (58, 58)
    assert row.parameters["other_payoffs"] == [[1, 2], [3, 4], [5, 6]]
    assert column.parameters["own_payoffs"] == [[1, 3, 5], [2, 4, 6]]
    assert column.parameters["other_payoffs"] == [[21, 21, 20], [10, 9, 20]]
    assert column.rates == {"1": 0.34, "2": 0.66} and column.config["size"] == "2x3"
    assert presentations(column) == (0, 1)
    assert standard(column).user.endswith(
        "\nIf you choose F and the other player chooses 3, you get 6 points and the other player "
        "gets 20 points."
    )
    assert CARD.licence == "not stated"


def test_prompts_depend_on_points_and_on_nothing_else(tmp_path: Path) -> None:
    def prompts(*lines: str) -> list[str]:
        found = imported(file_of(tmp_path, *lines))[0].values()
        return [standard(d, order).plain() for d in found for order in presentations(d)]

    original = prompts(*GAMES)
    assert original == prompts(
        "z,9,40 10 70; 20 80 0; 30 100 60,,1 30; 29 30; 0 30,,3 3,1,7,9",
        "b,x,80 10; 30 -3.5,,0; 1,,2 2,1,12,3",
        "c,y,21 10; 21 9; 20 20,1 2; 3 4; 5 6,0.3; 0.3; 0.4,0; 1,3 2,0,,1",
    )
    changed = prompts(GAMES[0].replace("70", "71"), *GAMES[1:])
    assert [a == b for a, b in zip(original, changed, strict=True)] == [False] * 2 + [True] * 6


def test_records_keep_the_views(tmp_path: Path) -> None:
    found = list(imported(file_of(tmp_path, *GAMES))[0].values())
    come_back(found, tmp_path)


@needs_source
def test_records_keep_the_source(tmp_path: Path) -> None:
    come_back(imported(Path(DATA or ""))[0].values(), tmp_path)


@pytest.mark.parametrize(
    ("game", "old", "new", "words"),
    [
        (0, "a,1", ",1", ["paper is ''", "a name"]),
        (0, "20 80 0", "20 80", ["matrixrow", "rows of points"]),
        (0, "20 80 0", "20 x 0", ["matrixrow", "'40 10 70; 20 x 0"]),
        (0, "20 80 0", "20 nan 0", ["matrixrow", "rows of points"]),
        (0, ",3 3,", ",3 2,", ["shape is '3 2'", "not 3 3"]),
        (0, ",1,,2", ",2,,2", ["symmetric is '2'", "0 or 1"]),
        (
            0,
            ",1,,2",
            ",0,,2",
            ["matrixcol is ''", "a value that is empty only for a symmetric game"],
        ),
        (0, "11 40; 0 40", "11 40", ["choicerow", "each of the 3 options"]),
        (0, "11 40", "41 40", ["choicerow", "'41 40; 0 40; 29 40'", "counts such as"]),
        (0, "11 40", "0.3", ["choicerow", "counts such as"]),
        (0, "11 40; 0 40; 29 40", "0 0; 0 0; 0 0", ["choicerow", "at least one person"]),
        (0, ",1,,2", ",1,,0", ["unique is '0'", "whole number from 1"]),
        (1, "0.796", "1.796", ["choicerow", "shares from 0 to 1"]),
        (1, "0.796", "nan", ["choicerow", "shares from 0 to 1"]),
        (2, ",0,58,", ",1,58,", ["symmetric is '1'", "0 as a game of 3 2"]),
        (2, "1 2; 3 4; 5 6", "1 2; 3 4", ["matrixcol", "a matrix of 3 2"]),
        (2, ",58,", ",many,", ["subjects is 'many'", "whole number from 1"]),
        (2, "c,y,", "c,y,y,", ["11 cells", "10"]),
    ],
)
def test_a_bad_row_is_one_sentence_with_file_line_and_cure(
    tmp_path: Path, game: int, old: str, new: str, words: list[str]
) -> None:
    assert old in GAMES[game]
    lines = [*GAMES[:game], GAMES[game].replace(old, new, 1), *GAMES[game + 1 :]]
    file = file_of(tmp_path, *lines)
    with pytest.raises(UserError) as caught:
        list(load(tmp_path, Notes()))
    message = str(caught.value)
    assert message.startswith(f"{file}, line {game + 2}: ") and message.endswith(".")
    for word in [*words, "fresh copy"]:
        assert word in message


def test_other_files_are_refused(tmp_path: Path) -> None:
    file_of(tmp_path, GAMES[0], GAMES[0])
    with pytest.raises(UserError, match=r"line 3: game is '1', not a new game of a;"):
        list(load(tmp_path, Notes()))
    file_of(tmp_path, GAMES[0], header=HEADER.replace("paper", "study"))
    with pytest.raises(UserError, match=r"line 1: the column 'paper' is missing .*study,"):
        list(load(tmp_path, Notes()))
    file_of(tmp_path)
    with pytest.raises(UserError, match="no rows"):
        list(load(tmp_path, Notes()))
    row = " ".join(["1"] * 7)
    seven = f"d,1,{'; '.join([row] * 7)},,{'; '.join(['1 7'] * 7)},,7 7,1,,1"
    file_of(tmp_path, seven)
    with pytest.raises(UserError, match=r"shape is '7 7', not at most 6 options"):
        list(load(tmp_path, Notes()))
