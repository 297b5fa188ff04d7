"""Akata et al.: counts, derived moves against brute force, leaks at the source, every bad input."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.support.csv_lines import Break, broken_at
from tests.support.round_trip import come_back
from tremble.datasets.akata2025 import CARD, load
from tremble.datasets.base import Notes
from tremble.decisions.record import Decision, target_share
from tremble.errors import UserError
from tremble.prompts.formulations import standard

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(
    not DATA, reason="TREMBLE_DATA is not set: the files of Akata et al. are not at hand"
)
HEADER = "id,game,action,score,opponent,guess,coordination"
Cells = dict[str, str]

# (own action, other's action) -> (own points, other's points), in the file's codes: in the battle
# of the sexes 1 is the option the other player likes best, whoever of the two plays it.
PAY = {
    "PD": {(1, 1): (8, 8), (1, 0): (0, 10), (0, 1): (10, 0), (0, 0): (5, 5)},
    "BoS": {(1, 1): (7, 10), (1, 0): (0, 0), (0, 1): (0, 0), (0, 0): (10, 7)},
}
KEYS = {"PD": ("defect", "cooperate"), "BoS": ("own favourite", "other's favourite")}
ODD = {("17", "BoS", 3), ("17", "BoS", 8), ("38", "BoS", 9), ("153", "PD", 10)}


def source_rows() -> list[Cells]:
    with (Path(DATA or "") / "akata2025" / "repgames.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def imported(path: Path) -> tuple[dict[str, Decision], Notes]:
    notes = Notes()
    found = list(load(path, notes))
    assert len({decision.id for decision in found}) == len(found)
    return {decision.id: decision for decision in found}, notes


def prompts(rows: list[Cells], tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "repgames.csv"
    with file.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, HEADER.split(","))
        writer.writeheader()
        writer.writerows(rows)
    return {id_: standard(found).plain() for id_, found in imported(file)[0].items()}


def rounds(rows: list[Cells]) -> list[int]:
    """The round of every row: its place among the rows of the same person and game."""
    count: Counter[tuple[str, str]] = Counter()
    found = []
    for row in rows:
        count[row["id"], row["game"]] += 1
        found.append(count[row["id"], row["game"]])
    return found


def flipped(row: Cells) -> Cells:
    """The other choice, with the points of the other's first move under the table of payoffs."""
    action = 1 - int(row["action"])
    other = int(row["coordination"])
    points = PAY[row["game"]][action, other][0]
    return {**row, "action": str(action), "score": str(points)}


@needs_source
def test_counts() -> None:
    found, notes = imported(Path(DATA or ""))
    assert len(found) == 3900
    assert Counter(d.breakdown["game"] for d in found.values()) == {"PD": 1950, "BoS": 1950}
    assert len({d.participant for d in found.values()}) == 195
    assert set(Counter(d.participant for d in found.values()).values()) == {20}
    assert set(Counter(d.cluster for d in found.values()).values()) == {10}
    assert not notes.dropped
    assert sum(target_share(d) or 0 for d in found.values()) == 1835  # rows with action 1
    assert CARD.licence == "MIT"


@needs_source
def test_every_row_becomes_its_decision_and_every_move_agrees_with_brute_force() -> None:
    rows = source_rows()
    found, notes = imported(Path(DATA or ""))
    derived = 0
    odd = set()
    for line, (row, number) in enumerate(zip(rows, rounds(rows), strict=True), start=2):
        game = row["game"]
        decision = found[f"akata2025/{row['id']}/{game}/r{number}"]
        assert decision.choice == KEYS[game][int(row["action"])]
        assert (decision.participant, decision.round) == (row["id"], number)
        assert (decision.at, decision.line) == (number - 1, line)
        assert decision.target == KEYS[game][1]
        assert [(o.key, o.label) for o in decision.options] == [
            (KEYS[game][1], "J"),
            (KEYS[game][0], "F"),
        ]
        assert decision.game is not None and decision.game.id == f"akata2025/{row['id']}/{game}"
        assert dict(decision.game.config) == {"game": game, "opponent": row["opponent"]}
        own, points = int(row["action"]), int(row["score"])
        fits = [other for other in (0, 1) if PAY[game][own, other][0] == points]
        event = decision.game.events[number - 1].data
        assert event["choice"] == decision.choice and event["points"] == points
        if len(fits) == 1:
            derived += 1
            assert event["other"] == KEYS[game][fits[0]]
            assert event["other_points"] == PAY[game][own, fits[0]][1]
        else:
            odd.add((row["id"], game, number))
            assert event["other"] is None and event["other_points"] is None
    assert derived == 3896
    assert odd == ODD
    assert sorted(note.split(":")[0] for note in notes.odd) == sorted(
        f"akata2025/{id_}/{game}/r{number}" for id_, game, number in ODD
    )


@needs_source
def test_a_contradiction_shows_the_choice_and_the_recorded_points_alone() -> None:
    found, _ = imported(Path(DATA or ""))
    lines = standard(found["akata2025/17/BoS/r4"]).user.splitlines()
    at = lines.index("Round 3 of 10:")
    assert lines[at + 1] == "You chose F. You got 7 points."
    assert "the other player" in lines[at - 1]  # the round before is told in full
    assert "akata2025/17/BoS/r11" not in found
    before = standard(found["akata2025/153/PD/r10"]).user
    assert before.count("the other player chose") == 9


@needs_source
def test_only_1202_prompts_are_distinct() -> None:
    rows = source_rows()
    histories: set[tuple[str, ...]] = set()
    plays: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in rows:
        before = plays.get((row["id"], row["game"]), (row["game"],))
        histories.add(before)
        plays[row["id"], row["game"]] = (*before, row["action"] + "/" + row["score"])
    found, _ = imported(Path(DATA or ""))
    assert len(histories) == 1202
    assert len({standard(decision).plain() for decision in found.values()}) == 1202


@needs_source
def test_histories_grow_and_travel_through_records(tmp_path: Path) -> None:
    found, _ = imported(Path(DATA or ""))
    for id_, decision in found.items():
        if decision.round != 1:
            earlier = found[id_.rsplit("/r", 1)[0] + f"/r{(decision.round or 0) - 1}"]
            assert standard(decision).user.startswith(standard(earlier).user + "\n")
            assert standard(decision).system == standard(earlier).system
    come_back(list(found.values())[:200], tmp_path)


@needs_source
@pytest.mark.parametrize("number", range(1, 11))
def test_no_prompt_depends_on_its_own_choice_or_on_anything_later(
    number: int, tmp_path: Path
) -> None:
    rows = source_rows()
    original = prompts(rows, tmp_path)
    at = rounds(rows)
    changed = [flipped(row) if n >= number else row for row, n in zip(rows, at, strict=True)]
    found = prompts(changed, tmp_path)
    for id_, text in original.items():
        later = int(id_.rsplit("/r", 1)[1]) > number
        assert (found[id_] != text) is later  # the control: every later prompt shows the change


@needs_source
def test_no_prompt_depends_on_the_other_game_or_the_other_columns(tmp_path: Path) -> None:
    rows = source_rows()
    original = prompts(rows, tmp_path)
    swap = {"Base": "Prompted", "Prompted": "Base", "LLM": "Human", "Human": "LLM"}
    for changes in ("opponent", "guess", "coordination"):
        new = [
            {**row, changes: swap.get(row[changes], str(1 - int(row["coordination"])))}
            for row in rows
        ]
        assert all(a[changes] != b[changes] for a, b in zip(rows, new, strict=True))
        assert prompts(new, tmp_path) == original
    for game in ("PD", "BoS"):
        found = prompts([flipped(r) if r["game"] == game else r for r in rows], tmp_path)
        for id_, text in original.items():
            own = f"/{game}/" in id_ and not id_.endswith("/r1")
            assert (found[id_] != text) is own
    # Another person's rows are as far away: people in reversed order change nothing.
    people = sorted({row["id"] for row in rows}, key=int, reverse=True)
    turned = [row for person in people for row in rows if row["id"] == person]
    assert prompts(turned, tmp_path) == original


def a_play(game: str = "PD", id_: str = "1", count: int = 10) -> list[str]:
    return [f"{id_},{game},1,{'8' if game == 'PD' else '7'},Base,LLM,1"] * count


def file_of(tmp_path: Path, lines: list[str], header: str = HEADER) -> Path:
    file = tmp_path / "repgames.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return file


def test_the_file_its_folder_and_a_folder_above_give_the_same(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    file = file_of(deep, [*a_play(), *a_play("BoS")])
    found = [list(imported(path)[0]) for path in (file, deep, tmp_path)]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 20


def test_a_byte_order_mark_crlf_blank_lines_and_another_column_order_are_read(
    tmp_path: Path,
) -> None:
    plain = imported(file_of(tmp_path, a_play()))[0]
    names = HEADER.split(",")
    turned = [",".join(reversed(line.split(","))) for line in [",".join(names), *a_play()]]
    (tmp_path / "repgames.csv").write_bytes(
        b"\xef\xbb\xbf" + "\r\n".join([*turned, "", ""]).encode()
    )
    found = imported(tmp_path)[0]
    assert [(d.id, d.choice, d.line) for d in found.values()] == [
        (d.id, d.choice, d.line) for d in plain.values()
    ]


@pytest.mark.parametrize(
    ("broken", "line", "words"),
    [
        (broken_at(4, "PD", "pd"), 4, ["game", "'pd'", "PD or BoS"]),
        (broken_at(5, ",1,8,", ",2,8,"), 5, ["action", "'2'", "0 or 1"]),
        (broken_at(5, ",1,8,", ",,8,"), 5, ["action", "''"]),
        (broken_at(6, ",8,", ",7,"), 6, ["score", "'7'", "0 or 5 or 8 or 10"]),
        (broken_at(6, ",8,", ",8.0,"), 6, ["score", "'8.0'"]),
        (broken_at(7, "Base", "base"), 7, ["opponent", "'base'", "Base or Prompted"]),
        (broken_at(7, "Base", "Prompted"), 7, ["opponent", "'Prompted'", "within the same play"]),
        (broken_at(8, "LLM", "Bot"), 8, ["guess", "'Bot'", "LLM or Human"]),
        (broken_at(9, "LLM,1", "LLM,x"), 9, ["coordination", "'x'"]),
        (broken_at(2, "1,PD", "0,PD"), 2, ["id", "'0'", "whole number from 1"]),
        (broken_at(2, "1,PD", "x,PD"), 2, ["id", "'x'"]),
        (broken_at(3, ",Base", ""), 3, ["6 cells", "7"]),
        (broken_at(3, "LLM", '"LLM'), None, ["not CSV", "fresh copy"]),
        (lambda lines: lines[:9], 10, ["person 1", "PD", "9 rounds", "10"]),
        (lambda lines: [*lines, lines[0]], 12, ["person 1", "PD", "11th", "repeated rows"]),
        (lambda lines: lines * 2, 12, ["person 1", "PD", "11th"]),
        (lambda lines: [], 1, ["no rows"]),
    ],
)
def test_a_bad_row_is_one_sentence_with_file_line_and_cure(
    tmp_path: Path, broken: Break, line: int | None, words: list[str]
) -> None:
    assert len(imported(file_of(tmp_path, a_play()))[0]) == 10  # sound before it is broken
    file = file_of(tmp_path, broken(a_play()))
    with pytest.raises(UserError) as caught:
        list(load(tmp_path, Notes()))
    message = str(caught.value)
    assert str(file) in message and message.endswith(".") and "\n" not in message
    assert f"line {'' if line is None else line}" in message
    for word in [*words, "fresh copy"]:
        assert word in message


@pytest.mark.parametrize(
    "header", ["id,game,action,score,opponent,guess", HEADER + ",age", HEADER.replace("id", "ID")]
)
def test_wrong_columns_are_shown_beside_the_right_ones(tmp_path: Path, header: str) -> None:
    file_of(tmp_path, a_play(), header)
    with pytest.raises(UserError) as caught:
        list(load(tmp_path, Notes()))
    assert "line 1" in str(caught.value)
    assert repr(header) in str(caught.value) and repr(HEADER) in str(caught.value)


def test_a_file_that_is_not_utf_8_or_empty_or_absent(tmp_path: Path) -> None:
    file = tmp_path / "repgames.csv"
    file.write_bytes(f"{HEADER}\n1,PD,1,8,Base,LLM,1\n".encode() + b"\xe9,PD\n")
    with pytest.raises(UserError, match=r"line 3: byte 0xe9 is not UTF-8; save the file as UTF-8"):
        list(load(tmp_path, Notes()))
    file.write_bytes(HEADER.encode("utf-16"))
    with pytest.raises(UserError, match="not UTF-8"):
        list(load(tmp_path, Notes()))
    file.write_bytes(b"")
    with pytest.raises(UserError, match="no rows"):
        list(load(tmp_path, Notes()))
    file.unlink()
    with pytest.raises(UserError, match=r"No repgames\.csv"):
        list(load(tmp_path, Notes()))
    with pytest.raises(UserError, match="no file or folder"):
        list(load(file, Notes()))
