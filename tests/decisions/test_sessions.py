"""Records with a whole session: what they give, in whole or in part, and what they refuse."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.round_trip import same_again
from tremble.decisions import jsonl
from tremble.decisions.record import Decision, Option
from tremble.errors import UserError

TEXT = "Choose J or F. You press <<J>>. Again <<F>>.\nNow <<>> and <<nan>>, then <<K>>. <<F>> Bye."
RECORD: dict[str, Any] = {
    **{"schema": 1, "kind": "session", "id": "s/1", "dataset": "mine", "participant": "7"},
    **{"study": "cards", "text": TEXT},
}


def read(tmp_path: Path, *records: dict[str, Any]) -> list[Decision]:
    path = tmp_path / "m.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return list(jsonl.read(path))


def without_line(decisions: list[Decision]) -> list[Decision]:
    return [replace(decision, line=None) for decision in decisions]


def test_a_line_gives_a_decision_for_each_response_with_text(tmp_path: Path) -> None:
    found = read(tmp_path, {**RECORD, "person": {"age": 9}, "config": {"category": "Memory"}})
    assert [(d.id, d.round, d.at, d.response) for d in found] == [
        ("s/1/r1", 1, 1, "J"),
        ("s/1/r2", 2, 3, "F"),
        ("s/1/r5", 5, 9, "K"),
        ("s/1/r6", 6, 11, "F"),
    ]
    assert len({id(d.game) for d in found}) == 1
    for d in found:
        assert (d.family, d.participant, d.options, d.choice) == ("session", "cards/7", (), None)
        assert d.person == {"age": 9}
        assert d.breakdown == {"experiment": "cards", "category": "Memory"}
    told = [event.data.get("text", event.data.get("response")) for event in found[2].visible()]
    assert "|".join(told) == "Choose J or F. You press |J|. Again |F|.\nNow || and |nan|, then "
    same_again(found, tmp_path / "again.jsonl")


ANEW = [["J", "F"], ["F", "G"], None, None, ["K", "L"], None]
GAPS = [["J", "F"], None, None, None, None, ["J", "F"]]


@pytest.mark.parametrize(
    ("options", "each"),
    [
        (["J", "F"], ["JF", "JF", "", "JF"]),
        (["J", "F", "K"], ["JFK"] * 4),
        (ANEW, ["JF", "FG", "KL", ""]),
        (GAPS, ["JF", "", "", "JF"]),
    ],
)
def test_options_for_all_or_for_each(tmp_path: Path, options: Any, each: list[str]) -> None:
    """Of two options neither is the target: which one stands first means nothing."""
    found = read(tmp_path, {**RECORD, "options": options})
    assert ["".join(option.label for option in d.options) for d in found] == each
    assert [d.target for d in found] == [None] * 4
    assert all(d.choice == (d.response if d.options else None) for d in found)
    same_again(found, tmp_path / "again.jsonl")


def test_a_sample_comes_back_whatever_is_in_it(tmp_path: Path) -> None:
    """Brute force over all subsets."""
    for options in (None, ["J", "F"], ANEW):
        found = read(tmp_path, {**RECORD, "options": options})
        for number in range(1, 16):
            part = [d for place, d in enumerate(found) if number >> place & 1]
            same_again(part, tmp_path / "part.jsonl")
            lines = (tmp_path / "part.jsonl").read_text().splitlines()
            assert len(lines) == 1 and ("responses" in json.loads(lines[0])) is (number < 15)


def test_another_target_comes_back(tmp_path: Path) -> None:
    found = read(tmp_path, {**RECORD, "options": ["J", "F"], "target": "F"})
    assert [d.target for d in found] == ["F", "F", None, "F"]
    same_again(found, tmp_path / "again.jsonl")
    none = read(tmp_path, {**RECORD, "options": ["J", "F"], "target": None})
    assert [d.target for d in none] == [None] * 4
    same_again(none, tmp_path / "again.jsonl")


def test_responses_in_any_order_come_back(tmp_path: Path) -> None:
    two = read(tmp_path, RECORD, {**RECORD, "id": "s/2", "participant": "8"})
    random.Random(1).shuffle(two)
    same_again(two, tmp_path / "again.jsonl")


def test_old_records_and_sessions_in_one_file(tmp_path: Path) -> None:
    game = {
        **{"schema": 1, "kind": "game", "id": "g", "dataset": "psych", "family": "session"},
        **{"rules": {}, "events": [{"type": "text", "text": "x "}, {"type": "response",
           "response": "J"}]},
    }  # fmt: skip
    old = {
        **{"schema": 1, "kind": "decision", "id": "g/r1", "game": "g", "at": 1, "choice": "J"},
        **{"options": ["J", "F"], "participant": "p"},
    }
    found = read(tmp_path, game, old, RECORD)
    assert [d.response for d in found] == [None, "J", "F", "K", "F"]
    same_again(found, tmp_path / "again.jsonl")
    for first, second in ((RECORD, RECORD), (RECORD, {**game, "id": "s/1"})):
        with pytest.raises(UserError, match="the id 's/1' appeared before"):
            read(tmp_path, first, second)
    with pytest.raises(UserError, match="the id 's/1/r2' appeared before"):
        read(tmp_path, game, RECORD, {**old, "id": "s/1/r2"})
    with pytest.raises(UserError, match="the id 's/1' appeared before"):
        read(tmp_path, game, {**old, "id": "s/1/r2"}, RECORD)
    part = {**RECORD, "responses": [1]}
    assert len(read(tmp_path, part, {**RECORD, "responses": [2, 6]})) == 3
    with pytest.raises(UserError, match="the id 's/1/r1' appeared before"):
        read(tmp_path, part, part)
    with pytest.raises(UserError, match="the id 's/1' appeared before"):
        read(tmp_path, part, {**RECORD, "responses": [2], "text": TEXT + "!"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": None}, "text is missing"),
        ({"text": ""}, "text is"),
        ({"text": "a <<b"}, "column 3 of text: '<<b' is never closed"),
        ({"text": "a <<b <<c>>"}, "column 7 of text: << near"),
        ({"text": "a >> b"}, "column 3 of text: >> near"),
        ({"participant": None}, "participant is"),
        ({"options": ["J"]}, "give a list of two or more"),
        ({"options": ["J", "nan"]}, "leave out 'nan'"),
        ({"options": ["J", "J"]}, "give each label once"),
        ({"options": [["J", "F"]]}, "options has 1 entries for 6 responses"),
        ({"options": [["J"]] * 6}, "options of response 1 is"),
        ({"options": ["J", "F"], "target": "Q"}, "target 'Q' is not among the options"),
        ({"options": ["J", "F"], "target": ["Q"] * 6}, "target 'Q' is not among the options"),
        ({"options": ["J", "F"], "target": ["J"]}, "target has 1 entries for 6"),
        ({"responses": [3]}, "responses has 3, which is ''"),
        ({"responses": [2, 1]}, "responses has 1; give"),
        ({"responses": [7]}, "responses has 7; give"),
        ({"responses": []}, r"responses is \[\]"),
        ({"reaction_times": ["x"]}, "reaction_times is"),
        ({"config": {"experiment": "other"}}, "another experiment than study"),
        ({"family": "lottery"}, "but a session's is 'session'"),
        ({"choice": "J"}, "unknown key 'choice'"),
    ],
)
def test_a_faulty_line_is_one_sentence(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        read(tmp_path, {**RECORD, **change})
    assert str(caught.value).startswith(f"{tmp_path / 'm.jsonl'}, line 1: ")


def test_what_a_line_could_not_give_back_is_refused(tmp_path: Path) -> None:
    first, *_ = read(tmp_path, {**RECORD, "options": ["J", "F"]})
    assert first.game is not None
    out = tmp_path / "out.jsonl"
    for wrong in (
        replace(first, id="mine"),
        replace(first, response="F"),
        replace(first, at=2),
        replace(first, participant="nobody"),
        replace(first, options=(Option("J", "J", ("j",)), Option("F", "F"))),
        replace(first, game=replace(first.game, events=first.game.events[:2])),
        replace(first, game=replace(first.game, rules={"a": 1})),
        replace(first, game=None, prompt="x"),
    ):
        with pytest.raises(UserError, match="session"):
            jsonl.write([wrong], out)
        assert not out.exists()


def test_writing_takes_memory_for_one_session(tmp_path: Path) -> None:
    def sessions() -> Any:
        for number in range(3):
            record = {**RECORD, "id": f"s/{number}"}
            yield from read(tmp_path, record)

    assert jsonl.write(sessions(), tmp_path / "out.jsonl") == 12
    assert [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").open()] == [
        "s/0",
        "s/1",
        "s/2",
    ]
