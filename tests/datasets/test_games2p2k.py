"""Games of two by two as rates: a made-up file in the source's columns, in both ways in which the
column player's rows may be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.round_trip import come_back
from tremble.datasets.base import Notes
from tremble.datasets.games2p2k import CARD, load
from tremble.decisions.record import Decision, target_share
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import presentations

HEADER = "unique_id,game_id,row_form_matrix,topology,role,up_choice,extra"
# The row player: 21 10 / 24 17, ranks 3 1 / 4 2: dilemma, since her best (24) is on the left and
# the column player's (19) above. He, his options as rows: 2 6 / 19 4, ranks 1 3 / 4 2: hero.
ROW = "[21 10 24 17  2 19  6  4]"
TURNED = (
    "[ 2  6 19  4 21 24 10 17]"  # own 2 6 / 19 4, other 21 24 / 10 17: what the column player has
)


def line(
    id_: str = "1",
    game: str = "g1",
    matrix: str = ROW,
    topology: str = "('dilemma', 'hero')",
    role: str = "rowplayer",
    up: str = "0.25",
) -> str:
    return f'{id_},{game},"{matrix}","{topology}",{role},{up},x'


def imported(tmp_path: Path, *lines: str, header: str = HEADER) -> tuple[list[Decision], Notes]:
    file = tmp_path / "games2p2k_main.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    notes = Notes()
    return list(load(tmp_path, notes)), notes


AS_PLAYED = (line(), line("2", matrix=TURNED, role="colplayer", up="0.6"))
AS_ONE_GAME = (line(), line("2", matrix=ROW, role="colplayer", up="0.6"))


@pytest.mark.parametrize("rows", [AS_PLAYED, AS_ONE_GAME])
def test_both_roles_have_their_own_points_first(tmp_path: Path, rows: tuple[str, str]) -> None:
    (mine, theirs), notes = imported(tmp_path, *rows)
    assert mine.parameters == {
        "own_payoffs": [[21, 10], [24, 17]],
        "other_payoffs": [[2, 19], [6, 4]],
    }
    assert theirs.parameters == {
        "own_payoffs": [[2, 6], [19, 4]],
        "other_payoffs": [[21, 24], [10, 17]],
    }
    assert (mine.rates, theirs.rates) == ({"1": 0.25, "2": 0.75}, {"1": 0.6, "2": 0.4})
    assert (mine.n, mine.target, target_share(mine)) == (None, "1", 0.25)
    assert [d.id for d in (mine, theirs)] == ["games2p2k/1/rowplayer", "games2p2k/2/colplayer"]
    assert [(d.config["topology"], d.config["other_topology"]) for d in (mine, theirs)] == [
        ("dilemma", "hero"),
        ("hero", "dilemma"),
    ]
    assert not notes.dropped and not notes.odd
    assert CARD.licence == "not stated"


def test_the_words_and_both_orders(tmp_path: Path) -> None:
    decision = imported(tmp_path, *AS_PLAYED)[0][1]
    assert presentations(decision) == (0, 1)
    assert standard(decision, 1).user == (
        "Your options: J, F. The other player's options: 1, 2.\n"
        "If you choose J and the other player chooses 1, you get 19 points and the other player "
        "gets 10 points.\n"
        "If you choose J and the other player chooses 2, you get 4 points and the other player "
        "gets 17 points.\n"
        "If you choose F and the other player chooses 1, you get 2 points and the other player "
        "gets 21 points.\n"
        "If you choose F and the other player chooses 2, you get 6 points and the other player "
        "gets 24 points."
    )


# The prisoner's dilemma 3 0 / 5 1 for both, the same from either side; and the ties of 3 3 / 5 1.
PD = "[3 0 5 1 3 5 0 1]"
TIED = "[3 3 5 1 3 5 3 1]"


def test_topologies_are_kept_and_what_differs_is_counted(tmp_path: Path) -> None:
    both = "('dilemma', 'dilemma')"
    found, notes = imported(
        tmp_path,
        line("1", "a", PD, both),
        line("2", "b", PD, "('dilemma', 'chicken')"),
        line("3", "c", PD, "('chicken', 'chicken')", "colplayer"),
        line("4", "d", TIED, both),
    )
    assert [(d.config["topology"], d.config["other_topology"]) for d in found] == [
        ("dilemma", "dilemma"),
        ("dilemma", "chicken"),
        ("chicken", "chicken"),
        ("dilemma", "dilemma"),
    ]
    stated = [note for note in notes.odd if "state a topology" in note]
    assert stated == [
        "2 of 4 rows state a topology, but the points imply a different one (the first: line 3, "
        "dilemma and chicken); the stated topology is kept.",
        "1 of 4 rows state a topology, but points are tied, so there is none (the first: line 5, "
        "dilemma and dilemma); the stated topology is kept.",
    ]
    assert "No game shows whose points come first" in notes.odd[0]


def test_a_topology_named_from_either_side_is_the_readers_own_first(tmp_path: Path) -> None:
    # Row player 3 0 / 5 1: dilemma. Column player's own points, her options as rows: 4 1 / 3 2 with
    # the other's best (5) in her first row: 4 on the left is best, 4 1 / 3 2 is the stag hunt.
    matrix, turned = "[3 0 5 1 4 3 1 2]", "[4 1 3 2 3 5 0 1]"
    pairs = "('dilemma', 'staghunt')", "('staghunt', 'dilemma')"
    for first in pairs:
        found, notes = imported(
            tmp_path,
            line("1", "a", matrix, pairs[0]),
            line("2", "a", turned, first, "colplayer"),
        )
        assert not notes.odd
        assert [(d.config["topology"], d.config["other_topology"]) for d in found] == [
            ("dilemma", "staghunt"),
            ("staghunt", "dilemma"),
        ]
    # The row player's pair has one order only.
    _, notes = imported(tmp_path, line("1", "a", matrix, pairs[1]))
    assert len(notes.odd) == 1


def test_no_prompt_depends_on_what_people_did_or_on_the_labels_of_the_game(tmp_path: Path) -> None:
    def prompts(*rows: str) -> list[str]:
        return [
            standard(d, o).plain() for d in imported(tmp_path, *rows)[0] for o in presentations(d)
        ]

    original = prompts(*AS_PLAYED)
    other = (
        line("7", "h", topology="('peace', 'peace')", up="1"),
        line("8", "h", TURNED, "('peace', 'peace')", "colplayer", "0"),
    )
    assert prompts(*other) == original
    assert prompts(line(matrix=ROW.replace("21", "22")))[0] != original[0]


def test_records_keep_the_problems(tmp_path: Path) -> None:
    found, _ = imported(tmp_path, *AS_PLAYED)
    come_back(found, tmp_path)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (line(id_=""), ["unique_id is ''", "an identifier"]),
        (line(game=" "), ["game_id is ' '", "an identifier"]),
        (line(matrix="[1 2 3 4 5 6 7]"), ["row_form_matrix is '[1 2 3 4 5 6 7]'", "eight points"]),
        (line(matrix="[1 2 3 4 5 6 7 x]"), ["row_form_matrix", "eight points"]),
        (line(matrix="1 2 3 4 5 6 7 8"), ["row_form_matrix", "eight points"]),
        (line(matrix="[1 2 3 4 5 6 7 inf]"), ["row_form_matrix", "eight points"]),
        (line(topology="dilemma"), ["topology is 'dilemma'", "('dilemma', 'hero')"]),
        (line(role="row"), ["role is 'row'", "rowplayer or colplayer"]),
        (line(up="1.01"), ["up_choice is '1.01'", "from 0 to 1"]),
        (line(up=""), ["up_choice is ''", "from 0 to 1"]),
        (line(up="nan"), ["up_choice is 'nan'", "from 0 to 1"]),
        (line("9")[:-2], ["6 cells", "7"]),
        (line(), ["unique_id '1' already has a rowplayer"]),
    ],
)
def test_a_bad_row_is_one_sentence_with_file_line_and_cure(
    tmp_path: Path, bad: str, words: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        imported(tmp_path, line(), bad)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'games2p2k_main.csv'}, line 3: ")
    assert message.endswith(".") and "\n" not in message
    for word in [*words, "fresh copy"]:
        assert word in message


def test_a_file_written_in_both_ways_or_of_other_columns_is_refused(tmp_path: Path) -> None:
    again = (line("3", "g2"), line("4", "g2", ROW, role="colplayer"))
    with pytest.raises(
        UserError,
        match=r"line 3: row_form_matrix of game 'g1' is written from the column.*'g2'",
    ):
        imported(tmp_path, *AS_PLAYED, *again)
    with pytest.raises(UserError, match=r"the column 'up_choice' is missing"):
        imported(tmp_path, line(), header=HEADER.replace("up_choice", "up"))
    with pytest.raises(UserError, match="no rows"):
        imported(tmp_path)
