"""What to change about a prompt of low mass: a rule each, by what was seen."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.places import ROOT
from tremble.api import low_mass
from tremble.api.low_mass import Seen, advice, how_to_answer
from tremble.stats.filters import MIN_MASS
from tremble.text import decimal

JSON = '{"decision": "'
ASKS = f"Take it? Answer yes or no, as JSON with the key decision.\n{JSON}"


def seen(other: str, **given: Any) -> Seen:
    usual: dict[str, Any] = {"labels": ["yes", "no"], "mass": 0.1, "opening": JSON}
    return Seen(**{**usual, "text": f"Take it?\n{JSON}", "other": other, **given})


@pytest.mark.parametrize(
    ("what", "rule", "sentence"),
    [
        (seen("Yes"), "spelling", "write the label 'yes' as 'Yes', or set spellings = \"all\""),
        (seen("YES"), "spelling", "write the label 'yes' as 'YES'"),
        (seen("Ac", labels=["accept", "reject"]), "spelling", "as 'Accept'"),
        (seen("AC", labels=["accept", "reject"]), "spelling", "as 'ACCEPT'"),
        (seen(" yes"), "spelling", "no space before the label"),
        (seen("'no"), "spelling", "end the opening with a quote, so that the label follows"),
        (seen("ye"), "spelling", "one token for the model"),
        (seen(" A", labels=["A", "B"]), "spelling", "no space before"),
        (seen("\n\n"), "new line", '\'Answer with "yes" or "no" as JSON with the key decision.\''),
        (seen(" "), "new line", "continues with a space"),
        (seen(" The"), "sentence", "end it with 'Answer with"),
        (seen("y", labels=["yes", "no"]), "sentence", "something else ('y')"),
        (seen("{", opening="", text="Take it?"), "structure", "let the answer begin like this"),
        (
            seen('"', straddled=True),
            "structure",
            "one token spans the end of the opening and the beginning of the label",
        ),
        (seen("9", labels=["1", "2"]), "number", "another number ('9')"),
        (seen("<think>"), "thought", "template in [[model]]"),
        (seen("<|channel|>"), "thought", "template in [[model]]"),
        (seen("<eos>", marks=["<eos>", "\n\n"]), "end of turn", "ends its turn ('<eos>')"),
        (seen("\n\n", marks=["<eos>", "\n\n"]), "new line", "continues with a new line"),
    ],
)
def test_the_likeliest_other_answer_chooses_the_rule(what: Seen, rule: str, sentence: str) -> None:
    (only,) = advice(what)
    assert only.rule == rule
    assert sentence in only.sentence
    assert only.sentence.endswith(".")


def test_who_counts_spellings_is_not_told_to() -> None:
    (only,) = advice(seen("Yes", spellings=True))
    assert "spellings" not in only.sentence and "'Yes'" in only.sentence


def test_words_that_are_not_the_users_are_not_theirs_to_change() -> None:
    for other in ("Yes", "The", "\n", "x"):
        for one in advice(seen(other, own=False, text="Rules. ")):
            assert "end it with" not in one.sentence and "write the label" not in one.sentence
            assert "spellings" in one.sentence or "formulations" in one.sentence


def test_a_prompt_that_says_how_to_answer_is_not_told_to() -> None:
    (only,) = advice(seen(" The", text=ASKS))
    assert "names the options already" in only.sentence
    (only,) = advice(seen(" The", text=ASKS.replace("JSON", "text").replace("decision.", "x.")))
    assert "end it with" in only.sentence


def test_a_space_at_the_end_and_long_labels_stand_beside_the_rule() -> None:
    long = ["I would take all of the money now", "I would rather leave it there"]
    what = seen("\n", labels=long, opening="", text="Take it? ", first_mass=0.9, mass=0.01)
    assert [one.rule for one in advice(what)] == ["space", "new line", "long labels"]
    assert "number the options" in advice(what)[-1].sentence
    # Whoever never begins a label does not lose it on the way.
    begun = seen("\n", labels=long, first_mass=0.011, mass=0.01)
    assert [one.rule for one in advice(begun)] == ["new line"]
    # A space that tremble's own words end in is not the user's.
    assert [one.rule for one in advice(seen("x", own=False, text="Answer: "))] == ["sentence"]


def test_how_to_answer_goes_with_the_opening() -> None:
    assert how_to_answer(seen("x")) == 'Answer with "yes" or "no" as JSON with the key decision.'
    assert how_to_answer(seen("x", opening='{"act": "')).endswith("JSON with the key act.")
    assert how_to_answer(seen("x", opening="Answer: ")) == (
        'Answer with "yes" or "no" and nothing else.'
    )
    many = [str(one) for one in range(1, 8)]
    assert '"1", "2", ... or "7"' in how_to_answer(seen("x", labels=many))
    empty = seen("\n", opening="", text="Take it?")
    assert "remove the empty opening" in advice(empty)[0].sentence


def test_the_page_has_every_rule_and_their_order() -> None:
    page = (ROOT / "docs" / "low_mass.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z ]+) \| ", page, re.MULTILINE)
    rules = [rule for rule, _ in low_mass._RULES]
    assert {*rows} == {"rule", "space", "long labels", *rules}
    assert ", ".join(rules) in " ".join(page.split())
    assert decimal(MIN_MASS) in page
