"""Models and programs in a repeated prisoner's dilemma: counts, every row against the raw files,
how replies were understood, leaks at the source, every bad input."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

from tests.support.csv_lines import Break, broken_at, write_rows
from tests.support.round_trip import come_back
from tremble.datasets.base import Notes
from tremble.datasets.strategic_ipd import CARD, agent_of, load, status_of
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(
    not DATA, reason="TREMBLE_DATA is not set: the files of Strategic-LLM-IPD are not at hand"
)
FOLDER = Path(DATA or "") / "strategic_llm_ipd"
SMALL = "results/experiment_20250905_152321/evolutionary_shadow75_phase2.csv"
LONG = "results/experiment_20250905_152805/evolutionary_shadow25_phase5.csv"
Cells = dict[str, str]
KEYS = {"C": "cooperate", "D": "defect"}
PAID = {"CC": (3, 3), "CD": (0, 5), "DC": (5, 0), "DD": (1, 1)}


@cache
def raw(name: str) -> tuple[Cells, ...]:
    with (FOLDER / name).open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def names() -> list[str]:
    return sorted(str(file.relative_to(FOLDER)) for file in FOLDER.rglob("evolutionary_*.csv"))


@cache
def everything() -> tuple[tuple[Decision, ...], Notes]:
    notes = Notes()
    return tuple(load(FOLDER, notes)), notes


def written(folder: Path, rows: list[Cells], name: str = SMALL) -> Path:
    return write_rows(folder / name, rows)


def prompts(path: Path) -> dict[str, str]:
    return {d.id: standard(d).plain() for d in load(path, Notes())}


@needs_source
def test_counts() -> None:
    found, notes = everything()
    assert len(found) == len({d.id for d in found}) == 20_238
    games = {d.cluster: d.game for d in found if d.game is not None}
    assert len(games) == 3_780
    facts = {name: dict(one) for game in games.values() for name, one in game.agents.items()}
    kinds = Counter(one["kind"] for one in facts.values())
    assert kinds == {"model": 12, "program": 16}
    by_model = [d for d in found if facts[d.participant or ""]["kind"] == "model"]
    assert len(by_model) == 8_198
    assert len({one["base"] for one in facts.values() if "base" in one}) == 6
    assert CARD.licence == "MIT" and not notes.dropped
    assert sum(len(game.events) == 1 for game in games.values()) == 1_860  # half of them


@needs_source
def test_every_row_is_two_decisions_of_one_game() -> None:
    found, _ = everything()
    rows = [(name, row) for name in names() for row in raw(name)]
    for place, (name, row) in enumerate(rows):
        sides = found[2 * place : 2 * place + 2]
        for side, d in enumerate(sides):
            assert d.game is not None and d.game is sides[0].game
            assert d.participant == row[f"agent{side + 1}"].rsplit("_p", 1)[0]
            assert (d.round, d.at) == (int(row["round"]), int(row["round"]) - 1)
            assert d.choice == KEYS[row[f"agent{side + 1}_move"]]
            assert d.role == f"player {side + 1}" and d.target == "cooperate"
            assert d.participant in d.game.agents
            chance = float(row["shadow_condition"])
            assert d.parameters["ends"] == chance and d.parameters["rounds"] is None
            assert f"the game ends with a probability of {100 * chance:.0f}%" in standard(d).system
            told = {k: d.breakdown[k] for k in ("shadow", "phase", "match", "opponents")}
            phase = int(re.findall(r"phase(\d)", name)[0])
            assert told == {
                "shadow": round(100 * chance),
                "phase": phase,
                "match": row["match_id"],
                "opponents": "anonymous",
            }
    assert 2 * len(rows) == len(found)


@needs_source
def test_each_side_reads_its_own_rounds() -> None:
    found, _ = everything()
    moves: dict[str, list[str]] = defaultdict(list)  # of both, as the file has them
    place = 0
    for name in names():
        for row in raw(name):
            for side, d in enumerate(found[place : place + 2]):
                lines = []
                for number, pair in enumerate(moves[d.cluster], start=1):
                    own, other = pair[side], pair[1 - side]
                    mine, theirs = (PAID[own + other][i] for i in (0, 1))
                    lines += [
                        f"Round {number}:",
                        f"You chose {own} and the other player chose {other}. You got {mine} point"
                        f"{'s' * (mine != 1)} and the other player got {theirs} point"
                        f"{'s' * (theirs != 1)}.",
                    ]
                assert standard(d).user.split("\n") == [*lines, f"Round {d.round}:"]
            moves[found[place].cluster].append(row["agent1_move"] + row["agent2_move"])
            place += 2


@needs_source
def test_siblings_differ_in_temperature_alone() -> None:
    bases: dict[str, set[str]] = defaultdict(set)
    for d in everything()[0]:
        assert d.game is not None
        for name, facts in d.game.agents.items():
            bases[facts.get("base", "")].add(name)
    assert bases["Claude4-Sonnet"] == {f"Claude4-Sonnet_T0{t}" for t in (2, 5, 8)}
    assert bases["Mistral-Medium"] == {f"Mistral-Medium_T{t}" for t in ("02", "07", "12")}
    assert bases["GPT4.1mini"] == {"GPT4.1mini_T1"}  # the dot is no temperature
    assert {"QLearning", "ThompsonSampling", "GradientMetaLearner", "TitForTat"} < bases[""]


@needs_source
def test_what_was_not_read_became_cooperation_and_is_flagged_by_agent() -> None:
    """Held against the raw files with the letters of the last line, written anew here."""
    found, notes = everything()
    rows = [row for name in names() for row in raw(name)]
    status: dict[str | None, Counter[str]] = defaultdict(Counter)
    for place, d in enumerate(found):
        wrote = rows[place // 2][f"agent{place % 2 + 1}_reasoning"].strip()
        if d.game is not None and d.game.agents[d.participant or ""]["kind"] == "program":
            assert dict(d.config) == {}  # rules have a line of reasoning too
            continue
        letters = set(wrote.splitlines()[-1].upper()) & {"C", "D"} if wrote else set()
        wanted = "failed" if not wrote else "read" if len(letters) == 1 else "unreadable"
        assert d.config["status"] == wanted
        status[d.participant][wanted] += 1
        if wanted == "read":
            assert KEYS[letters.pop()] == d.choice
        else:
            assert d.choice == "cooperate"  # the program's fallback
    mistral = [one for name, one in status.items() if str(name).startswith("Mistral")]
    fallen = sum(one["unreadable"] for one in mistral) / sum(one.total() for one in mistral)
    assert 0.7 < fallen < 0.85  # 2,997 of 3,814 in the whole source
    assert status["GPT5nano_T1"]["failed"] > status["GPT5nano_T1"]["read"]
    assert sum(one["failed"] for name, one in status.items() if "GPT5" not in str(name)) == 0
    for name, one in status.items():
        said = [line for line in notes.odd if line.startswith(f"{name}: ")]
        lost = one["unreadable"] + one["failed"]
        assert len(said) == (lost > 0) and all(f"{lost:,} of {one.total():,} " in s for s in said)


@needs_source
def test_repeated_replies_are_told_apart_from_draws() -> None:
    found, notes = everything()
    rows = [row for name in names() for row in raw(name)]
    times: Counter[tuple[object, ...]] = Counter()
    text: dict[tuple[object, ...], str] = {}
    for place, d in enumerate(found):
        if "reply" not in d.config:
            continue
        where = d.breakdown["experiment"], d.breakdown["shadow"], d.breakdown["phase"]
        key = (*where, d.participant, d.config["reply"])
        wrote = rows[place // 2][f"agent{place % 2 + 1}_reasoning"]
        assert text.setdefault(key, wrote) == wrote  # one number, one text
        times[key] += 1
    assert max(times.values()) == 27
    replies = times.total()
    assert f"{replies - len(times):,} of {replies:,} replies of models repeat" in notes.odd[-1]


# Leaks, at the source.


def flipped(rows: tuple[Cells, ...], after: int, sides: str = "12") -> list[Cells]:
    swap = {"C": "D", "D": "C"}
    return [
        {**row, **{f"agent{s}_move": swap[row[f"agent{s}_move"]] for s in sides}}
        if int(row["round"]) >= after
        else dict(row)
        for row in rows
    ]


@needs_source
@pytest.mark.parametrize("number", [1, 2, 3, 6])
@pytest.mark.parametrize("sides", ["12", "1", "2"])
def test_no_prompt_depends_on_a_move_of_its_round_or_on_anything_later(
    number: int, sides: str, tmp_path: Path
) -> None:
    """Of neither side: moves are simultaneous."""
    rows = raw(LONG)
    original = prompts(FOLDER / LONG)
    found = prompts(written(tmp_path, flipped(rows, number, sides), LONG))
    later = 0
    for id_, text in original.items():
        after = int(id_.rsplit("/r", 1)[1]) > number
        assert (found[id_] != text) is after, id_  # the control: every later prompt shows it
        later += after
    assert later


@needs_source
def test_no_record_depends_on_totals_and_no_prompt_on_what_was_written(tmp_path: Path) -> None:
    rows = [dict(row) for row in raw(SMALL)]
    original = list(load(FOLDER / SMALL, Notes()))
    totals = [{**row, "agent1_total_score": "999", "agent2_total_score": "-5"} for row in rows]
    assert list(load(written(tmp_path / "a", totals), Notes())) == original
    words = [{**row, "agent1_reasoning": "I betray. D", "agent2_reasoning": "I trust you. C"}
             for row in rows]  # fmt: skip
    found = list(load(written(tmp_path / "b", words), Notes()))
    assert [standard(d) for d in found] == [standard(d) for d in original]
    assert [d.config for d in found] != [d.config for d in original]  # the control: it is read
    assert [(d.game, d.choice, d.participant) for d in found] == [
        (d.game, d.choice, d.participant) for d in original
    ]
    for d in found:
        assert "betray" not in repr(d) and "999" not in standard(d).plain()


@needs_source
def test_no_prompt_says_who_played_or_depends_on_another_match(tmp_path: Path) -> None:
    rows = [dict(row) for row in raw(LONG)]
    original = prompts(FOLDER / LONG)
    last = rows[-1]["match_id"]
    alone = prompts(written(tmp_path / "a", [r for r in rows if r["match_id"] == last], LONG))
    assert alone.items() <= original.items()
    renamed = [{**row, "agent1": "Zed_T99_p5i1", "agent2": "Zoe_p5i2"} for row in rows]
    assert prompts(written(tmp_path / "b", renamed, LONG)) == original


@needs_source
def test_two_instances_of_one_agent_are_one_participant_on_two_sides() -> None:
    games: dict[str, set[tuple[str | None, str | None]]] = defaultdict(set)
    for d in everything()[0]:
        games[d.cluster].add((d.participant, d.role))
    same = [sides for sides in games.values() if len({name for name, _ in sides}) == 1]
    assert len(same) == 132 and all(len(sides) == 2 for sides in same)


@needs_source
def test_records_travel(tmp_path: Path) -> None:
    come_back(load(FOLDER / LONG, Notes()), tmp_path)


# Made-up files.

HEADER = (
    "timestamp,shadow_condition,match_id,round,agent1,agent2,agent1_move,agent2_move,"
    "agent1_total_score,agent2_total_score,agent1_reasoning,agent2_reasoning"
)
PLAY = [
    't,0.25,m1,1,Ox_T02_p1i1,Copy_p1i1,D,C,6,1,"They look kind.',
    'D",First move.',
    "t,0.25,m1,2,Ox_T02_p1i1,Copy_p1i1,C,D,6,1,,Same as you.",
    "t,0.25,m2,1,Ox_T02_p1i1,Ox_T12_p1i1,C,D,0,5,Good. C or D,I take D",
]


def made_up(folder: Path, lines: list[str] | None = None) -> Path:
    file = folder / "experiment_20250910_1" / "evolutionary_shadow25_phase3.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([HEADER, *(PLAY if lines is None else lines)]) + "\n", "utf-8")
    return folder


def test_a_match_in_full(tmp_path: Path) -> None:
    notes = Notes()
    found = list(load(made_up(tmp_path), notes))
    start = "strategic_ipd/experiment_20250910_1/shadow25_phase3"
    assert [d.id for d in found] == [
        *(f"{start}/m1/p{side}/r{number}" for number in (1, 2) for side in (1, 2)),
        *(f"{start}/m2/p{side}/r1" for side in (1, 2)),
    ]
    assert found[0].game is not None and found[4].game is not None
    assert found[0].game.agents == {
        "Ox_T02": {"kind": "model", "base": "Ox"},
        "Copy": {"kind": "program"},
    }
    assert found[0].breakdown["opponents"] == "tracked"
    assert [dict(d.config) for d in found] == [
        {"status": "read", "reply": 1}, {}, {"status": "failed"}, {},
        {"status": "unreadable", "reply": 2}, {"status": "read", "reply": 1},
    ]  # fmt: skip
    assert standard(found[3]).user == (
        "Round 1:\nYou chose C and the other player chose D. You got 0 points and the other player "
        "got 5 points.\nRound 2:"
    )
    assert notes.odd == [
        "Ox_T02: 2 of 3 moves are C because the reply was unreadable (1) or missing (1)."
    ]


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("Long thoughts.\nC", "read"), ("x\n**D**\n\n", "read"), ("My move: c", "read"),
        ("C\nI defect, or cooperate", "unreadable"), ("D\nsorry!", "unreadable"),
        ("", "failed"), (" \n ", "failed"),
    ],
)  # fmt: skip
def test_how_a_reply_was_understood(reply: str, status: str) -> None:
    assert status_of(reply) == status


def test_names() -> None:
    assert agent_of("GPT4.1mini_T1_p2i10") == (
        "GPT4.1mini_T1",
        {"kind": "model", "base": "GPT4.1mini"},
    )
    assert agent_of("SoftGrudger_p5i9") == ("SoftGrudger", {"kind": "program"})


@pytest.mark.parametrize(
    ("broken", "line", "words"),
    [
        (broken_at(4, "C,D,6", "C,X,6"), 4, ["agent2_move", "'X'", "C or D"]),
        (broken_at(4, "0.25", "0.75"), 4, ["shadow_condition", "'0.75'", "0.25"]),
        (broken_at(4, "m1,2", "m1,3"), 4, ["round 3", "'m1'"]),
        (broken_at(4, "m1,2", "m1,two"), 4, ["'two'"]),
        (broken_at(4, "Copy_p1i1", "Copy"), 4, ["'Copy'", "phase and instance"]),
        (broken_at(4, "Copy_p1i1", "Rat_p1i1"), 4, ["'m1'", "does not follow"]),
        (lambda lines: [*lines, *lines[:2]], 7, ["round 1", "'m1'"]),
        (lambda lines: [], 1, ["no rows"]),
    ],
)
def test_a_bad_row_is_one_sentence_with_file_line_and_cure(
    tmp_path: Path, broken: Break, line: int, words: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        list(load(made_up(tmp_path, broken(PLAY)), Notes()))
    said = str(caught.value)
    assert f"phase3.csv, line {line}" in said and said.endswith(".") and "\n" not in said
    assert all(word in said for word in [*words, "fresh copy"])


def test_no_files_two_copies_and_missing_columns(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="check the path"):
        list(load(tmp_path / "none", Notes()))
    with pytest.raises(UserError, match="give the source's folder results"):
        list(load(tmp_path, Notes()))
    made_up(tmp_path / "a")
    made_up(tmp_path / "b")
    with pytest.raises(UserError, match="two copies of one file"):
        list(load(tmp_path, Notes()))
    file = next((tmp_path / "a").rglob("*.csv"))
    file.write_text(HEADER.replace(",agent2_reasoning", "") + "\n1\n")
    with pytest.raises(UserError, match="column 'agent2_reasoning' is missing"):
        list(load(file, Notes()))
