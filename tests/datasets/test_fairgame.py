"""Language models told penalties: counts, rows against the raw files, agents, leaks at the source,
every bad input."""

from __future__ import annotations

import ast
import csv
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.control_cases import told
from tests.support.csv_lines import Break, broken_at, write_rows
from tests.support.round_trip import come_back
from tremble.datasets.base import Notes
from tremble.datasets.fairgame import CARD, load
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import FORMULATIONS, standard

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(
    not DATA, reason="TREMBLE_DATA is not set: the files of FAIRGAME are not at hand"
)
FOLDER = Path(DATA or "") / "fairgame_pd" / "Dataset"
UNTOLD = "data_fairgame_frontier_llm/1/claude/x1_en_claude.csv"  # some in capitals
TOLD = "data_fairgame_small_llm/0.1/gemma_3_12b/x0.1_vn_gemma_3_12b.csv"
GEMINI = "data_fairgame_frontier_llm/10/gemini-3.5-flash-lite/x10_fr_gemini-3.5-flash-lite.csv"
Cells = dict[str, str]
PENALTIES = {"AA": (6, 6), "AB": (0, 10), "BA": (10, 0), "BB": (2, 2)}


def raw(name: str) -> list[Cells]:
    with (FOLDER / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def names() -> list[str]:
    return sorted(str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.csv"))


def read(name: str) -> list[Decision]:
    return list(load(FOLDER / name, Notes()))


@cache
def everything() -> tuple[Decision, ...]:
    notes = Notes()
    found = tuple(load(FOLDER.parent, notes))
    assert not notes.dropped and not notes.odd
    return found


def moves(row: Cells, side: int) -> list[str]:
    return [
        word.removeprefix("Option") for word in ast.literal_eval(row[f"agent{side}_strategies"])
    ]


def written(folder: Path, rows: list[Cells], name: str) -> Path:
    return write_rows(folder / name, rows)


def prompts(path: Path) -> dict[str, str]:
    return {d.id: standard(d).plain() for d in load(path, Notes())}


@needs_source
def test_counts() -> None:
    found = everything()
    assert len(found) == len({d.id for d in found}) == 240_000
    games = {d.cluster: d.game for d in found if d.game is not None}
    assert len(games) == 4_800
    facts = {name: dict(one) for game in games.values() for name, one in game.agents.items()}
    assert len(facts) == len({d.participant for d in found}) == 50
    assert Counter(one["base"] for one in facts.values()) == dict.fromkeys(
        ("claude", "gemini-3.5-flash-lite", "gemma_3_12b", "llama-3-1-8b", "qwen3_8b"), 10
    )
    assert {one["kind"] for one in facts.values()} == {"model"}
    # Half of the games pair equal personalities: both sides are then one agent.
    assert Counter(len(game.agents) for game in games.values()) == {1: 2_400, 2: 2_400}
    assert CARD.licence == "not stated"
    assert not any("status" in d.breakdown for d in found)  # the files do not say


@needs_source
def test_every_move_of_every_file_is_a_decision_of_its_agent() -> None:
    found: Iterator[Decision] = iter(everything())
    rates: dict[str | None, list[bool]] = defaultdict(list)
    for name in names():
        _, scale, model, file = name.split("/")
        for number, row in enumerate(raw(name)):
            sides = [moves(row, side) for side in (1, 2)]
            for at in range(int(row["played_rounds"])):
                for side in (1, 2):
                    d = next(found)
                    trait = row[f"agent{side}_personality"].lower()
                    assert d.participant == f"{model}/{file.split('_')[1]}/{trait}"
                    assert (d.choice, d.at, d.round) == (sides[side - 1][at], at, at + 1)
                    assert (d.role, d.target) == (f"player {side}", "A")
                    assert (d.breakdown["game"], d.breakdown["scale"]) == (number, float(scale))
                    assert d.config == {"personality": trait}
                    rates[d.participant].append(d.choice == "A")
    assert next(found, None) is None
    shares = sorted(sum(one) / len(one) for one in rates.values())
    assert (round(shares[0], 2), round(shares[-1], 3)) == (0.06, 0.996)
    assert sum(share > 0.97 for share in shares) == 2


@needs_source
def test_capitals_make_no_further_agent() -> None:
    raw_traits = {row["agent1_personality"] for row in raw(UNTOLD)}
    assert raw_traits == {"COOPERATIVE", "SELFISH", "cooperative", "selfish"}
    assert {d.participant for d in read(UNTOLD)} == {
        "claude/en/cooperative",
        "claude/en/selfish",
    }


@needs_source
@pytest.mark.parametrize("name", [UNTOLD, TOLD, GEMINI])
def test_every_prompt_shows_the_penalties_as_they_were_told(name: str) -> None:
    rows, scale = raw(name), float(name.split("/")[1])
    both = 8 if "small" in name else 6
    for d in read(name):
        row = rows[d.breakdown["game"]]
        text = standard(d)
        mine, theirs = (1, 2) if d.role == "player 1" else (2, 1)
        own, other = moves(row, mine), moves(row, theirs)
        paid = [ast.literal_eval(row[f"agent{side}_scores"]) for side in (mine, theirs)]
        told_rounds = row["n_rounds_is_known"] == "True"
        assert ("The game has 30 rounds." in text.system) is ("small" in name)
        assert ("You are not told how many." in text.system) is not told_rounds
        lines = text.user.split("\n")
        for at in range(d.at):
            assert lines[2 * at + 1] == (
                f"You chose {own[at]} and the other player chose {other[at]}. You got a penalty of "
                f"{paid[0][at]:g} and the other player got a penalty of {paid[1][at]:g}."
            )
        assert len(lines) == 2 * d.at + 1
        assert (
            f"If you choose A and the other player chooses A, you get a penalty of {both * scale:g}"
        ) in text.system
        assert "as small as possible" in text.system
    assert told_rounds is (name != UNTOLD)


@needs_source
def test_no_wording_names_personality_language_model_or_cooperation() -> None:
    decision = next(d for d in read(UNTOLD) if d.at == 3)
    for wording in FORMULATIONS:
        text = told(wording, decision)
        if text is not None:
            said = text.plain().lower()
            for word in ("selfish", "cooperat", "claude", "english", "betray", "defect", "points"):
                assert word not in said, (wording, word)


# Leaks, at the source.


def changed(rows: list[Cells], after: int, sides: tuple[int, ...], scale: float) -> list[Cells]:
    """The moves of these sides from round `after` on turned, with the penalties that follow."""
    found = []
    for row in rows:
        played = [
            [
                ("B" if move == "A" else "A") if side in sides and at >= after else move
                for at, move in enumerate(moves(row, side), start=1)
            ]
            for side in (1, 2)
        ]
        paid = [PENALTIES[a + b] for a, b in zip(*played, strict=True)]
        new = dict(row)
        for side in (1, 2):
            new[f"agent{side}_strategies"] = str([f"Option{m}" for m in played[side - 1]])
            new[f"agent{side}_scores"] = str([one[side - 1] * scale for one in paid])
        found.append(new)
    return found


@needs_source
@pytest.mark.parametrize("sides", [(1, 2), (1,), (2,)])
@pytest.mark.parametrize("number", [1, 4, 10])
def test_no_prompt_depends_on_a_move_of_its_round_or_on_anything_later(
    number: int, sides: tuple[int, ...], tmp_path: Path
) -> None:
    """Of neither side: moves are simultaneous. The other side's rows never come before."""
    rows = raw(GEMINI)
    original = prompts(FOLDER / GEMINI)
    same = written(tmp_path / "same", changed(rows, 99, sides, 10), GEMINI)
    assert prompts(same) == original  # penalties are put together as in the source
    found = prompts(written(tmp_path, changed(rows, number, sides, 10), GEMINI))
    for id_, text in original.items():
        assert (found[id_] != text) is (int(id_.rsplit("/r", 1)[1]) > number), id_


@needs_source
def test_no_prompt_depends_on_who_plays_or_on_columns_that_nobody_read(tmp_path: Path) -> None:
    rows = raw(GEMINI)
    original = prompts(FOLDER / GEMINI)
    planted = [
        {**row, "game_id": "game_999", "agent1_llm": "X", "agent2_llm": "Y",
         "agent1_personality": "zeal", "agent2_personality": "doubt", "agent1_messages": "['hi']",
         "agent2_knows_opponent_with_prob": "80"}
        for row in rows
    ]  # fmt: skip
    assert prompts(written(tmp_path / "a", planted, GEMINI)) == original
    alone = prompts(written(tmp_path / "b", rows[:1], GEMINI))
    assert alone.items() <= original.items() and len(alone) == 20
    untold = [{**row, "n_rounds_is_known": "False"} for row in rows]  # the control
    found = prompts(written(tmp_path / "c", untold, GEMINI))
    assert all(found[id_] != text for id_, text in original.items())


@needs_source
def test_records_travel(tmp_path: Path) -> None:
    come_back(read(UNTOLD), tmp_path)


# Made-up files.

HEADER = (
    "game_id,language,n_rounds_is_known,max_rounds,played_rounds,agents_communicate,"
    "agent1_personality,agent1_strategies,agent1_scores,"
    "agent2_personality,agent2_strategies,agent2_scores"
)
PLAY = [
    "game_0,en,True,2,2,False,SHY,\"['OptionA', 'OptionB']\",\"[1.6, 2.0]\","
    "Bold,\"['OptionA', 'OptionA']\",\"[1.6, 0.0]\"",
    "game_0,en,False,2,1,False,shy,['OptionB'],[0.4],shy,['OptionB'],[0.4]",
]
PLACE = "data_fairgame_small_llm/0.2/ox_2b/x0.2_en_ox_2b.csv"


def made_up(folder: Path, lines: list[str] | None = None, place: str = PLACE) -> Path:
    file = folder / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([HEADER, *(PLAY if lines is None else lines)]) + "\n", "utf-8")
    return file


def test_a_game_in_full(tmp_path: Path) -> None:
    made_up(tmp_path)
    found = list(load(tmp_path, Notes()))
    start = "fairgame/small/0.2/ox_2b/en"
    assert [d.id for d in found] == [
        *(f"{start}/0/p{side}/r{number}" for number in (1, 2) for side in (1, 2)),
        *(f"{start}/1/p{side}/r1" for side in (1, 2)),
    ]
    assert found[0].game is not None and found[4].game is not None
    sibling = {"kind": "model", "base": "ox_2b"}
    assert found[0].game.agents == {"ox_2b/en/shy": sibling, "ox_2b/en/bold": sibling}
    assert found[4].game.agents == {"ox_2b/en/shy": sibling}
    assert [d.participant for d in found[4:]] == ["ox_2b/en/shy"] * 2
    first, second = found[2:4]
    assert standard(first).user == (
        "Round 1 of 2:\nYou chose A and the other player chose A. You got a penalty of 1.6 and the "
        "other player got a penalty of 1.6.\nRound 2 of 2:"
    )
    assert (first.choice, second.choice) == ("B", "A")
    assert "You are not told how many." in standard(found[4]).system


@pytest.mark.parametrize(
    ("broken", "line", "words"),
    [
        (broken_at(3, "OptionB", "OptionC"), 3, ["agent1_strategies", "OptionC"]),
        (broken_at(3, "['OptionB']", "OptionB"), 3, ["agent1_strategies", "not a list"]),
        (broken_at(3, "[0.4]", "[None]"), 3, ["agent1_scores", "list of numbers"]),
        (broken_at(3, "[0.4]", "[2]"), 3, ["round 1", "2 and 0.4", "scale 0.2"]),
        (broken_at(2, "[1.6, 2.0]", "[1.6]"), 2, ["one length"]),
        (broken_at(3, "2,1,False", "2,2,False"), 3, ["one length"]),
        (broken_at(2, "en,True", "fr,True"), 2, ["language", "'fr'", "'en'"]),
        (broken_at(2, "True", "yes"), 2, ["n_rounds_is_known", "'yes'"]),
        (broken_at(2, "True,2", "True,0"), 2, ["max_rounds", "'0'"]),
        (broken_at(2, "2,2,False", "2,2,True"), 2, ["agents_communicate", "'True'"]),
        (broken_at(2, "SHY", " "), 2, ["agent1_personality", "a word"]),
        (lambda lines: [], 1, ["no rows"]),
    ],
)
def test_a_bad_row_is_one_sentence_with_file_line_and_cure(
    tmp_path: Path, broken: Break, line: int, words: list[str]
) -> None:
    made_up(tmp_path, broken(PLAY))
    with pytest.raises(UserError) as caught:
        list(load(tmp_path, Notes()))
    said = str(caught.value)
    assert f"x0.2_en_ox_2b.csv, line {line}" in said and said.endswith(".") and "\n" not in said
    assert all(word in said for word in [*words, "fresh copy"])


def test_other_places_copies_missing_columns_and_no_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="check the path"):
        list(load(tmp_path / "none", Notes()))
    with pytest.raises(UserError, match="give the source's folder Dataset"):
        list(load(tmp_path, Notes()))
    lost = made_up(tmp_path / "a", place="arm/0.2/ox_2b/x0.2_en_ox_2b.csv")
    with pytest.raises(UserError, match="keep the folders of the source"):
        list(load(lost, Notes()))
    made_up(tmp_path / "b" / "one")
    made_up(tmp_path / "b" / "two")
    with pytest.raises(UserError, match="two copies of one file"):
        list(load(tmp_path / "b", Notes()))
    file = made_up(tmp_path / "c")
    file.write_text(HEADER.replace("played_rounds,", "") + "\n1\n")
    with pytest.raises(UserError, match="column 'played_rounds' is missing"):
        list(load(file, Notes()))
