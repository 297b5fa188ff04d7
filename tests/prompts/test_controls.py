"""Controls: what each takes away and keeps, what it does not fit, and that none leaks."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest

from tests.support.control_cases import CAMPING, IN_SIGHT, each, told, without_headings
from tests.support.wordings import LABELS, OWN, named
from tremble.decisions.record import Decision, Event, Option
from tremble.errors import UserError
from tremble.games.base import family
from tremble.prompts.asked import Asked
from tremble.prompts.controls import CONTROLS, NEUTRAL, NEUTRAL_ALONE
from tremble.prompts.conversation import Conversation, NotApplicable
from tremble.prompts.formulations import FORMULATIONS, spoken
from tremble.prompts.other_games import OtherGames
from tremble.prompts.parts import parts
from tremble.prompts.presentations import view


def test_names() -> None:
    for name, asked in {
        "naive+renamed": Asked("naive", "renamed"),
        "naive": Asked("naive"),
        "naive+next_token": Asked("naive", reading="next_token"),
    }.items():
        assert Asked.parse(name) == asked and asked.name == name
    with pytest.raises(
        UserError, match=r"^There is no control 'no_rule'; did you mean 'no_rules'\?$"
    ):
        spoken(Asked.parse("standard+no_rule"))
    with pytest.raises(UserError) as unknown:
        spoken(Asked.parse("standrd+no_rules"))
    assert str(unknown.value) == (
        "There is no wording 'standrd' (a + joins a wording and a control, as in "
        "'standard+no_history'); did you mean 'standard'?"
    )


def test_what_fits(
    everything: list[Decision], invented: dict[str, Decision], others: OtherGames
) -> None:
    families: dict[str, list[Decision]] = {}
    for decision in [*everything, *invented.values(), CAMPING, OWN]:
        families.setdefault(decision.family, []).append(decision)
    never = {
        (name, control)
        for name, some in families.items()
        for control in CONTROLS
        if not any(told(f"standard+{control}", one, others) for one in some)
    }
    history = ("no_history", "shuffled_history", "choices_only", "misleading_rules")
    assert never == {
        *((name, control) for name in IN_SIGHT for control in history),
        *((OWN.family, control) for control in CONTROLS),
        ("multi_issue", "other_history"),  # one dialogue alone
    }
    session = replace(OWN, family="session", prompt=None, history=(Event("text", {"text": "?"}),))
    with pytest.raises(
        NotApplicable, match="know which part of your own prompt is rules or history"
    ):
        spoken(Asked.parse("standard+no_rules"))(session, 0)


def test_first_rounds_have_no_history_to_take(embedded: list[Decision]) -> None:
    first = [d for d in embedded if d.round == 1 and d.family != "multi_issue"]
    assert len({decision.family for decision in first}) == 5
    for decision in first:
        for control in ("no_history", "shuffled_history", "choices_only"):
            assert told(f"standard+{control}", decision) is None, decision.id


def test_no_history_keeps_the_current_round_as_it_was(
    embedded: list[Decision], invented: dict[str, Decision]
) -> None:
    """The text from the heading of the last round on, read off the standard text."""
    count = 0
    for decision, usual, found in each("no_history", [*embedded, *invented.values()]):
        assert found.system == usual.system and found.options == usual.options
        if decision.family == "multi_issue" or "Round " not in usual.user:
            last = usual.user.split("\n")[-len(found.user.split("\n")) :]
            assert found.user == "\n".join(last)
            continue
        place = usual.user.rindex(f"Round {decision.round}")
        assert found.user == usual.user[place:], decision.id
        count += 1
    assert count > 40


def test_no_rules_leaves_the_question_and_the_history(embedded: list[Decision]) -> None:
    for decision, usual, found in each("no_rules", embedded):
        assert found.system == usual.system.split("\n\n")[-1]
        assert found.user == usual.user
        (neutral,) = [one for _, _, one in each("neutral_rules", [decision])]
        sentence = NEUTRAL_ALONE if decision.family == "lottery" else NEUTRAL
        assert neutral == replace(found, system=f"{sentence}\n\n{found.system}")


def test_no_wording_keeps_a_rule(embedded: list[Decision], invented: dict[str, Decision]) -> None:
    for decision in {**{d.family: d for d in embedded}, **invented}.values():
        rules = parts(decision, 0).rules
        for wording in FORMULATIONS:
            text = told(f"{wording}+no_rules", decision)
            if text is not None:
                assert not any(rule in text.plain() for rule in rules), (wording, decision.id)
                whole = told(wording, decision)
                assert whole is not None
                kept = [rule for rule in rules if rule in whole.plain()]
                if wording == "preamble_reversed":  # the same words in another order
                    kept = [
                        rule for rule in rules if words_of(rule) in map(words_of, paragraphs(whole))
                    ]
                assert kept == list(rules), (wording, decision.id)


def paragraphs(found: Conversation) -> list[str]:
    return found.system.split("\n\n")


def words_of(text: str) -> list[str]:
    return sorted(re.findall(r"[^\s,.]+", text))


def pd_rules(found: Conversation) -> list[tuple[str, str]]:
    return re.findall(r"you get (\d+) points? and the other player gets (\d+)", found.system)


def test_misleading_rules_by_hand(embedded: list[Decision], invented: dict[str, Decision]) -> None:
    def misled(decision: Decision) -> Conversation:
        found = told("standard+misleading_rules", decision)
        assert found is not None
        return found

    game = next(d for d in embedded if d.family == "repeated_matrix")
    table = {"a": {"a": [8, 8], "b": [0, 10]}, "b": {"a": [10, 0], "b": [5, 5]}}
    options = (Option("a", "J"), Option("b", "F"))
    play = replace(game, options=options, game=None, rules={"rounds": 10, "payoffs": table})
    # Rows JJ, JF, FJ, FF: what J paid against J it pays for F against F.
    assert pd_rules(misled(play)) == [("5", "5"), ("10", "0"), ("0", "10"), ("8", "8")]
    same = {"a": {"a": [3, 3], "b": [0, 0]}, "b": {"a": [0, 0], "b": [3, 3]}}
    meet = replace(play, rules={"rounds": 10, "payoffs": same})
    assert pd_rules(misled(meet)) == [("0", "0"), ("3", "3"), ("3", "3"), ("0", "0")]
    # Half of the money is lost where none was; 10% a round become 90%.
    bob = invented["bargaining"]
    assert "the money is worth 90% less to you than" in misled(bob).system
    assert bob.game is not None
    even = replace(bob, game=replace(bob.game, rules={**bob.game.rules, "delta": 1}))
    assert "the money is worth 50% less to you than" in misled(even).system
    # Bob's product was worth $60 to him and $40 to Alice.
    swapped = misled(invented["negotiation"]).system
    assert "It is worth $40 to you." in swapped
    assert "The product is worth $60 to Alice." in swapped
    untold = {**invented["negotiation"].parameters, "other_value": None}
    price = replace(invented["negotiation"], game=None, rules=untold)
    assert "It is worth $15 to you." in misled(price).system
    assert (
        "A product of high quality is worth $0 to you, and a product of low quality is worth $60 "
        "to you." in misled(invented["persuasion"]).system
    )
    camp = misled(CAMPING).system
    each_kind = re.findall(r"^- (\w+): (\d) points per unit\.", camp, re.M)
    assert each_kind == [("water", "3"), ("food", "4"), ("firewood", "5")]
    flat = {**play.parameters, "payoffs": {a: {b: [3, 3] for b in "ab"} for a in "ab"}}
    with pytest.raises(NotApplicable, match="the same when they are reversed"):
        spoken(Asked.parse("standard+misleading_rules"))(replace(play, rules=flat), 0)


def test_exchanged_payoffs_that_are_shown_in_both_orders_mislead_nobody(
    embedded: list[Decision],
) -> None:
    for name in IN_SIGHT:
        decision = next(d for d in embedded if d.family == name)
        with pytest.raises(
            NotApplicable, match=f"in {name} the decision is only about the payoffs"
        ):
            spoken(Asked.parse("standard+misleading_rules"))(decision, 0)


def test_misleading_rules_leave_what_happened(embedded: list[Decision]) -> None:
    for decision, usual, found in each("misleading_rules", embedded):
        assert found.system != usual.system
        lost = re.compile(r"^Because of inflation.*\n?", re.M)  # counted by the reader's own rules
        assert lost.sub("", found.user) == lost.sub("", usual.user), decision.id


def test_shuffled_rounds_keep_their_lines_and_the_current_round_its_place(
    embedded: list[Decision], invented: dict[str, Decision]
) -> None:
    moved = count = 0
    for decision, usual, found in each("shuffled_history", [*embedded, *invented.values()]):
        assert found.system == usual.system
        assert Counter(without_headings(found.user)) == Counter(without_headings(usual.user))
        heads = [re.findall(r"^Round \d+.*$", text, re.M) for text in (usual.user, found.user)]
        assert heads[0] == heads[1]  # numbered as before
        current = told("standard+no_history", decision)
        assert current is not None and found.user.endswith(current.user)
        assert told("standard+shuffled_history", decision) == found
        count += 1
        moved += found.user != usual.user
    assert count > 40 and moved > 0.8 * count


def test_choices_only(embedded: list[Decision], invented: dict[str, Decision]) -> None:
    said = {
        "bargaining": [
            "Round 1 of 8:",
            "You rejected Alice's offer.",
            "Round 2 of 8:",
            "Alice rejected your offer.",
        ],
        "negotiation": [
            "Round 1 of 5:",
            "You rejected Alice's offer.",
            "Round 2 of 5:",
            "Alice rejected your offer.",
        ],
        "persuasion": [
            "Round 1 of 20:",
            "You bought the product for $30.",
            "Round 2 of 20:",
            "You did not buy the product.",
        ],
    }
    for name, lines in said.items():
        found = told("standard+choices_only", invented[name])
        current = told("standard+no_history", invented[name])
        assert found is not None and current is not None
        assert found.user == "\n".join([*lines, current.user])
    for decision, usual, found in each("choices_only", embedded):
        if decision.family == "repeated_matrix":
            assert found.user == re.sub(r" You got .*", "", usual.user) != usual.user
        if decision.family == "persuasion_seller":
            parts = usual.user.split("\n")
            kept = [line for line in parts[:-1] if "quality" not in line.lower()]
            assert found.user.split("\n") == [*kept, parts[-1]]
    camp = told("standard+choices_only", CAMPING)
    assert camp is not None and camp.user.split("\n")[0] == "You rejected the proposal."
    mine = "You get 2 units of food, 1 unit of water and 0 units of firewood."
    assert camp.user.count("\n") == 1 and mine in camp.user


def test_every_wording_goes_with_every_control(
    embedded: list[Decision], invented: dict[str, Decision], others: OtherGames
) -> None:
    """Each fits where both fit, and names no option that the person did not have."""
    last = {(d.family, d.round and d.round > 2): d for d in embedded}
    for decision in [*last.values(), *invented.values()]:
        for control in CONTROLS:
            if told(f"standard+{control}", decision, others) is None:
                continue
            for wording in FORMULATIONS:
                alone = told(wording, decision)
                found = told(f"{wording}+{control}", decision, others)
                if wording == "numbers_only" and found is None:
                    continue  # without its messages there may be nothing left to take away
                assert (found is None) is (alone is None), (wording, control, decision.id)
                if found is None or alone is None:
                    continue
                assert found.opening == alone.opening
                own = {option.label for option in decision.options}
                assert named(found.plain()) == own & LABELS, (wording, control)
                if control == "renamed":
                    assert not re.search(r"\b(Alice|Bob)\b", found.plain()), wording


def test_every_family_can_be_altered(embedded: list[Decision]) -> None:
    """Whoever adds a family is reminded of all that controls need."""
    for decision in {d.family: d for d in embedded}.values():
        words = family(decision.family)
        assert words.scaled is not None
        rules = words.scaled(decision.parameters, 2)
        assert rules is not None and words.scaled(rules, 0.5) == decision.parameters
        if words.on_the_table:
            assert words.misled is None and words.retold is None
            continue
        assert words.misled is not None and words.retold is not None
        assert words.misled(view(decision)) != decision.parameters
        for event in decision.visible():
            assert words.retold(event.data, decision.parameters, decision.parameters) == event.data
