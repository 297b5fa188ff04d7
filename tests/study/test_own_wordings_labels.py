"""That wordings of a user's own name the options as they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake, tremble
from tests.support.own_studies import write

LETTERS = ["labels"]
ASK = "{{ question }} {{ answer }}"


def study(folder: Path, family: str, own: dict[str, str], **more: Any) -> Path:
    """A study over a family of the demo with the keys of one wording, or of one control."""
    table, name = ("control", "brief") if "rules" in own else ("wording", "calm")
    text = f"[[{table}]]\nname = '{name}'\n"
    text += "".join(f"{key} = '''{value}'''\n" for key, value in own.items())
    named = {"formulations": ["calm"]}
    if table == "control":
        named = {"formulations": ["standard"], "controls": ["brief"]}
    more = {key: held for key, held in more.items() if held}
    return write(folder, text, data=["demo"], families=[family], sample=4, **named, **more)


def calm(system: str, **more: str) -> dict[str, str]:
    return {"system": system, "template": "{{ history }}", **more}


REFUSED = [
    ("repeated_matrix", calm("If both choose J, 8 points. " + ASK), LETTERS, "'J'", 0),
    ("repeated_matrix", calm(ASK + ' {{ "F pays more." }}'), LETTERS, "'F'", 1),
    ("repeated_matrix", {"rules": "F against J gets 10."}, LETTERS, "'J'", 0),
    # Letters of another presentation than the record's own.
    ("repeated_matrix", calm("Choose A or B. " + ASK), LETTERS, "'A'", 0),
    ("lottery", calm("B is a gamble. {{ rules }} " + ASK), [], "'B'", 1),
    ("negotiation", calm("AcceptOffer ends it. {{ rules }} " + ASK), LETTERS, "'AcceptOffer'", 0),
    # Without the rules nobody knows what the letters mean.
    ("bargaining", calm("You may accept or reject. " + ASK), LETTERS, "'accept'", 0),
]


@pytest.mark.parametrize(("family", "own", "shown", "label", "at"), REFUSED)
def test_a_label_written_out_does_not_go_with_others(
    tmp_path: Path, family: str, own: dict[str, str], shown: list[str], label: str, at: int
) -> None:
    said = mistake("plan", study(tmp_path, family, own, counterbalance=shown))
    assert f"contains the label {label}, which " in said
    assert said.endswith(f"; write {{{{ options[{at}] }}}} instead.")
    whose = "rules of the control 'brief'" if "rules" in own else "system of the wording 'calm'"
    assert f"study.toml: the template of the {whose} contains" in said


def test_an_opening_is_no_template(tmp_path: Path) -> None:
    own = calm("{{ rules }} " + ASK, opening="Not J but ")
    said = mistake("plan", study(tmp_path, "repeated_matrix", own, counterbalance=LETTERS))
    assert "the opening of the wording 'calm' contains the label 'J'" in said
    assert said.endswith("; leave it out.")


ALLOWED = [
    # One presentation; labels that stay with their options; the cure; words that families say too;
    # an article; a comparison.
    ("repeated_matrix", calm("If both choose J, 8 points. " + ASK), []),
    ("repeated_matrix", calm("If both choose J, 8 points. " + ASK), ["order"]),
    ("repeated_matrix", calm("If both choose {{ options[0] }}, 8. " + ASK), LETTERS),
    ("bargaining", calm("You may accept or reject. {{ rules }} " + ASK), LETTERS),
    ("repeated_matrix", calm("A player sees it. {{ rules }} " + ASK), LETTERS),
    ("repeated_matrix", calm("{% if 'J' in options %}Yes.{% endif %}" + ASK), LETTERS),
]


@pytest.mark.parametrize(("family", "own", "shown"), ALLOWED)
def test_a_label_that_stays_may_be_written_out(
    tmp_path: Path, family: str, own: dict[str, str], shown: list[str]
) -> None:
    code, _, error = tremble("plan", study(tmp_path, family, own, counterbalance=shown))
    assert code == 0, error
