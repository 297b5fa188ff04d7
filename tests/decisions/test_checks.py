"""Faults of single values: too large to compute with, in quotes, a percentage, twice, misplaced."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT
from tests.support.record_lines import GAME, OWN, PLAYED, write_lines
from tremble.api.check import check_decisions
from tremble.datasets.psych_options import declared_in
from tremble.decisions import jsonl
from tremble.decisions.lines import Fault
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.study.decision_frame import decision_frame

RATE = {"prompt": "A or B?", "options": ["A", "B"]}


def fault(tmp_path: Path, *lines: Any) -> str:
    path = write_lines(tmp_path / "m.jsonl", *lines)
    with pytest.raises(Fault) as caught:
        list(jsonl.read(path))
    said = str(caught.value)
    assert "\n" not in said and len(said) < 600
    return said.removeprefix(f"{path}, ")


@pytest.mark.parametrize("number", [10**400, -(10**16), 1.7e308, 2**53])
def test_numbers_too_large_to_compute_with(tmp_path: Path, number: float) -> None:
    for record, where in (
        ({**RATE, "rate": 0.5, "rate_sd": abs(number)}, "rate_sd"),
        ({**OWN, "config": {"money": [{"a": number}]}}, "config.money[0].a"),
        ({**GAME, "rules": {"payoffs": {"a": {"a": [1, number]}}}}, "rules.payoffs.a.a[1]"),
        ({**GAME, "events": [{"type": "offer", "gains": number}]}, "events[0].gains"),
    ):
        said = fault(tmp_path, record)
        assert said.startswith(f"line 1: {where} is ") and "too large a number" in said
    assert "between 0 and 1" in fault(tmp_path, {**RATE, "rate": number})
    assert "n is " in fault(tmp_path, {**OWN, "n": number})


def test_a_name_may_be_a_large_number_and_a_parameter_a_large_amount(tmp_path: Path) -> None:
    record = {**OWN, "participant": 76561198000000000, "id": 10**40, "config": {"money": -(10**15)}}
    (found,) = jsonl.read(write_lines(tmp_path / "m.jsonl", record))
    assert (found.participant, found.id) == ("76561198000000000", "1" + 40 * "0")
    assert found.config == {"money": -(10**15)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rate": "0.4"}, "rate is '0.4', a text: leave out the quotes; a rate must lie between"),
        ({"rate": 45}, "rate is 45; a rate must lie between 0 and 1; for 45 % write 0.45."),
        ({"rate": 100.5}, "rate is 100.5; a rate must lie between 0 and 1."),
        ({"rates": {"A": 45.5, "B": 54.5}},
         "the rate of 'A' is 45.5; a rate must lie between 0 and 1; for 45.5 % write 0.455."),
        ({"rate": 0.4, "n": "30"}, "n is '30', a text: leave out the quotes; it must be a whole"),
        ({"rate": 0.4, "rate_sd": True}, "rate_sd is true; a standard deviation must be a number"),
        ({"rate": 0.4, "rate_sd": "0.1"}, "rate_sd is '0.1', a text: leave out the quotes;"),
        ({"rate": 0.4, "sex": "f"},
         "unknown key 'sex'; put it in config, to use it in --by; choose from: at,"),
        ({"rte": 0.4},
         "unknown key 'rte'; did you mean 'rate'? If not, put it in config, to use it in --by."),
    ],
)  # fmt: skip
def test_the_cure_fits_the_mistake(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert fault(tmp_path, {**RATE, **change}).startswith(f"line 1: {said}")


def test_a_key_that_stands_twice(tmp_path: Path) -> None:
    line = json.dumps(OWN)
    said = fault(tmp_path, line.replace('"choice"', '"choice": "reject", "choice"'))
    assert said == "line 1: the key 'choice' appears twice in one object; keep one."
    events = '{"kind": "game", "events": [{"type": "a", "x": 1, "x": 1}]}'
    assert "the key 'x' appears twice" in fault(tmp_path, events)


def game(id_: str, rounds: Any = 2) -> dict[str, Any]:
    paid = {own: {other: [1, 2] for other in "ab"} for own in "ab"}
    move = {"type": "moves", "choice": "a", "other": "b", "points": 1, "other_points": 2}
    return {
        **GAME,
        "id": id_,
        "rules": {"rounds": rounds, "payoffs": paid},
        "events": [move],
    }


def played(id_: str, *ats: int) -> list[dict[str, Any]]:
    return [{**PLAYED, "id": f"{id_}/{at}", "game": id_, "at": at} for at in ats]


def test_what_a_study_cannot_compute_is_a_fault_of_the_game(tmp_path: Path) -> None:
    lines = [game("good"), *played("good", 0, 1), game("bad", "ten"), *played("bad", 0, 1)]
    path = write_lines(tmp_path / "m.jsonl", *lines)
    counts, faults, _ = check_decisions(path)
    assert (counts["decisions"], counts["faulty"]) == (2, 1)
    (said,) = faults
    assert said.startswith(
        f"{path}, line 4: line 5 cannot use this game: The rules or events of the decision 'bad/0' "
    )
    assert said.endswith("see docs/data.md. Excluded decisions of this game: 2.")
    with pytest.raises(UserError, match="'bad/0' lack something that repeated_matrix needs") as run:
        decision_frame(jsonl.read(path))
    assert "src/" not in str(run.value) and str(run.value) in said


def test_a_faulty_game_is_said_once(tmp_path: Path) -> None:
    misspelt = {**game("a"), "evnts": []}
    broken = json.dumps(game("b")).replace('"rounds": 2', '"rounds": 2,')
    lines = [misspelt, *played("a", 0, 1), broken, *played("b", 0, 1, 2), *played("none", 0)]
    path = write_lines(tmp_path / "m.jsonl", *lines)
    counts, faults, _ = check_decisions(path)
    assert (counts["decisions"], counts["faulty"]) == (0, 3)
    assert [said.removeprefix(str(path)).split(":")[0] for said in faults] == [
        ", line 1", ", line 4", ", line 8"
    ]  # fmt: skip
    assert [said[-3:] for said in faults[:2]] == [" 2.", " 3."]
    assert "there is no game 'none' before this line" in faults[2]
    every: list[Fault] = []
    assert not list(jsonl.read(path, every.append))
    assert str(every[1]) == f"{path}, line 2: its game 'a' is on line 1, which has errors."


def documented() -> list[str]:
    """A game with decisions, one with agents and an offer, a session, options of experiments."""
    return re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "data.md").read_text(), re.DOTALL)


def test_the_documented_session_is_sound(tmp_path: Path) -> None:
    _, _, session, options = documented()
    path = tmp_path / "mine.jsonl"
    path.write_text(session)
    counts, faults, warnings = check_decisions(path)
    assert (counts["decisions"], faults, warnings) == (2, [], [])
    assert [(d.choice, d.target) for d in jsonl.read(path)] == [("J", None), ("F", None)]
    (tmp_path / "options.json").write_text(options)
    declared = declared_in(tmp_path)
    assert declared is not None and set(declared.by_name) == {"zoo", "cards", "houses"}
    assert declared.of(["houses"], True) == r"labeled '(\w)' and '(\w)'"


def test_the_documented_game_is_sound(tmp_path: Path) -> None:
    block, *_ = documented()
    path = tmp_path / "mine.jsonl"
    path.write_text(block)
    counts, faults, warnings = check_decisions(path)
    assert (counts["decisions"], faults, warnings) == (2, [], [])
    first, second = (standard(decision).plain() for decision in jsonl.read(path))
    assert "You are playing a game with another player. The game has 10 rounds." in first
    assert "Round 1 of 10:" in first and "You chose" not in first
    line = "You chose J and the other player chose F. You got 0 points and the other player got 5"
    assert f"{line} points.\n" in second
    # In a dilemma that ends after a told round theory has everybody defect.
    assert decision_frame(jsonl.read(path))["normative"].to_list() == [[0.0, 1.0]] * 2


@pytest.mark.parametrize("key", ["sen", "Seen", "seeen", "see"])
def test_who_saw_an_event_is_not_lost_to_a_typo(tmp_path: Path, key: str) -> None:
    event = {"type": "moves", "round": 1, "choice": "a", key: {}}
    said = fault(tmp_path, {**GAME, "events": [event]}, PLAYED)
    assert said == f"line 1: events[0] has a key {key!r}; did you mean 'seen'?"
    screen = {"type": "moves", "round": 1, "choice": "a", "screen": 2, "scene": "x"}
    (found,) = jsonl.read(write_lines(tmp_path / "m.jsonl", {**GAME, "events": [screen]}, PLAYED))
    assert found.game is not None and found.game.events[0].data["screen"] == 2


def read_one(tmp_path: Path, *lines: Any) -> Decision:
    (decision,) = jsonl.read(write_lines(tmp_path / "m.jsonl", *lines))
    return decision


def test_whole_numbers_that_pandas_made_floats(tmp_path: Path) -> None:
    record = {"prompt": "0 or 1?", "options": ["0", "1"], "choice": 1.0, "participant": 12.0}
    found = read_one(tmp_path, {**record, "round": 3.0})
    assert (found.choice, found.participant, found.round) == ("1", "12", 3)
    assert read_one(tmp_path, {**RATE, "rate": 0.5, "n": 30.0}).n == 30
    assert "round is 2.5" in fault(tmp_path, {**record, "round": 2.5})
    assert "choice is 0.5" in fault(tmp_path, {**record, "choice": 0.5})


def test_composed_and_decomposed_letters_are_the_same(tmp_path: Path) -> None:
    whole, parts = "caf\xe9", "cafe\u0301"
    record = {"prompt": "Or tea?", "options": [whole, "tea"]}
    for key in (whole, parts):
        found = read_one(tmp_path, {**record, "choice": key, "target": key})
        assert (found.choice, found.target) == (whole, whole)
    found = read_one(tmp_path, {**record, "rates": {parts: 0.4, "tea": 0.6}})
    assert found.rates == {whole: 0.4, "tea": 0.6}
    said = fault(tmp_path, {**record, "options": [whole, parts], "choice": whole})
    assert "two options have a key with the same letters" in said
    said = fault(tmp_path, {**record, "choice": "the\u0301"})
    assert "is not among the options" in said


def test_every_value_in_a_list_of_its_own_as_r_writes(tmp_path: Path) -> None:
    boxed = {
        **{"prompt": ["Bus or train?"], "options": ["bus", "train"], "choice": ["bus"]},
        **{"participant": ["7"], "round": [1], "config": {"frame": ["gain"], "two": [1, 2]}},
    }
    found = read_one(tmp_path, boxed)
    assert (found.prompt, found.choice, found.participant) == ("Bus or train?", "bus", "7")
    assert (found.round, found.config) == (1, {"frame": "gain", "two": [1, 2]})
    talk = [{"role": "user", "content": "A or B?"}]
    assert read_one(tmp_path, {**OWN, "prompt": talk}).prompt == "A or B?"
    assert read_one(tmp_path, {**OWN, "config": {"a": ["x"]}}).config == {"a": ["x"]}


def test_one_array_of_all_records(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps([OWN, OWN], indent=1), "utf-8")
    with pytest.raises(UserError, match="one JSON array, not one object per line; write it with"):
        list(jsonl.read(path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n": 25}, "n is 25 with a single choice, which counts as one person; for many people"),
        ({"rate_sd": 0.2}, "rate_sd is 0.2 with a single choice, but it is about a rate"),
        ({"choices_each": 5}, "choices_each is 5 with a single choice, but it is about a rate"),
    ],
)
def test_what_only_the_rate_of_many_can_have(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    assert fault(tmp_path, {**OWN, **change}).startswith(f"line 1: {said}")
    assert read_one(tmp_path, {**OWN, "n": 1}).n == 1


def test_how_many_choices_each_person_made(tmp_path: Path) -> None:
    record = {**RATE, "rate": 0.5, "n": 30}
    assert read_one(tmp_path, {**record, "choices_each": 5}).choices_each == 5
    assert "choices_each is 0" in fault(tmp_path, {**record, "choices_each": 0})


COMPOSED, APART = "Ren\u00e9", "Rene\u0301"  # one name to people, two to a computer


def asked(name: str, at: int, **more: object) -> dict[str, object]:
    prompt = f"Text {at} of {APART}. yes or no?"
    record = {"prompt": prompt, "options": ["yes", "no"], "choice": "yes", "participant": name}
    return record | more


def test_a_name_is_one_however_its_letters_are_composed() -> None:
    records = [asked(name, 1, item=name, config={"at": name}) for name in (COMPOSED, APART)]
    first, second = jsonl.read_records(records, Path("mine.jsonl"))
    assert (first.participant, first.item) == (second.participant, second.item) == (COMPOSED,) * 2
    # What a model reads, and what it is known by, is as it was written.
    assert first.prompt == second.prompt == f"Text 1 of {APART}. yes or no?"
    assert second.config == {"at": APART}
    assert [first.id, second.id] == ["mine/1", "mine/2"]


def test_an_item_of_two_texts_is_found_however_it_is_written() -> None:
    records = [asked("1", at, item=name) for at, name in enumerate((COMPOSED, APART))]
    with pytest.raises(Fault, match="has a different text than on line 1"):
        list(jsonl.read_records(records, Path("mine.jsonl")))


def test_labels_keys_and_spellings_stay_as_they_are() -> None:
    option = {"key": APART, "label": APART, "spellings": [APART.upper()]}
    record = asked("1", 1, options=[option, "no"], choice=COMPOSED)
    (decision,) = jsonl.read_records([record], Path("mine.jsonl"))
    first = decision.options[0]
    assert (first.key, first.label, first.surface_forms) == (APART, APART, (APART.upper(),))
    assert decision.choice == APART


def test_other_words_for_a_label_are_a_list_also_where_r_boxes_every_value() -> None:
    boxed = {
        "prompt": ["a or b?"],
        "options": [
            {"key": ["a"], "label": ["a"], "spellings": ["aa"]},
            {"key": ["b"], "label": ["b"], "spellings": ["bb", "bbb"]},
        ],
        "choice": ["a"],
        "participant": [1],
    }
    (decision,) = jsonl.read_records([boxed], Path("mine.jsonl"))
    assert [one.surface_forms for one in decision.options] == [("aa",), ("bb", "bbb")]
    assert (decision.choice, decision.options[0].key) == ("a", "a")
