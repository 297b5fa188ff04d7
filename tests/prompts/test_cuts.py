"""How many whole responses of a session stay, by characters and by tokens."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import events, needs_psych, psych_lines, session
from tremble.prompts.cuts import (
    CharacterCut,
    character_ends,
    kept_in_characters,
)

# Responses of each real experiment, those left after the source's cut, and the sessions it cuts.
LEFT = {
    "thoma2025riskychoice": (2_709, 2_709, 0),
    "thoma2025problearn": (47_817, 47_817, 0),
    "potter2017twostep": (21_513, 21_513, 0),
    "busch2024_navon": (8_092, 6_961, 126),
    "dezfouli2019": (132_251, 58_990, 98),
    "guenther2022relational": (22_000, 22_000, 0),
    "zhu2024games": (93_460, 93_460, 0),
    "xu2023augmenting": (13_496, 13_031, 38),
}


def test_the_numbers_of_the_source_add_up() -> None:
    assert sum(kept for _, kept, _ in LEFT.values()) == 266_481
    assert sum(there for there, _, _ in LEFT.values()) == 341_338


@needs_psych
@pytest.mark.parametrize("experiment", LEFT)
def test_the_sources_cut_leaves_as_many_responses(experiment: str) -> None:
    there = kept = cut = 0
    for one in psych_lines(experiment):
        ends = character_ends(events(one["text"]))
        left = kept_in_characters(ends, 32_768)
        there, kept, cut = there + len(ends), kept + left, cut + (left < len(ends))
    assert (there, kept, cut) == LEFT[experiment]


@given(st.lists(st.text("ab\n é", max_size=4), min_size=1, max_size=12), st.integers(1, 60))
def test_what_is_left_is_what_stands_whole_in_the_beginning(pieces: list[str], most: int) -> None:
    text = "".join(f"<<{piece}>>" if at % 2 else piece for at, piece in enumerate(pieces))
    ends = character_ends(events(text))
    assert [text[:end][-2:] for end in ends] == [">>"] * len(ends)
    assert kept_in_characters(ends, most) == len(re.findall("<<[^<>]*>>", text[:most]))


def test_decisions_are_cut_and_counted() -> None:
    # Ends at 5 + 1 + 4 = 10 (J), 14 (empty), 19 (F); the second session has its first at 25.
    text = "12345<<J>><<>><<F>> 678"
    late = "x" * 20 + "<<J>>"
    decisions = [*session(text, "1"), *session(late, "2"), *session(text, "3")]
    cut = CharacterCut(18)
    assert [d.id for d in cut.of(decisions)] == ["mine/one/1/r1", "mine/one/3/r1"]
    assert cut.notes("mine.jsonl") == [
        "mine.jsonl: cut 3 of 3 sessions at 18 characters, which keeps 2 of 5 responses.",
        "mine.jsonl: 1 session kept no response, because the first one does not end within 18 "
        "characters.",
    ]
    whole = CharacterCut(25)
    assert list(whole.of(decisions)) == decisions and whole.notes("mine.jsonl") == []
    assert [d.id[-2:] for d in CharacterCut(19).of(session(text))] == ["r1", "r3"]
