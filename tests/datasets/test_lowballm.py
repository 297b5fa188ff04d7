"""lowballm: answers and offers against the raw files, what is private or later, every bad input."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import tremble
from tests.support.lowballm_games import (
    DATA,
    ROLE,
    SECRET,
    UNREAD,
    game,
    needs_source,
    put,
    raw,
)
from tremble.datasets.base import Notes
from tremble.datasets.lowballm import CARD, load
from tremble.decisions import jsonl
from tremble.decisions.record import Decision, Offer
from tremble.errors import UserError
from tremble.prompts.controls import CONTROLS
from tremble.prompts.conversation import NotApplicable
from tremble.prompts.formulations import FORMULATIONS, standard
from tremble.prompts.other_games import OtherGames
from tremble.study.decision_frame import decision_frame

Raw = dict[str, Any]


def read(path: Path) -> tuple[list[Decision], list[Offer]]:
    found = list(load(path, Notes()))
    return (
        [one for one in found if isinstance(one, Decision)],
        [one for one in found if isinstance(one, Offer)],
    )


def known(one: Decision | Offer) -> str:
    """All that may be told of a decision or an offer before it is made."""
    if isinstance(one, Decision):
        return standard(one).plain()
    return repr((one.parameters, one.range, one.unit, one.at, one.visible()))


@needs_source
def test_counts() -> None:
    decisions, offers = read(Path(DATA or ""))
    assert Counter(d.choice for d in decisions) == {"AcceptOffer": 52, "RejectOffer": 717}
    assert (len(offers), len({d.cluster for d in decisions})) == (742, 88)
    assert len({d.id for d in decisions} | {o.id for o in offers}) == 769 + 742
    seats = Counter(game[side]["model"] for game in raw() for side in ROLE)
    assert sorted(seats.values(), reverse=True) == [51, 43, 28, 22, 10, 9, 7, 6]
    sat = {(d.cluster, d.participant) for d in decisions}
    sat |= {(o.cluster, o.participant or "") for o in offers}
    assert Counter(agent for _, agent in sat) == seats
    assert sum("Tournament" not in d.breakdown for d in decisions if d.round == 1) == 2
    assert (CARD.licence, {d.target for d in decisions}) == ("not stated", {"AcceptOffer"})


@needs_source
def test_every_turn_of_the_raw_files_is_an_answer_an_offer_or_both() -> None:
    """The files read anew: prices in dollars, acceptances that repeat a price, unread replies."""
    found = read(Path(DATA or ""))
    decisions, offers = iter(found[0]), iter(found[1])
    null = last_null = 0
    for one in raw():
        for at, log in enumerate(one["logs"]):
            said, side = log["content"], one[log["role"]]
            status = "unreadable" if said["thought"] == UNREAD else "read"
            if at:
                answer = next(decisions)
                assert (answer.round, answer.participant) == (at, side["model"])
                assert (answer.choice == "AcceptOffer") == said["deal"]
                before = one["logs"][at - 1]["content"]["offer"]
                table = "nothing" if before is None else "an offer"
                assert answer.config == {"status": status, "on_the_table": table}
                assert answer.parameters["value"] == side["estimate"]
            if said["offer"] is not None and not said["deal"]:
                offer = next(offers)
                assert (offer.participant, offer.role) == (side["model"], ROLE[log["role"]])
                assert 10**offer.value == pytest.approx(said["offer"], rel=1e-9)
                assert offer.unit == "log10 dollars" and offer.range == (0, 12)
            null += said["offer"] is None
        last_null += one["logs"][-1]["content"]["offer"] is None
    assert next(decisions, None) is None and next(offers, None) is None
    assert (null, last_null) == (63, 33)


@needs_source
def test_no_thought_is_in_any_record() -> None:
    """Also not the replies that could not be read, whose message is thought and all."""
    decisions, _ = read(Path(DATA or ""))
    games = {d.cluster: d.game for d in decisions}
    for one in raw():
        record = json.dumps(jsonl.game_to_json(games[f"lowballm/{one['id']}"]), ensure_ascii=False)  # type: ignore[arg-type]
        for log in one["logs"]:
            thought = log["content"]["thought"]
            assert json.dumps(thought, ensure_ascii=False)[1:-1] not in record
            if thought == UNREAD:
                assert json.dumps(log["content"]["message"], ensure_ascii=False) not in record
        assert '\\"thought\\"' not in record


def test_a_made_up_game_by_hand(tmp_path: Path) -> None:
    decisions, offers = read(put(tmp_path, game()))
    assert [(d.id.rpartition("/")[2], d.at, d.role, d.choice) for d in decisions] == [
        ("r1", 1, "Bob", "RejectOffer"),
        ("r2", 3, "Alice", "RejectOffer"),
        ("r3", 5, "Bob", "RejectOffer"),
        ("r4", 6, "Alice", "RejectOffer"),
        ("r5", 8, "Bob", "RejectOffer"),
        ("r6", 9, "Alice", "AcceptOffer"),
    ]
    assert [(o.at, o.role, round(10**o.value, 6)) for o in offers] == [
        *((0, "Alice", 90), (2, "Bob", 30), (5, "Bob", 35), (8, "Bob", 60)),
    ]
    assert [d.config["status"] for d in decisions] == ["read", "unreadable", *["read"] * 4]
    assert [d.config["on_the_table"] for d in decisions] == [
        *("an offer", "an offer", "nothing", "an offer", "nothing", "an offer"),
    ]
    assert decisions[0].game and decisions[0].game.agents == {
        "acme-2-20250101": {"kind": "model", "base": "acme-2"},
        "other-3": {"kind": "model", "base": "other-3"},
    }
    assert decisions[0].breakdown.items() >= {"Product": "Lamp", "Tournament": "Cup"}.items()


def test_the_prompt_tells_the_thing_the_own_value_and_the_talk(tmp_path: Path) -> None:
    decisions, _ = read(put(tmp_path, game()))
    last = standard(decisions[-1]).plain()
    for said in (
        "You are Alice, a seller. You have one product for sale: Lamp. It is worth $40 to you. Bob "
        "is a potential buyer. You are not told how much the product is worth to Bob.",
        "You make the first offer, which states a price. A player who rejects an offer can make "
        "the next offer, or none. Players can send a message in each turn.",
        '- "RejectOffer": You reject the offer and can make your own offer to Bob.',
        'Your offer: $90.\nYou wrote: "Ninety."\nBob rejected your offer.\nBob\'s offer: $30.\n'
        'Bob wrote: "Thirty."\nYou rejected Bob\'s offer.\nYou made no offer.\n',
        'You made no offer.\nYou wrote: "I wait."\nBob\'s offer: $60.\nBob wrote: "Sixty."',
    ):
        assert said in last
    assert "John" not in last and "Done." not in last and "acme" not in last
    assert "How do you respond to Bob's current offer?" in last
    assert "How do you respond to Alice? Answer" in standard(decisions[2]).plain()


def test_theory_rules_out_a_loss_and_no_more(tmp_path: Path) -> None:
    """Bob's value is 100 and 90 was asked: a gain of 10, of which nothing is known; Alice's is 40
    and 30 was bid: a loss. To no offer there is no answer."""
    decisions, _ = read(put(tmp_path, game()))
    frame = decision_frame(decisions)
    assert frame["normative"].to_list() == [None, [0.0, 1.0], None, [0.0, 1.0], None, None]
    gains = [json.loads(numbers)["gain"] for numbers in frame["numbers"]]
    assert gains == pytest.approx([0.1, -0.25, None, -0.125, None, 0.5])


def test_what_came_later_or_from_outside_is_in_no_record(tmp_path: Path) -> None:
    """Planted columns: with other scores, true values, thoughts and names the records are equal."""
    plain = list(load(put(tmp_path / "a", game()), Notes()))
    other = game(trueValue=9, dealReached=False, dealPrice=None, turns=99)
    for side in ("seller", "buyer"):
        other[side] |= {"name": "Somebody", "score": -9.0, "thinkingTokens": 10**6}
    for log in other["logs"]:
        log["sender"] = "nobody"
        if log["content"]["thought"] != UNREAD:
            log["content"] |= {"thought": "changed", "thought_alt": "changed"}
    assert list(load(put(tmp_path / "b", other), Notes())) == plain
    assert SECRET not in "".join(repr(one) for one in plain)


def test_agents_are_models_whatever_a_run_calls_them(tmp_path: Path) -> None:
    second = game("2", "2025-12-25T00:00:00Z")
    second["seller"]["name"] = "acme two"
    del second["tournament"]
    decisions, _ = read(put(tmp_path, game(), second))
    assert {d.participant for d in decisions} == {"acme-2-20250101", "other-3"}
    assert list(dict.fromkeys(d.cluster for d in decisions)) == ["lowballm/2", "lowballm/1"]
    assert "Tournament" not in decisions[0].breakdown  # and in the order of dates


Change = Callable[[Raw, int], None]


def later(one: Raw, at: int) -> None:
    """The turn at `at` and every later one, with another price, message, thought and answer."""
    for log in one["logs"][at:]:
        said = log["content"]
        said |= {"message": "else", "thought": "else", "deal": False}
        said["offer"] = None if said["offer"] is None else said["offer"] * 1.5


def answered_or_offered(one: Decision | Offer) -> int:
    """The place of the turn in which it was made."""
    number = int(one.id.rpartition("/")[2][1:])
    return number if isinstance(one, Decision) else number - 1  # an answer comes a turn later


def check_nothing_later(games: list[Raw], tmp_path: Path) -> tuple[int, int]:
    same = shown = 0
    for one in games:
        before = {found.id: known(found) for found in load(put(tmp_path / "a", one), Notes())}
        for at in range(len(one["logs"])):
            changed = deepcopy(one)
            later(changed, at)
            for found in load(put(tmp_path / "b", changed), Notes()):
                if found.id not in before:
                    continue
                if answered_or_offered(found) <= at:
                    assert known(found) == before[found.id], found.id
                    same += 1
                else:
                    shown += known(found) != before[found.id]
        for folder in (tmp_path / "a", tmp_path / "b"):
            next(folder.rglob("run_*.json")).unlink()
    return same, shown


def check_nothing_private(games: list[Raw], tmp_path: Path) -> tuple[int, int]:
    same = told = 0
    for one in games:
        before = {found.id: known(found) for found in load(put(tmp_path / "a", one), Notes())}
        for side, role in ROLE.items():
            changed = deepcopy(one)
            changed[side]["estimate"] *= 3
            changed["seller"]["model"], changed["buyer"]["model"] = "zz", "yy"
            for found in load(put(tmp_path / "b", changed), Notes()):
                if found.role == role:
                    told += known(found) != before[found.id]
                else:
                    assert known(found) == before[found.id], found.id
                    same += 1
        for folder in (tmp_path / "a", tmp_path / "b"):
            next(folder.rglob("run_*.json")).unlink()
    return same, told


def test_nothing_later_and_nothing_private_is_known(tmp_path: Path) -> None:
    same, shown = check_nothing_later([game()], tmp_path / "later")
    assert same > 20 and shown > 20  # the control: what was changed shows afterwards
    assert check_nothing_private([game()], tmp_path / "private") == (10, 10)


@needs_source
def test_nothing_later_and_nothing_private_is_known_in_the_source(tmp_path: Path) -> None:
    games = raw()[::4]
    same, shown = check_nothing_later(games, tmp_path / "later")
    assert same > 1000 and shown > 1000
    same, told = check_nothing_private(games, tmp_path / "private")
    assert same == told > 300


def test_no_wording_knows_more(tmp_path: Path) -> None:
    changed = game()
    later(changed, 3)
    changed["seller"]["estimate"] = 77  # the decision of turn 4 is the buyer's
    (before, after) = (
        next(d for d in read(put(tmp_path / name, one))[0] if d.round == 3)
        for name, one in (("a", game()), ("b", changed))
    )
    for name, words in FORMULATIONS.items():
        assert words(before, 0).plain() == words(after, 0).plain(), name


def test_controls_leave_the_offer_on_the_table(tmp_path: Path) -> None:
    """A round is an offer with its answer, as the controls of the family take it."""
    decisions, _ = read(put(tmp_path, game()))
    for decision, left in (
        (decisions[-1], 'Bob\'s offer: $60.\nBob wrote: "Sixty."'),
        (decisions[2], "Alice made no offer."),
    ):
        assert standard(decision, 0, CONTROLS["no_history"](decision, None)).user == left
    others, fitted = OtherGames(decisions), 0
    for decision in decisions:
        for control in CONTROLS.values():
            with suppress(NotApplicable):
                fitted += bool(standard(decision, 0, control(decision, others)).plain())
    assert fitted > 6 * 4


def test_records_come_back_and_are_sound(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    code, said, error = tremble("data", "import", "lowballm", put(tmp_path, game()), "--out", out)
    assert (code, error) == (0, "") and "6 decisions and 4 offers written to" in said
    assert tremble("data", "check", out)[0] == 0
    decisions, offers = read(tmp_path)
    assert [d.id for d in jsonl.read(out)] == [d.id for d in decisions]
    assert [o.value for o in jsonl.read_offers(out)] == [o.value for o in offers]


def test_a_price_that_the_range_does_not_hold_is_counted(tmp_path: Path) -> None:
    one = game()
    one["logs"][1]["content"]["offer"] = 0.5
    notes = Notes()
    found = list(load(put(tmp_path, one), notes))
    assert notes.dropped == {"offers below $1 or above $1,000,000,000,000": 1}
    values = [10**one.value for one in found if isinstance(one, Offer)]
    assert values == pytest.approx([90, 35, 60]) and math.isclose(values[0], 90)


def spoil(*path: Any, value: Any) -> Callable[[Raw], None]:
    def change(one: Raw) -> None:
        *way, last = path
        place: Any = one
        for key in way:
            place = place[key]
        place[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (spoil("seller", value=3), "seller is 3, not an object"),
        (spoil("buyer", "model", value=""), "buyer.model is '', not a text"),
        (spoil("buyer", "estimate", value="9"), "buyer.estimate is '9', not a price"),
        (spoil("logs", value=[]), "logs is [], not a list of turns"),
        (spoil("logs", 1, "turn", value=5), "is not an object with this number"),
        (spoil("logs", 1, "role", value="seller"), "turn 2 is the seller's, but it is the buyer's"),
        (spoil("logs", 1, "role", value="judge"), "turn 2: role is 'judge', not seller or buyer"),
        (spoil("logs", 1, "content", "deal", value="no"),
         "turn 2: deal is 'no', not true or false"),
        (spoil("logs", 1, "content", "offer", value=-3), "turn 2: offer is -3, not a price"),
        (spoil("logs", 1, "content", "message", value=None), "turn 2: message is missing, not a"),
        (spoil("logs", 3, "content", "deal", value=True), "turn 4 accepts, but the game goes on"),
        (spoil("logs", 6, "content", "offer", value=61),
         "turn 7 accepts an offer that the turn before it did not make"),
        (spoil("item", value=None), "item is missing, not a text"),
        (spoil("id", value=7), "id is 7, not a text"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_sentence(
    tmp_path: Path, change: Callable[[Raw], None], said: str
) -> None:
    one = game()
    change(one)
    path = put(tmp_path, one)
    with pytest.raises(UserError) as caught:
        list(load(path, Notes()))
    text = str(caught.value)
    assert said in text and "\n" not in text and text.endswith("a fresh copy of the source.")
    assert str(next(path.rglob("run_*.json"))) in text


def test_a_wrong_folder_and_a_file_twice(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no file or folder .*check the path"):
        list(load(tmp_path / "none", Notes()))
    with pytest.raises(UserError, match=r"No run_\*.json in or under"):
        list(load(tmp_path, Notes()))
    put(tmp_path, game())
    put(tmp_path / "again", game())
    with pytest.raises(UserError, match="the id '1' is that of another file, too"):
        list(load(tmp_path, Notes()))
