"""CaSiNo: responses against the raw files, the proposer's share, private facts, every bad input."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.round_trip import come_back
from tremble.datasets.base import Notes
from tremble.datasets.casino import CARD, load
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.stats.frames.contexts import contexts
from tremble.study.decision_frame import decision_frame

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(
    not DATA, reason="TREMBLE_DATA is not set: the files of CaSiNo are not at hand"
)
Raw = dict[str, Any]
ONE, TWO = "mturk_agent_1", "mturk_agent_2"
KEYS = {"Accept-Deal": "accept", "Reject-Deal": "reject", "Walk-Away": "walk away"}


def raw(split: str = "train") -> list[Raw]:
    found: list[Raw] = json.loads((Path(DATA or "") / f"casino/casino_{split}.json").read_text())
    return found


def answers(dialogue: Raw) -> list[int]:
    """The places of the answers to a submitted deal."""
    logs = dialogue["chat_logs"]
    return [
        k
        for k in range(1, len(logs))
        if logs[k]["text"] in KEYS and logs[k - 1]["text"] == "Submit-Deal"
    ]


@pytest.fixture(scope="module")
def everything() -> tuple[list[Decision], Notes]:
    notes = Notes()
    return list(load(Path(DATA or ""), notes)), notes


@needs_source
def test_counts(everything: tuple[list[Decision], Notes]) -> None:
    found, notes = everything
    count = Counter((d.breakdown["split"], d.choice) for d in found)
    assert count == {
        ("train", "accept"): 876,
        ("train", "reject"): 152,
        ("train", "walk away"): 9,
        ("valid", "accept"): 30,
        ("valid", "reject"): 2,
    }
    assert len(found) == len({d.id for d in found}) == 1069
    assert notes.dropped == {"walked away without a deal to answer": 15} and not notes.odd
    assert (CARD.licence, {d.target for d in found}) == ("CC BY 4.0", {"accept"})
    assert {d.family for d in found} == {"multi_issue"}


def packages(share: Raw) -> str:
    """What one person gets, in words; the source writes numbers as texts."""
    several = {kind: "s" * (int(number) != 1) for kind, number in share.items()}
    kinds = [f"{share[k]} package{several[k]} of " for k in ("Food", "Water", "Firewood")]
    return "{}food, {}water and {}firewood".format(*kinds)


@needs_source
def test_every_answer_is_its_decision_with_its_deal_and_its_own_person(
    everything: tuple[list[Decision], Notes],
) -> None:
    decisions = iter(everything[0])
    for dialogue in [*raw("train"), *raw("valid")]:
        logs = dialogue["chat_logs"]
        for k in answers(dialogue):
            found = next(decisions)
            me = logs[k]["id"]
            assert (found.role, found.choice) == (me, KEYS[logs[k]["text"]])
            assert found.at == k and f"/{dialogue['dialogue_id']}/" in found.id
            deal = logs[k - 1]["task_data"]
            assert logs[k - 1]["id"] != me
            # The proposer wrote it: what "you" get there is the other's here.
            own, others = deal["issue2theyget"], deal["issue2youget"]
            said = standard(found).user.splitlines()[-1]
            gets = f"You get {packages(own)}. The other person gets {packages(others)}."
            assert said == f"The other person's proposal: {gets}"
            facts = dialogue["participant_info"][me]
            assert found.person == {
                "demographics": facts["demographics"],
                "personality": facts["personality"],
                "priorities": facts["value2issue"],
                "reasons": {k: v.strip() for k, v in facts["value2reason"].items()},
            }
    assert next(decisions, None) is None


@needs_source
def test_points_of_the_deal_are_those_recorded_when_it_was_accepted(
    everything: tuple[list[Decision], Notes],
) -> None:
    """The rules' points, held against what the source says each person scored."""
    scored = {
        (split, str(dialogue["dialogue_id"])): dialogue["participant_info"]
        for split in ("train", "valid")
        for dialogue in raw(split)
    }
    frame = decision_frame(everything[0])
    checked = 0
    for decision, row in zip(everything[0], frame.iter_rows(named=True), strict=True):
        numbers = json.loads(row["numbers"])
        if decision.choice == "accept":
            _, split, dialogue, _ = decision.id.split("/")
            outcome = scored[split, dialogue][decision.role or ""]["outcomes"]
            assert numbers["points"] == outcome["points_scored"]
            checked += 1
        normative = dict(zip(row["keys"], row["normative"] or (), strict=False))
        if numbers["points"] > 5:
            assert normative == {"accept": None, "reject": None, "walk away": 0}
        elif numbers["points"] < 5:
            assert normative == {"accept": 0, "reject": None, "walk away": None}
        assert row["normative_why"]
    assert checked == 906
    # Nobody saw the same words: equal points are no equal situations.
    assert set(contexts(frame)["context_why"]) == {"players exchanged messages"}


def prompts(dialogues: list[Raw], tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "casino_train.json"
    file.write_text(json.dumps(dialogues))
    return {d.id: standard(d).plain() for d in load(file, Notes())}


def other_answer(message: Raw) -> Raw:
    """A rejection turned into walking away, anything else into a rejection."""
    if message["text"] == "Reject-Deal":
        return {**message, "text": "Walk-Away", "task_data": {"data": "walk_away"}}
    return {**message, "text": "Reject-Deal", "task_data": {"data": "reject_deal"}}


@needs_source
def test_no_prompt_depends_on_its_own_answer_or_on_anything_later(tmp_path: Path) -> None:
    dialogues = [d for d in raw() if len(answers(d)) > 1 or d["dialogue_id"] % 9 == 0]
    original = prompts(dialogues, tmp_path)
    most = max(len(answers(d)) for d in dialogues)
    checked = 0
    for number in range(most):
        changed = deepcopy([d for d in dialogues if len(answers(d)) > number])
        for dialogue in changed:
            at = answers(dialogue)[number]
            logs = dialogue["chat_logs"]
            later = [m for m in logs[at + 1 :] if m["text"] not in KEYS]
            for message in later:
                if message["text"] != "Submit-Deal":
                    message["text"] = "Something else altogether."
            logs[at:] = [other_answer(logs[at]), *later]
        found = prompts(changed, tmp_path)
        for dialogue in changed:
            ids = [f"casino/train/{dialogue['dialogue_id']}/{k + 1}" for k in range(number + 1)]
            assert [found[id_] for id_ in ids] == [original[id_] for id_ in ids]
            checked += 1
    assert checked == sum(len(answers(d)) for d in dialogues) > 200


@needs_source
def test_earlier_answers_and_messages_show_in_later_prompts_which_only_grow(
    everything: tuple[list[Decision], Notes],
) -> None:
    by_game: dict[str, list[Decision]] = {}
    for decision in everything[0]:
        by_game.setdefault(decision.cluster, []).append(decision)
    several = [found for found in by_game.values() if len(found) > 1]
    both_sides = 0
    for found in several:
        same = [d for d in found if d.role == found[0].role]
        both_sides += len(same) < len(found)
        for earlier, later in pairwise(same):
            assert standard(later).user.startswith(standard(earlier).user + "\n")
            assert standard(later).system == standard(earlier).system
            assert "\nYou rejected the proposal." in standard(later).user
    assert both_sides == 57 + 2  # both people of a dialogue decide, and they are one cluster


@needs_source
def test_no_prompt_depends_on_what_the_person_could_not_know(tmp_path: Path) -> None:
    dialogues = [d for d in raw() if d["dialogue_id"] % 3 == 0]
    original = prompts(dialogues, tmp_path)
    swap = {"High": "Low", "Low": "Medium", "Medium": "High"}
    controls = 0
    for hidden, shown in ((ONE, TWO), (TWO, ONE)):
        changed = deepcopy(dialogues)
        for dialogue in changed:
            dialogue["annotations"] = [["zz", "zz"]]
            for agent, facts in dialogue["participant_info"].items():
                facts["outcomes"] = {"points_scored": 0, "satisfaction": "zz"}
                facts["demographics"] = {"age": 1}  # shown by no wording that does not ask
                facts["personality"] = {"svo": "zz"}
                if agent == hidden:
                    values = facts["value2issue"]
                    facts["value2issue"] = {swap[level]: kind for level, kind in values.items()}
                    facts["value2reason"] = dict.fromkeys(facts["value2reason"], "zz")
        roles = {d.id: d.role for d in load_of(changed, tmp_path)}
        found = prompts(changed, tmp_path)
        for id_, text in original.items():
            assert (found[id_] == text) is (roles[id_] == shown)
            controls += roles[id_] == hidden
    assert controls == len(original)  # the control: one's own priorities do change the prompt


def load_of(dialogues: list[Raw], tmp_path: Path) -> list[Decision]:
    file = tmp_path / "casino_train.json"
    file.write_text(json.dumps(dialogues))
    return list(load(file, Notes()))


def person(first: str, second: str, third: str) -> Raw:
    return {
        "value2issue": {"High": first, "Medium": second, "Low": third},
        "value2reason": {"High": f"I like {first}", "Medium": "m", "Low": "l"},
        "outcomes": {"points_scored": 1},
        "demographics": {"age": 30},
        "personality": {"svo": "prosocial"},
    }


def said(agent: str, text: str, **data: Any) -> Raw:
    return {"text": text, "task_data": data, "id": agent}


def deal(agent: str, you: tuple[int, int, int]) -> Raw:
    kinds = ("Food", "Water", "Firewood")
    mine = {kind: str(number) for kind, number in zip(kinds, you, strict=True)}
    theirs = {kind: str(3 - number) for kind, number in zip(kinds, you, strict=True)}
    return said(agent, "Submit-Deal", issue2youget=mine, issue2theyget=theirs)


def toy() -> Raw:
    return {
        "dialogue_id": 7,
        "chat_logs": [
            said(ONE, "Hi there"),
            said(TWO, 'I need "all" the water'),
            deal(TWO, (0, 3, 1)),
            said(ONE, "Reject-Deal", data="reject_deal"),
            deal(ONE, (3, 0, 3)),
            said(TWO, "Walk-Away", data="walk_away"),
        ],
        "participant_info": {
            ONE: person("Food", "Water", "Firewood"),
            TWO: person("Water", "Firewood", "Food"),
        },
        "annotations": [],
    }


def test_a_dialogue_by_hand(tmp_path: Path) -> None:
    first, second = load_of([toy()], tmp_path)
    assert standard(first).system == (
        "You are on a camping trip. The other person is your neighbor at the campsite. Both of you "
        "already have the basic supplies that you need. There are 3 packages of food, 3 packages "
        "of water and 3 packages of firewood to divide between the two of you. You and the other "
        "person negotiate by writing messages to each other. Either of you can make a proposal "
        "that states how many packages of each kind each of you gets. The person who receives a "
        "proposal can accept it, reject it or walk away.\n\n"
        "The packages are worth the following to you:\n"
        '- food: 5 points per package. The reason you gave: "I like Food"\n'
        '- water: 4 points per package. The reason you gave: "m"\n'
        '- firewood: 3 points per package. The reason you gave: "l"\n\n'
        "You do not know how much the packages are worth to the other person. Your goal is to get "
        "as many points as possible.\n\n"
        "When you receive a proposal, you can choose one of these options:\n"
        '- "accept": The packages are divided as proposed, and the negotiation ends.\n'
        '- "reject": You turn down the proposal, and the negotiation continues.\n'
        '- "walk away": The negotiation ends without a deal, and each of you gets 5 points.\n\n'
        "How do you respond to the other person's current proposal? Answer with a JSON "
        'object of the form {"decision": "..."}, where the decision is "accept", "reject" or '
        '"walk away".'
    )
    assert standard(second).user == (
        'The other person wrote: "Hi there"\n'
        'You wrote: "I need "all" the water"\n'
        "Your proposal: You get 0 packages of food, 3 packages of water and 1 package of firewood. "
        "The other person gets 3 packages of food, 0 packages of water and 2 packages of "
        "firewood.\n"
        "The other person rejected the proposal.\n"
        "The other person's proposal: You get 0 packages of food, 3 packages of water and 0 "
        "packages of firewood. The other person gets 3 packages of food, 0 packages of water and "
        "3 packages of firewood."
    )
    assert [first.choice, second.choice] == ["reject", "walk away"]
    assert [first.role, second.role] == [ONE, TWO] and first.cluster == second.cluster
    first_points, second_points = (
        json.loads(text)["points"] for text in decision_frame([first, second])["numbers"]
    )
    # Food 5, water 4, firewood 3 for the first: 3, 0, 2 of them. Water 5 for the second: three.
    assert (first_points, second_points) == (3 * 5 + 2 * 3, 3 * 5)


def test_records_keep_what_is_private(tmp_path: Path) -> None:
    found = load_of([toy()], tmp_path)
    again = come_back(found, tmp_path)
    assert again[0].person["demographics"] == {"age": 30}


@needs_source
def test_records_keep_the_source(everything: tuple[list[Decision], Notes], tmp_path: Path) -> None:
    come_back(everything[0][::5], tmp_path)


Break = Callable[[Raw], object]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda d: d.pop("dialogue_id"), ["dialogue 1", "dialogue_id is missing"]),
        (lambda d: d.update(chat_logs={}), ["chat_logs is {}", "list"]),
        (lambda d: d["participant_info"].pop(TWO), ["participant_info", ONE]),
        (
            lambda d: d["participant_info"][ONE].pop("personality"),
            [f"{ONE}.personality is missing"],
        ),
        (
            lambda d: d["participant_info"][TWO]["value2issue"].update(High="Beer"),
            [f"{TWO}.value2issue", "Beer"],
        ),
        (lambda d: d["participant_info"][TWO]["value2reason"].pop("Low"), ["value2reason"]),
        (lambda d: d["chat_logs"][0].update(id="me"), ["message 1", "'me'", ONE]),
        (lambda d: d["chat_logs"][1].pop("text"), ["message 2", "text is missing"]),
        (lambda d: d["chat_logs"].insert(1, "hi"), ["message 2", "'hi'"]),
        (lambda d: d["chat_logs"][3].update(task_data={}), ["message 4", "reject_deal"]),
        (lambda d: d["chat_logs"].pop(2), ["message 3", "reject", "no deal is submitted"]),
        (lambda d: d["chat_logs"][3].update(id=TWO), ["message 4", "deal of its own"]),
        (
            lambda d: d["chat_logs"][2]["task_data"]["issue2youget"].update(Water="2"),
            ["message 3", "Water", "do not add up to 3"],
        ),
        (
            lambda d: d["chat_logs"][2]["task_data"]["issue2youget"].update(Water="-3"),
            ["message 3", "issue2youget", "-3"],
        ),
    ],
)
def test_a_fault_is_one_sentence_with_file_dialogue_value_and_cure(
    tmp_path: Path, broken: Break, words: list[str]
) -> None:
    dialogue = toy()
    broken(dialogue)
    with pytest.raises(UserError) as caught:
        load_of([dialogue], tmp_path)
    message = str(caught.value)
    assert "casino_train.json, dialogue 1" in message
    assert message.endswith(".") and "\n" not in message
    for word in [*words, "fresh copy"]:
        assert word in message


def test_walking_away_without_a_deal_and_a_deal_without_answer_are_counted(tmp_path: Path) -> None:
    dialogue = toy()
    dialogue["chat_logs"].pop(4)
    notes = Notes()
    file = tmp_path / "casino_train.json"
    file.write_text(json.dumps([dialogue]))
    assert [d.choice for d in load(file, notes)] == ["reject"]
    assert notes.dropped == {"walked away without a deal to answer": 1}
    dialogue["chat_logs"] = toy()["chat_logs"][:5]
    file.write_text(json.dumps([dialogue]))
    notes = Notes()
    assert len(list(load(file, notes))) == 1
    assert notes.dropped == {"submitted deals that nobody answered": 1}


def test_files_are_found_and_others_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No casino_train\.json or casino_valid\.json"):
        list(load(tmp_path, Notes()))
    with pytest.raises(UserError, match=r"dialogue 2.*dialogue_id 7 appears again"):
        load_of([toy(), toy()], tmp_path)
    (tmp_path / "casino_valid.json").write_text(json.dumps([toy()]))
    (tmp_path / "casino_train.json").write_text(json.dumps([toy()]))
    ids = [d.id for d in load(tmp_path, Notes())]
    assert ids == [f"casino/{split}/7/{k}" for split in ("train", "valid") for k in (1, 2)]
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "casino_valid.json").write_text("[]")
    with pytest.raises(UserError, match=r"2 files called casino_valid\.json"):
        list(load(tmp_path, Notes()))
    (tmp_path / "casino_train.json").write_text("{}")
    with pytest.raises(UserError, match="a JSON dict, not a list"):
        list(load(tmp_path / "casino_train.json", Notes()))
