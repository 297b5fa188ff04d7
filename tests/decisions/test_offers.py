"""Offers and agents as records: written and read back, and every fault a sentence with its cure."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tremble as tr
from tests.support.commands import tremble
from tests.support.places import ROOT
from tests.support.record_lines import GAME as PLAIN
from tests.support.record_lines import OWN, PLAYED, write_lines
from tremble.decisions import jsonl
from tremble.decisions.lines import Fault
from tremble.decisions.record import Event, Game, Offer
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.study.decision_frame import decision_row

AGENTS = {"ann": {"kind": "person"}, "gpt": {"kind": "model", "base": "gpt-5"}}
MADE = {"type": "offer", "player": "Alice", "gains": {"Alice": 60, "Bob": 40}, "round": 1}
GAME = {
    "kind": "game",
    "id": "g",
    "dataset": "mine",
    "family": "bargaining",
    "rules": {
        **{"money": 100, "delta": 0.9, "other_delta": None, "complete_information": False},
        **{"messages": False, "rounds": 2},
    },
    "events": [MADE, {"type": "decision", "player": "Bob", "choice": "reject", "round": 1}],
    "agents": AGENTS,
}
OFFER = {
    **{"kind": "offer", "id": "g/o1", "game": "g", "at": 0, "participant": "gpt"},
    **{"role": "Alice", "value": 60, "range": [0, 100], "unit": "dollars"},
}
ANSWER = {
    **{"id": "g/r1", "game": "g", "at": 1, "participant": "ann", "role": "Bob", "round": 1},
    **{"options": ["accept", "reject"], "choice": "reject"},
}


def fault(tmp_path: Path, *lines: Any) -> str:
    """What the command says of a faulty file: one sentence, and exit code 2."""
    path = write_lines(tmp_path / "m.jsonl", *lines)
    with pytest.raises(Fault) as caught:
        list(jsonl.read_all(path))
    code, _, error = tremble("data", "check", path)
    said = str(caught.value)
    assert code == 2 and error.splitlines() == [f"tremble: {said}"] and "\n" not in said
    return said.removeprefix(f"{path}, ")


def test_offers_and_agents_come_back_as_they_were(tmp_path: Path) -> None:
    second = {**OFFER, "id": "g/o2", "at": 2, "participant": "ann", "role": "Bob", "value": 0.5}
    lines = [GAME, OFFER, ANSWER, {**second, "config": {"status": "unreadable", "x": [1]}}]
    path = write_lines(tmp_path / "m.jsonl", *lines)
    first, answer, last = jsonl.read_all(path)
    assert isinstance(first, Offer) and isinstance(last, Offer)
    assert (first.id, first.at, first.value, first.range) == ("g/o1", 0, 60.0, (0.0, 100.0))
    assert (first.unit, first.participant, first.role) == ("dollars", "gpt", "Alice")
    assert (first.dataset, first.family, first.share) == ("mine", "bargaining", 0.6)
    assert first.game.agents == AGENTS and last.config == {"status": "unreadable", "x": [1]}
    assert (first.visible(), [e.type for e in last.visible()]) == ((), ["offer", "decision"])

    out = tmp_path / "again.jsonl"
    assert jsonl.write(jsonl.read_all(path), out) == 3
    assert list(jsonl.read_all(out)) == [first, answer, last]
    kinds = [json.loads(line)["kind"] for line in out.read_text("utf-8").splitlines()]
    assert kinds == ["game", "offer", "decision", "offer"]


def test_decisions_and_offers_are_read_apart(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "m.jsonl", GAME, OFFER, ANSWER)
    assert [decision.id for decision in tr.read_decisions(path)] == ["g/r1"]
    assert [offer.id for offer in tr.read_offers(path)] == ["g/o1"]
    assert [offer.id for offer in tr.read_offers([GAME, OFFER, ANSWER])] == ["g/o1"]


def test_a_record_without_agents_is_written_as_before() -> None:
    game = Game("g", "mine", "bargaining", {"money": 1}, (Event("offer", {"gains": 1}),))
    assert list(jsonl.game_to_json(game)) == [
        *("schema", "kind", "id", "dataset", "family", "rules", "events", "person", "config"),
    ]


def test_the_documented_offer_is_sound(tmp_path: Path) -> None:
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "data.md").read_text(), re.DOTALL)
    (block,) = (one for one in blocks if '"offer", "id"' in one)
    (tmp_path / "mine.jsonl").write_text(block, "utf-8")
    found = tr.check(tmp_path / "mine.jsonl")
    assert (found.faults, found.warnings) == ([], [])
    assert (found.summary["decisions"], found.summary["offers"]) == (1, 1)


def test_no_prompt_tells_who_played() -> None:
    nobody = {key: value for key, value in GAME.items() if key != "agents"}
    (told,), (bare,) = (tr.read_decisions([game, ANSWER]) for game in (GAME, nobody))
    assert told.game is not None and told.game.agents == AGENTS
    assert standard(told) == standard(bare) and decision_row(told) == decision_row(bare)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"range": [5, 5]}, "range is [5, 5], which is empty; the first bound must be lower."),
        ({"range": [100, 0]}, "range is [100, 0], which is reversed; write the lower bound first."),
        ({"value": 100.5}, "value is 100.5, outside its range from 0 to 100; correct the value or"),
        ({"value": -1}, "value is -1, outside its range from 0 to 100;"),
        ({"range": [0]}, "range is [0]; it must be a list of two numbers, [low, high]."),
        ({"range": [0, None]}, "range is [0, null]; both bounds must be numbers."),
        ({"range": [0, True]}, "range is true; it must be a number from"),
        ({"value": None}, "value is missing; an offer is a number, so leave out who made none."),
        ({"value": "60"}, "value is '60', a text: leave out the quotes; it must be a number"),
        ({"unit": None}, "unit is missing; it must be a non-empty text."),
        ({"at": 3}, "at is 3; game 'g' has events 0 to 2."),
        ({"game": "h"}, "there is no game 'h' before this line; put the game's line first."),
        ({"price": 3}, "unknown key 'price'; put it in config"),
        ({"participant": "gtp"},
         "participant 'gtp' is not among the agents of game 'g'; did you mean 'gpt'?"),
        ({"config": {"status": "cut"}},
         "config.status is 'cut'; for an agent it says how the reply was understood: read, "
         "unreadable or failed."),
    ],
)  # fmt: skip
def test_a_bad_offer_is_one_sentence(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert fault(tmp_path, GAME, {**OFFER, **change}).startswith(f"line 2: {said}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_no_number_is_no_value(tmp_path: Path, number: str) -> None:
    line = json.dumps(OFFER).replace('"value": 60', f'"value": {number}')
    said = fault(tmp_path, GAME, line)
    assert said.startswith(f"line 2: {number} is not a number; leave a missing value out")


def test_two_units_in_a_family(tmp_path: Path) -> None:
    other = {**OFFER, "id": "g/o2", "unit": "euros"}
    assert fault(tmp_path, GAME, OFFER, other) == (
        "line 3: unit is 'euros', but the offer of bargaining on line 2 has 'dollars'; give all "
        "offers of a family in one unit."
    )
    haggled = {**GAME, "id": "n", "family": "negotiation", "events": []}
    path = write_lines(tmp_path / "m.jsonl", GAME, OFFER, haggled, {**other, "game": "n"})
    assert [offer.unit for offer in jsonl.read_offers(path)] == ["dollars", "euros"]


def test_the_same_game_under_two_names(tmp_path: Path) -> None:
    spoken = {**GAME, "events": [{**MADE, "message": "Half for you. " * 15}]}
    twin = {**spoken, "id": "h"}
    assert fault(tmp_path, spoken, twin) == (
        "line 2: the game 'h' has the same agents, rules, events and config as the game on line 1; "
        "remove one, or say in config what tells them apart."
    )
    nobody = {key: value for key, value in GAME.items() if key != "agents"}
    told_apart = [spoken, {**twin, "config": {"match": 2}}, {**nobody, "id": "i"}]
    ends = [{**OFFER, "id": f"{name}/o", "game": name} for name in "ghij"]
    path = write_lines(tmp_path / "m.jsonl", *told_apart, {**nobody, "id": "j"}, *ends)
    found = tr.check(path)
    assert (found.faults, found.warnings, found.summary["offers"]) == ([], [], 4)


def test_equal_moves_may_be_two_games(tmp_path: Path) -> None:
    games = [{**GAME, "id": name} for name in "ghi"]
    ends = [{**OFFER, "id": f"{name}/o", "game": name} for name in "ghi"]
    found = tr.check(write_lines(tmp_path / "m.jsonl", *games, *ends, {**ANSWER, "game": "h"}))
    assert found.faults == [] and (found.summary["decisions"], found.summary["offers"]) == (1, 3)
    (said,) = found.warnings
    assert said == (
        f"{found.where}, lines 5, 6 and 7: its game has the same agents, rules, events and config "
        "as an earlier one; equal moves happen, but if it is one game under two names, remove one."
    )


@pytest.mark.parametrize(
    ("agents", "said"),
    [
        ({"gpt": {"kind": "robot"}},
         "agents.gpt.kind is 'robot'; it must be person, model or program."),
        ({"gpt": {}}, "agents.gpt.kind is missing; it must be person, model or program."),
        ({"gpt": "model"}, "agents.gpt is 'model'; it must be an object with kind, and optionally"),
        ({"gpt": {"kind": "model", "bsae": "x"}},
         "agents.gpt has an unknown key 'bsae'; did you mean 'base'?"),
        ({"gpt": {"kind": "model", "base": 1.5}}, "base is 1.5; it must be a non-empty text."),
        (["gpt"], "agents is ['gpt']; it must be an object."),
        ({"Zoe\u0301": {"kind": "person"}, "Zo\u00e9": {"kind": "person"}},
         "agents names 'Zoé' twice; keep one."),
    ],
)  # fmt: skip
def test_agents_of_another_form(tmp_path: Path, agents: Any, said: str) -> None:
    assert fault(tmp_path, {**GAME, "agents": agents}).startswith(f"line 1: {said}")


def test_who_decides_is_one_of_the_agents(tmp_path: Path) -> None:
    said = fault(tmp_path, GAME, {**ANSWER, "participant": "Ann"})
    assert said.startswith("line 2: participant 'Ann' is not among the agents of game 'g'; did you")
    said = fault(tmp_path, GAME, {**ANSWER, "config": {"status": "late"}})
    assert said.startswith("line 2: config.status is 'late'; for an agent it says")
    unnamed = {**ANSWER, "participant": None}  # nobody knows who, and that is no fault
    of_others = {**PLAYED, "config": {"status": "employed"}}  # a word of somebody's own data
    path = write_lines(tmp_path / "m.jsonl", GAME, unnamed, {**PLAIN, "id": "p"}, OWN)
    assert len(list(jsonl.read(path))) == 2
    path = write_lines(tmp_path / "m.jsonl", PLAIN, of_others)
    assert [one.config for one in jsonl.read(path)] == [{"status": "employed"}]


def test_names_of_agents_that_differ_only_in_case_are_a_warning(tmp_path: Path) -> None:
    agents = {"Ann": {"kind": "person"}, "gpt": {"kind": "model", "base": "GPT-5"}}
    lines = [GAME, OFFER, {**GAME, "id": "h", "agents": agents}]
    path = write_lines(tmp_path / "m.jsonl", *lines, {**OFFER, "id": "h/o1", "game": "h"})
    code, _, error = tremble("data", "check", path)
    assert code == 0
    assert "line 4: agents has the names 'ann' and 'Ann', which differ only in case" in error
    assert "line 4: base of agents has the names 'gpt-5' and 'GPT-5'" in error


def test_the_check_counts_offers_by_family(tmp_path: Path) -> None:
    second = {**OFFER, "id": "g/o2", "at": 2, "participant": "ann", "role": "Bob", "value": 20}
    path = write_lines(tmp_path / "m.jsonl", GAME, OFFER, ANSWER, second)
    found = tr.check(path)
    assert found.faults == [] and (found.summary["decisions"], found.summary["offers"]) == (1, 2)
    assert found.summary["offered"] == {
        "bargaining": {"offers": 2, "people": 2, "games": 1, "unit": "dollars", "share": 0.4}
    }
    assert found.said()[0].endswith(": 1 valid decision, 2 valid offers, 0 invalid lines")
    assert (
        "bargaining: 2 offers in dollars, 2 participants, 1 game; mean place in the range .40 "
        "(0 lowest, 1 highest)"
    ) in found.said()
    assert "offers" not in tr.check([OWN]).summary


def test_an_import_keeps_offers(tmp_path: Path) -> None:
    path, out = write_lines(tmp_path / "m.jsonl", GAME, OFFER, ANSWER), tmp_path / "out.jsonl"
    code, said, _ = tremble("data", "import", "jsonl", path, "--out", out)
    assert code == 0 and "bargaining: 1 offer\n" in said
    assert "1 decision and 1 offer written to" in said
    assert [offer.value for offer in jsonl.read_offers(out)] == [60.0]


def test_what_a_program_makes_is_held_to_the_same(tmp_path: Path) -> None:
    (offer,) = tr.read_offers([GAME, OFFER])
    event = Event("offer", {"player": "Alice", "message": "Half for you. " * 15})
    spoken = replace(offer.game, events=(event,))
    twin = replace(spoken, id="h")
    for second, said in (
        (Offer("o", spoken, 0, 1.0, (0.0, 2.0), "euros"), "has the unit 'euros', but 'g/o1'"),
        (Offer("o", twin, 0, 1.0, (0.0, 2.0), "dollars"), "The games 'g' and 'h' have the same"),
        (Offer("o", spoken, 0, float("nan"), (0.0, 2.0), "dollars"), "cannot be written as JS"),
        (replace(offer, game=spoken), "Two decisions have the id 'g/o1'"),
    ):
        with pytest.raises(UserError, match=said):
            jsonl.write([replace(offer, game=spoken), second], tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
