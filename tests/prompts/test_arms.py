"""Whose facts an interview tells, in which arm, and what a session behind one looks like."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import session
from tremble.decisions.participants import hash_order
from tremble.decisions.record import Decision, Option, name_hash
from tremble.prompts.arms import (
    ALONE,
    CHANGED,
    NO_FACTS,
    NO_SESSION,
    Interviewed,
    other_of,
    persona_text,
    persona_texts,
)
from tremble.prompts.asked import ARMS, Asked
from tremble.prompts.controls import CONTROLS
from tremble.prompts.conversation import ControlNotApplicable
from tremble.prompts.formulations import spoken
from tremble.prompts.interview import Question

QUESTIONS = (Question("age", "Old?"), Question("gender", "Which?"))
TEXT = "You choose.\nYou press <<J>>. You press <<F>>."


def test_the_next_in_hash_order_among_those_with_the_same_questions() -> None:
    both = {"age": "1", "gender": "x"}
    people = [("a", both), ("b", both), ("c", both), ("d", {"age": "2"}), ("e", {"age": "3"})]
    people += [("f", {"gender": "y"}), ("g", {}), ("h", {})]
    # By hand: the order of the names by the first eight bytes of blake2b, cyclic in each group.
    first, second, third = sorted("abc", key=name_hash)
    assert other_of(people) == {
        first: second,
        second: third,
        third: first,
        "d": "e",
        "e": "d",
        "f": None,  # alone with this question
        "g": None,
        "h": None,  # no interview at all
    }


@given(
    st.dictionaries(
        st.text(max_size=3),
        st.dictionaries(st.sampled_from(["age", "gender", "IUS"]), st.sampled_from("xy")),
        max_size=25,
    ),
)
def test_everybodys_facts_are_told_once_and_to_nobody_their_own(
    said: dict[str, dict[str, str]],
) -> None:
    others = other_of(list(said.items()))
    assert other_of(sorted(said.items(), reverse=True)) == others  # the order of a file is nothing
    assert set(others) == set(said)
    told = [other for other in others.values() if other is not None]
    assert len(set(told)) == len(told)
    assert {one for one, other in others.items() if other is not None} == set(told)
    groups = Counter(frozenset(facts) for facts in said.values())
    for one, other in others.items():
        alone = not said[one] or groups[frozenset(said[one])] == 1
        assert (other is None) == alone
        if other is not None:
            assert other != one and said[other].keys() == said[one].keys()


def people() -> list[Decision]:
    """Two experiments: three with an age, one with age and gender, one without facts; one."""
    return [
        *session(TEXT, "1", person={"age": 21}),
        *session(TEXT, "2", person={"age": "22", "condition": "b"}),
        *session(TEXT, "3", person={"age": 21}),
        *session(TEXT, "4", person={"age": 24, "gender": "F"}),
        *session(TEXT, "5", person={"condition": "b"}),
        *session(TEXT, "1", experiment="two", person={"age": 60}),
    ]


def test_texts_of_the_arms() -> None:
    decisions = people()
    known = Interviewed.of(decisions, QUESTIONS)
    ages = {"one/1": "21.0", "one/2": "22.0", "one/3": "21.0"}
    order = hash_order(ages)
    for at, name in enumerate(order):
        mine = next(d for d in decisions if d.participant == name)
        other = order[(at + 1) % 3]
        assert persona_texts(ARMS, mine, known) == {
            "own": f"Interviewer: Old?\nInterviewee: {ages[name]}\n\n",
            "other": f"Interviewer: Old?\nInterviewee: {ages[other]}\n\n",
            "refused": "Interviewer: Old?\nInterviewee: I prefer not to say\n\n",
        }
        assert persona_text("none", mine, known) == ""
        assert known.equal()[name] == (ages[name] == ages[other])
    assert set(known.equal()) == set(ages)
    assert sorted(known.alone()) == ["one/4", "two/1"]
    assert known.named == ("age", "condition", "gender")


def test_where_an_arm_is_not_applicable_and_why() -> None:
    decisions = people()
    known = Interviewed.of(decisions, QUESTIONS)
    alone, none = (next(d for d in decisions if d.participant == f"one/{n}") for n in (4, 5))
    for arm, decision, why in (("other", alone, ALONE), ("own", none, NO_FACTS)):
        with pytest.raises(ControlNotApplicable, match=why):
            persona_text(arm, decision, known)
    assert list(persona_texts(ARMS, alone, known)) == ["own", "refused"]
    lottery = Decision("x", "mine", "custom", (Option("a", "a"), Option("b", "b")), prompt="?")
    with pytest.raises(ControlNotApplicable, match=NO_SESSION):
        persona_text("own", lottery, known)


def test_a_participant_of_two_sessions_is_told_once() -> None:
    first = session(TEXT, "1", person={"age": "nan"})
    second = session(TEXT, "1", person={"age": 20}, part="/2")
    third = session(TEXT, "1", person={"age": 20, "gender": "F"}, part="/3")
    known = Interviewed.of(
        [*first, *second, *third, *session(TEXT, "2", person={"age": 30})], QUESTIONS
    )
    assert known.others == {"one/1": "one/2", "one/2": "one/1"}
    assert "30.0" in persona_text("other", second[0], known)
    with pytest.raises(ControlNotApplicable, match=CHANGED):
        persona_text("other", third[0], known)


def test_an_interview_stands_before_the_session_and_changes_nothing_of_it() -> None:
    decisions = people()
    known = Interviewed.of(decisions, QUESTIONS)
    for decision in decisions[:2]:
        alone = spoken(Asked("standard"))(decision)
        behind = spoken(Asked.parse("standard+persona_own"), people=known)(decision)
        header = "Interviewer: Old?\nInterviewee: 21.0\n\n"
        assert behind.plain() == header + alone.plain()
        assert (behind.opening, behind.system) == (alone.opening, alone.system)
        expert = spoken(Asked("naive", ARMS["refused"]), people=known)(decision)
        assert expert.plain().endswith(f"I prefer not to say\n\n{alone.plain()}")


def test_the_arms_are_named_and_are_no_controls() -> None:
    assert [Asked.parse(f"standard+{name}").arm for name in ARMS.values()] == list(ARMS)
    assert [Asked("standard").arm, Asked("standard", "no_rules").arm] == [None, None]
    assert not set(ARMS.values()) & set(CONTROLS)
