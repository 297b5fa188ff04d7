"""Every wording against what the study's own table says that it changes, in the rendered text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.support.control_cases import IN_SIGHT
from tests.support.places import ROOT
from tests.support.scripts import script
from tremble.decisions.record import Decision, Event
from tremble.prompts.conversation import Conversation, NotApplicable
from tremble.prompts.formulations import FORMULATIONS, standard
from tremble.published.figures import table

CHANGES = {row["variant"]: row["modification"] for row in table("prompt_variants")}
JSON = '{"decision": "'
# A decision, its standard text, its text in the wording, and what the study says of the wording.
Check = Callable[[Decision, Conversation, Conversation, str], None]


@pytest.fixture(scope="module")
def decisions(embedded: list[Decision], invented: dict[str, Decision]) -> list[Decision]:
    """Several of every family, some with messages."""
    talk = script("write_prompts").not_embedded()["multi_issue"]
    return [*embedded, *invented.values(), talk]


def name_of(variant: str) -> str:
    """'Predict human' is predict_human in a study file."""
    return variant.lower().replace(" ", "_")


def rendered(
    wording: str, decisions: list[Decision]
) -> Iterator[tuple[Decision, Conversation, Conversation]]:
    for decision in decisions:
        try:
            found = FORMULATIONS[wording](decision, 0)
        except NotApplicable:
            continue
        yield decision, standard(decision), found


def paragraphs(text: Conversation) -> list[str]:
    return text.system.split("\n\n")


def asked(text: Conversation) -> tuple[str, str]:
    """The question, and how to answer it."""
    question, answer = re.split(r" (?=Answer )", paragraphs(text)[-1])
    return question, answer


def head(usual: Conversation, found: Conversation) -> str:
    """The paragraph that a wording puts before all else; nothing else may differ."""
    first, *others = paragraphs(found)
    assert others == paragraphs(usual)
    assert (found.user, found.opening, found.options) == (usual.user, usual.opening, usual.options)
    return first


def as_it_is(decision: Decision, usual: Conversation, found: Conversation, change: str) -> None:
    assert found == usual and found.plain().endswith("\n" + JSON)
    assert "JSON" in change and f"a JSON object of the form {JSON}..." in asked(found)[1]


def persona(in_change: str, *said: str, sentences: int = 1) -> Check:
    """A paragraph on who the reader is, with what makes this persona; all else as in standard."""

    def check(decision: Decision, usual: Conversation, found: Conversation, change: str) -> None:
        first = head(usual, found)
        assert in_change in change and first.startswith("You ")
        assert all(re.search(pattern, first) for pattern in said), first
        assert first.count(".") == sentences and first.endswith(".")

    return check


def about(in_change: str, said: str) -> Check:
    """The instructions are the participant's, and the question is what the participant does."""

    def check(decision: Decision, usual: Conversation, found: Conversation, change: str) -> None:
        assert in_change in change
        first, *rules = paragraphs(found)[:-1]
        assert said in first and '"you" in it refers to the participant' in first
        assert rules == paragraphs(usual)[:-1] and found.user == usual.user
        (question, answer), (own, how) = asked(found), asked(usual)
        assert answer == how and f'"{own}"' in question
        outside = question.replace(f'"{own}"', "")
        assert outside.endswith("the participant decide?")
        assert not re.search(r"\byou\b", outside, re.IGNORECASE)

    return check


def other_side(decision: Decision, usual: Conversation, found: Conversation, change: str) -> None:
    """The reader is whoever made the offer, and predicts who received it."""
    assert "the offer-maker predicting the receiver" in change
    first, *rules = paragraphs(found)[:-1]
    assert rules == paragraphs(usual)[:-1] and found.user == usual.user
    (question, answer), (own, how) = asked(found), asked(usual)
    assert answer == how and f'"{own}"' in question
    if decision.family in ("bargaining", "negotiation", "persuasion"):
        made = [e for e in decision.visible() if e.type in ("offer", "recommendation")]
        maker = made[-1].data["player"] if decision.family != "persuasion" else "Alice"
        assert maker != decision.role and first.startswith(f"You are {maker}.")
        assert f'"you" in it refers to {decision.role}, and "{maker}" in it refers to you.' in first
        assert f"may include information that only {decision.role} has." in first
        assert question.endswith(f" Predict {decision.role}'s decision.")
    else:
        reader = {"multi_issue": "the other person", "persuasion_seller": "Bob"}
        names = {reader.get(decision.family, "the other player"), "the buyer in the current round"}
        assert any(first.startswith(f"You are {name}.") for name in names)
        assert re.search(r" Predict (that \w+|Alice)'s decision\.$", question)
        # in matrix games each side knows all payoffs
        assert ("only" in first) is (decision.family in reader)
    # what the reader is asked speaks to the reader; "you" in the quoted question is the person
    assert "you" not in question.replace(f'"{own}"', "").split()


def opener(decision: Decision, usual: Conversation, found: Conversation, change: str) -> None:
    """The JSON ending is replaced by exactly what the table says, and nothing else is."""
    replaced = re.fullmatch(
        r"JSON ending replaced by .*?(?:\((.+:)\)|the single word (\w+))", change
    )
    assert replaced is not None
    opening = f"{replaced[1] or replaced[2]} "
    assert found.opening == opening and usual.opening == JSON
    assert found.plain().endswith("\n" + opening)
    assert "JSON" not in found.plain() and JSON not in found.plain()
    assert paragraphs(found)[:-1] == paragraphs(usual)[:-1] and found.user == usual.user
    assert asked(found)[0] == asked(usual)[0] and f'"{opening}..."' in asked(found)[1]


def messages(decision: Decision) -> list[str]:
    """What was written, in quotes, as it stands in the standard text."""
    events: tuple[Event, ...] = decision.visible()
    return [f'"{e.data["message"]}"' for e in events if e.data.get("message") is not None]


def silent(decision: Decision, usual: Conversation, found: Conversation, change: str) -> None:
    assert change == "dialogue history removed"
    said = messages(decision)
    if not said:
        assert found.user == usual.user
        return
    assert all(text in usual.user and text not in found.plain() for text in said)
    kept = [line for line in usual.user.split("\n") if not re.match(r".+ wrote: ", line)]
    assert found.user.split("\n") == kept and len(kept) == usual.user.count("\n") + 1 - len(said)
    (told,) = set(paragraphs(found)) - set(paragraphs(usual))
    assert "messages" in told and "removed" in told
    assert [text for text in paragraphs(found) if text != told] == paragraphs(usual)


PHRASES = {  # where the rules name both options beside the list of them and the way to answer
    "bargaining": ("accept or reject", "reject or accept"),
    "multi_issue": ("accept it, reject it", "reject it, accept it"),
    "repeated_matrix": ("option J or option F", "option F or option J"),
}
PAYOFFS = re.compile(r"(?:^- If you choose .+\n?)+", re.M)


def exchanged(family: str, text: str, one: str, two: str) -> str:
    """The standard instructions with the two options exchanged by hand."""
    text, found = re.subn(rf'"{one}"(, | or )"{two}"', rf'"{two}"\1"{one}"', text)
    assert found == 1
    text, listed = re.subn(rf'(- "{one}": .+)\n(- "{two}": .+)', r"\2\n\1", text)
    assert listed == (family not in (*IN_SIGHT, "repeated_matrix"))
    if family == "repeated_matrix":  # what J pays stands first, and then what F pays
        (rows,) = PAYOFFS.findall(text)
        lines = rows.strip("\n").split("\n")
        assert [line[len("- If you choose ")] for line in lines] == [one, one, two, two]
        text = text.replace("\n".join(lines), "\n".join(reversed(lines)))
    before, after = PHRASES.get(family, ("", ""))
    assert before == "" or text.count(before) == 1
    return text.replace(before, after) if before else text


def namings(family: str, text: str, one: str, two: str) -> list[str]:
    """The two options as the instructions name them, in order; what each pays names one alone."""
    rules = "\n".join(line for line in text.split("\n") if not line.startswith("- If "))
    # "no" and "A" are words of other meanings as well
    pattern = rf'"({one}|{two})"' if one in ("yes", "A") else rf"\b({one}|{two})\b"
    return re.findall(pattern, rules)


def swapped(decision: Decision, usual: Conversation, found: Conversation, change: str) -> None:
    assert change == "order of accept and reject swapped"
    (one, two), rest = (usual.options[place].label for place in (0, 1)), usual.options[2:]
    assert found.options == (usual.options[1], usual.options[0], *rest)
    assert found.opening == usual.opening
    assert found.system == exchanged(decision.family, usual.system, one, two)
    times = len(namings(decision.family, usual.system, one, two)) // 2
    assert namings(decision.family, usual.system, one, two) == [one, two] * times
    assert namings(decision.family, found.system, one, two) == [two, one] * times
    assert times >= (1 if decision.family in IN_SIGHT else 2)
    if decision.family not in IN_SIGHT:
        assert found.user == usual.user  # what happened has its own order
        return
    # What there is to decide stands in one list: each option's lines move as they are.
    lines, moved = usual.user.split("\n"), found.user.split("\n")
    if decision.family == "one_shot_matrix":
        first = lines.pop(0)
        assert moved.pop(0) == first.replace(f" {one}, {two}", f" {two}, {one}", 1) != first
    own = {label: [x for x in lines if re.match(rf"\D+ {label}\b", x)] for label in (one, two)}
    others = [line for line in lines if line not in own[one] + own[two]]
    assert lines == own[one] + own[two] + others and moved == own[two] + own[one] + others


CHECKS: dict[str, Check] = {
    "Standard": as_it_is,
    "Predict human": about("prediction of the participant's choice", "Predict the decision"),
    "Observer": about("outside observer", "You are an outside observer"),
    "Reversed roles": other_side,
    "Naive": persona("without prior experience", "You have no prior experience "),
    "Expert": persona("behavioural-economics researcher", "a researcher in behavioral economics"),
    "Fairness": persona("cares about fairness", "care .*about fairness"),
    "Selfish": persona("maximises own gain", "only about .*own gain as large as possible"),
    "Emotional": persona("follows gut feeling", "follow your gut feeling "),
    "Natural language": opener,
    "Simplified": opener,
    "Minimal": opener,
    "Numbers only": silent,
    "Preamble reversed": swapped,
}


@pytest.mark.parametrize("variant", list(CHANGES))
def test_a_wording_is_the_treatment_that_the_study_describes(
    variant: str, decisions: list[Decision]
) -> None:
    families = set()
    for decision, usual, found in rendered(name_of(variant), decisions):
        CHECKS[variant](decision, usual, found, CHANGES[variant])
        families.add(decision.family)
    everywhere = {decision.family for decision in decisions}
    without = {
        "Reversed roles": {"lottery"},
        "Numbers only": {"persuasion_seller", "repeated_matrix", *IN_SIGHT},
    }
    assert families == everywhere - without.get(variant, set()) and len(everywhere) == 8


def test_the_wordings_are_those_of_the_table_and_two_more() -> None:
    assert len(CHANGES) == 14 and set(CHECKS) == set(CHANGES)
    ours = ["game_theorist", "paragraphs_reversed"]
    assert list(FORMULATIONS)[14:] == ours
    assert set(FORMULATIONS) == {*map(name_of, CHANGES), *ours}
    page = (ROOT / "docs" / "wordings.md").read_text("utf-8")
    for variant, change in CHANGES.items():
        assert f" | {variant} | {change} | `{name_of(variant)}` | " in page


def test_personas_say_nothing_of_another_one(decisions: list[Decision]) -> None:
    """The expert of the study is a researcher: to work everything out is another treatment."""
    keywords = {
        "naive": "experience",
        "expert": "behavioral economics",
        "fairness": "fairness",
        "selfish": "own gain",
        "emotional": "gut feeling",
        "game_theorist": "game theory",
    }
    for wording in keywords:
        (found,) = {head(usual, text) for _, usual, text in rendered(wording, decisions)}
        assert [name for name, word in keywords.items() if word in found] == [wording]
        assert ("consequences" in found) is (wording == "game_theorist")


def test_the_paragraphs_stand_the_other_way_round(decisions: list[Decision]) -> None:
    for _, usual, found in rendered("paragraphs_reversed", decisions):
        assert paragraphs(found) == paragraphs(usual)[::-1] != paragraphs(usual)
        assert (found.user, found.opening, found.options) == (
            usual.user,
            usual.opening,
            usual.options,
        )


def test_reject_before_accept_by_hand(invented: dict[str, Decision]) -> None:
    found = FORMULATIONS["preamble_reversed"](invented["bargaining"], 0).system
    assert "The player who receives an offer can reject or accept it." in found
    listed = [line.split(":")[0] for line in found.split("\n") if line.startswith("- ")]
    assert listed == ['- "reject"', '- "accept"']
    assert found.endswith('where the decision is "reject" or "accept".')
    price = FORMULATIONS["preamble_reversed"](invented["negotiation"], 0)
    assert price.system.endswith('the decision is "RejectOffer", "AcceptOffer" or "DealWithJohn".')
    assert [option.key for option in price.options] == [
        "RejectOffer",
        "AcceptOffer",
        "DealWithJohn",
    ]
