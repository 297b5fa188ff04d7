"""That wordings of a user's own name the options as they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake, tremble
from tests.support.own_studies import people, run, write

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


@pytest.mark.parametrize(
    ("control", "shown", "way"),
    [
        ("renamed", [], "which is not shown when the decision "),
        ("shuffled_history", LETTERS, "which stands for another option when the decision "),
    ],
)
def test_labels_are_looked_at_under_controls_too(
    tmp_path: Path, control: str, shown: list[str], way: str
) -> None:
    """With the wording alone dropped, so that it is asked for under the control only."""
    own = calm("If both choose J, 8 points. " + ASK)
    path = study(tmp_path, "repeated_matrix", own, counterbalance=shown, controls=[control])
    alone = '[[exclude]]\nformulation = "calm"\ncontrol = "none"\n'
    path.write_text(path.read_text("utf-8") + alone, "utf-8")
    said = mistake("plan", path)
    assert f"contains the label 'J', {way}" in said
    assert said.endswith("; write {{ options[0] }} instead.")
    path.write_text(path.read_text("utf-8").replace("choose J", "choose {{ options[0] }}"), "utf-8")
    assert tremble("plan", path)[0] == 0


def test_a_label_that_means_something_else_elsewhere_is_a_warning(tmp_path: Path) -> None:
    """J is yes in the even decisions, no in the odd ones."""
    records = people()
    for at, one in enumerate(records):
        first, second = ("J", "F") if at % 2 == 0 else ("F", "J")
        one["prompt"] = f"{at}: press {first} for yes, {second} for no."
        one["options"] = [{"key": "yes", "label": first}, {"key": "no", "label": second}]

    def said(text: str) -> str:
        own = f"[[wording]]\nname = 'calm'\ntemplate = '{text}'\n"
        return " ".join(run(write(tmp_path, own, records, formulations=["calm"])).split())

    warned = said("{{ prompt }} Press J to take them or F.")
    assert warned.count("contains the label 'J', which stands for ") == 1
    assert "and for another option in " in warned and "write {{ options[" in warned
    assert "contains the label" not in said("{{ prompt }} Press {{ options[0] }} to take them.")


def test_labels_in_a_script_without_spaces_are_found(tmp_path: Path) -> None:
    records = [
        {**one, "prompt": f"第{at}轮。", "options": ["是", "否"], "choice": "是否"[at % 2]}
        for at, one in enumerate(people())
    ]
    own = "[[wording]]\nname = 'calm'\ntemplate = '{{ prompt }}回答%s。'\n"
    asks = own % '{{ options|join("或") }}'
    assert tremble("plan", write(tmp_path, asks, records, formulations=["calm"]))[0] == 0
    alone = write(tmp_path, own % "{{ options[0] }}", records, formulations=["calm"])
    # Nothing is asked of a prompt that does not name them itself.
    assert tremble("plan", alone)[0] == 0
    records = [{**one, "prompt": one["prompt"] + "是或否?"} for one in records]
    asks = own.replace("prompt", "prompt[:4]") % "{{ options[0] }}"
    assert "does not name the option '否'" in mistake(
        "plan", write(tmp_path, asks, records, formulations=["calm"])
    )


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
