"""Go or stay after a hotel review, in made-up files of the source's form: every byte of a prompt,
every wording and control, every bad input."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.control_cases import told
from tests.support.csv_lines import Break, broken_at
from tremble.datasets.base import Notes
from tremble.datasets.human_choice_prediction import load
from tremble.errors import UserError
from tremble.prompts.controls import CONTROLS
from tremble.prompts.formulations import FORMULATIONS, standard
from tremble.prompts.other_games import OtherGames

HEADER = "user_id,strategy_id,gameId,roundNum,hotelId,reviewId,hotelScore,didGo,didWin,"
HEADER += "user_points,bot_points"
PLAY = [
    "3,17,0,1,5,51,8.5,True,True,0,0",
    "3,17,0,2,6,61,7.0,True,False,1,1",
    "3,17,0,3,5,52,8.5,False,False,1,2",
    "3,17,1,1,6,62,7.0,False,True,0,0",
]
HOTELS = {
    "5": ["51,Inn,Warm rooms,,9", "52,Inn,,Loud pipes,6"],
    "6": ['61,Spa,"Big ""pool"", bar",Far out,7.5', "62,Spa,,,8"],
}


def made_up(folder: Path, lines: list[str] | None = None, name: str = "games_clean_Y.csv") -> Path:
    reviews = folder / "game_reviews"
    reviews.mkdir(parents=True, exist_ok=True)
    for hotel, rows in HOTELS.items():
        (reviews / f"{hotel}.csv").write_text("\n".join(rows) + "\n", "utf-8")
    text = "\n".join([HEADER, *(PLAY if lines is None else lines)]) + "\n"
    (folder / name).write_text(text, "utf-8")
    return folder


def test_every_byte_of_a_prompt(tmp_path: Path) -> None:
    found = {d.id: d for d in load(made_up(tmp_path), Notes())}
    assert list(found) == [
        f"human_choice_prediction/Y3/{n}" for n in ("0/r1", "0/r2", "0/r3", "1/r1")
    ]
    third = standard(found["human_choice_prediction/Y3/0/r3"])
    assert third.user == (
        'Round 1:\nPositive part of the review: "Warm rooms"\nNegative part of the review: empty.\n'
        "You went to the hotel. You got 1 point and the expert got 1 point.\n"
        'Round 2:\nPositive part of the review: "Big "pool", bar"\n'
        'Negative part of the review: "Far out"\n'
        "You went to the hotel. You got 0 points and the expert got 1 point.\n"
        'Round 3:\nPositive part of the review: empty.\nNegative part of the review: "Loud pipes"'
    )
    assert "mean score is 8 or more" in third.system and "8.5" not in third.plain()
    empty = standard(found["human_choice_prediction/Y3/1/r1"]).user
    assert empty == (
        "Round 1:\nPositive part of the review: empty.\nNegative part of the review: empty."
    )


def test_no_wording_or_control_shows_a_score_or_the_hotel_and_which_ones_fit(
    tmp_path: Path,
) -> None:
    found = list(load(made_up(tmp_path), Notes()))
    others = OtherGames(found)
    fits: dict[str, int] = {}
    for name in [*FORMULATIONS, *(f"standard+{control}" for control in CONTROLS)]:
        texts = [told(name, d, others) for d in found]
        fits[name] = sum(text is not None for text in texts)
        for text in texts:
            assert text is None or not re.search(r"Inn|Spa|8\.5|7\.5|7\.0|\b9\b", text.plain())
    assert {name for name, count in fits.items() if count == 0} == {
        "numbers_only",  # the review is what is decided about, not talk that could be dropped
        "standard+misleading_rules",
        "standard+other_history",  # nobody else played
        "standard+renamed",
    }
    assert fits["standard+no_history"] == fits["standard+choices_only"] == 2  # rounds 2 and 3
    (third,) = [d for d in found if d.id.endswith("/0/r3")]
    choices = told("standard+choices_only", third)
    assert choices is not None and choices.user.startswith(
        "Round 1:\nYou went to the hotel.\nRound 2:\nYou went to the hotel.\nRound 3:\nPositive"
    )


def test_both_groups_are_read_and_their_people_kept_apart(tmp_path: Path) -> None:
    made_up(tmp_path, name="games_clean_X.csv")
    made_up(tmp_path)
    found = list(load(tmp_path, Notes()))
    assert [d.participant for d in found] == ["X3"] * 4 + ["Y3"] * 4
    assert len({d.id for d in found}) == 8
    alone = list(load(tmp_path / "games_clean_X.csv", Notes()))
    assert alone == found[:4]


@pytest.mark.parametrize(
    ("broken", "line", "words"),
    [
        (broken_at(3, "True", "yes"), 3, ["didGo", "'yes'", "True or False"]),
        (broken_at(2, "3,17", "x,17"), 2, ["user_id", "'x'", "whole number"]),
        (broken_at(3, "0,2,6", "0,3,6"), 3, ["round 3", "where 2 comes"]),
        (broken_at(3, "3,17", "3,23"), 3, ["strategy_id", "17", "23"]),
        (broken_at(4, "1,2", "3,2"), 4, ["user_points 3", "cannot follow 1"]),
        (broken_at(4, "1,2", "1,1"), 4, ["bot_points 1", "cannot follow"]),
        (broken_at(2, "0,0", "4,0"), 2, ["begins with points"]),
        (broken_at(3, "6,61", "9,61"), 3, ["no ", "9.csv", "game_reviews"]),
        (broken_at(3, "6,61", "6,99"), 3, ["6.csv", "no review 99"]),
        (lambda lines: [*lines, lines[0]], 6, ["game 0", "goes on after another game"]),
        (lambda lines: [], 1, ["no rows"]),
    ],
)
def test_a_bad_row_is_one_sentence_with_file_line_and_cure(
    tmp_path: Path, broken: Break, line: int, words: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        list(load(made_up(tmp_path, broken(PLAY)), Notes()))
    said = str(caught.value)
    assert f"games_clean_Y.csv, line {line}" in said and said.endswith(".") and "\n" not in said
    assert all(word in said for word in words)


def test_a_bad_review_file_missing_columns_and_no_files(tmp_path: Path) -> None:
    folder = made_up(tmp_path / "a")
    for text in ("51,Inn,Warm rooms,\n", '51,Inn,"Warm rooms,,9\n', "51,Inn,a,b,good\n"):
        (folder / "game_reviews" / "5.csv").write_text(text)
        with pytest.raises(UserError, match=r"5\.csv.*fresh copy"):
            list(load(folder, Notes()))
    made_up(folder)
    (folder / "games_clean_Y.csv").write_text(HEADER.replace("didGo,", "") + "\n1\n")
    with pytest.raises(UserError, match="column 'didGo' is missing"):
        list(load(folder, Notes()))
    with pytest.raises(UserError, match=r"No games_clean_X\.csv or games_clean_Y\.csv"):
        list(load(folder / "game_reviews", Notes()))
    with pytest.raises(UserError, match="check the path"):
        list(load(tmp_path / "none", Notes()))
    made_up(tmp_path / "b")
    with pytest.raises(UserError, match="2 files called games_clean_Y"):
        made_up(folder)
        list(load(tmp_path, Notes()))
