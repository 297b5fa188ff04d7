"""That what a model reads in wordings of the user's own has the options, something of the history,
and the facts that it asks for."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.support.control_cases import CAMPING
from tremble.decisions.record import Decision, Option
from tremble.errors import UserError
from tremble.prompts.conversation import NotApplicable, Telling
from tremble.prompts.own_labels import names
from tremble.prompts.own_wording import OwnWording

TOLD = Telling(
    rules=lambda words, seen: ("Two players.",),
    history=lambda words, seen: ("She offered 5 of 9 grapes.", "So?"),
)
MINE = Decision(
    "mine", "d", "custom", (Option("y", "yes"), Option("n", "no")), prompt="Take 5 now? yes or no"
)
OPTIONS = '{{ options|join(", ") }}'


def wording(template: str, system: str = OPTIONS) -> OwnWording:
    return OwnWording("calm", template, system, file="s.toml")


def words(template: str, decision: Decision = CAMPING) -> str:
    return wording(template)(decision, 0, TOLD if decision is CAMPING else Telling()).user


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ history.split('\\n')|first }}", "She offered 5 of 9 grapes."),
        ("{{ history.split('\\n')|last }}", "So?"),
        ("{{ history|upper }}", "SHE OFFERED 5 OF 9 GRAPES.\nSO?"),
        ("{{ history.split(' ')[2] }} {{ history[10] }}", "5 d"),
        ("{{ history|truncate(15) }}", "She offered..."),
        ("{{ history|reverse }}", "?oS\n.separg 9 fo 5 dereffo ehS"),
        ("{{ history.split('\\n')|first|replace('She', 'He') }}", "He offered 5 of 9 grapes."),
        # Asking for a word changes nothing, as long as the others are printed.
        ("{% if 'grapes' in history %}{{ history|title|replace('\\n', ' ') }}{% endif %}", None),
    ],
)
def test_a_part_of_the_history_is_enough(template: str, expected: str | None) -> None:
    assert words(template) == (expected or "She Offered 5 Of 9 Grapes. So?")


@pytest.mark.parametrize(
    "template",
    [
        "{{ history|length }}",
        "{{ history|wordcount }}",
        "{% if 'grapes' in history %}yes no{% else %}{{ history }}{% endif %}",
        "{% if 'grapes' in history and '5' in history %}Fruit.{% else %}{{ history }}{% endif %}",
        "{{ 'Much.' if history|length > 3 else history }}",
    ],
)
def test_what_is_only_asked_of_the_history_is_not(template: str) -> None:
    said = r"contains nothing of the history of .*; write {{ history }} in its template\.$"
    with pytest.raises(UserError, match=said):
        words(template)
    with pytest.raises(UserError, match="contains nothing of the prompt of the decision 'mine'"):
        words(template.replace("history", "prompt").replace("grapes", "Take 5 "), MINE)


@pytest.mark.parametrize(
    ("text", "label", "others", "there"),
    [
        ("Say Yes.", "yes", ["no"], True),
        ("Only: yes please.", "yes", ["yes please"], False),
        ("yes please or yes", "yes", ["yes please"], True),
        ("Only: no-deal.", "no", ["no-deal"], False),
        ("Only: no-deal.", "no-deal", ["no"], True),
        ("not now", "no", [], False),
        ("cafe\u0301", "café", [], True),
        ("GROSS", "groß", [], True),
        ("A player may go.", "A", ["B"], False),
        ("I wonder.", "I", ["A"], False),
        ("Choose A or B.", "A", ["B"], True),
        ('"A" player', "A", ["B"], True),
        ("B gives 5.", "B", ["A"], True),
        ("b gives 5.", "B", ["A"], False),
    ],
)
def test_a_label_is_a_word_of_its_own(
    text: str, label: str, others: list[str], there: bool
) -> None:
    assert names(text, label, [label, *others]) is there


def test_a_single_character_may_be_there_for_something_else() -> None:
    """The 5 and 9 of the history are no options; those that the template names are."""
    numbered = replace(
        CAMPING, options=(Option("accept", "5"), Option("reject", "9")), choice="accept"
    )
    told = Telling(rules=TOLD.rules, history=TOLD.history)
    for system in (OPTIONS, "{{ answer }}", "Choose 5 or 9."):
        assert wording("{{ history }}", system)(numbered, 0, told).user == "\n".join(
            told.history(None, None)  # type: ignore[arg-type]
        )
    with pytest.raises(UserError, match="does not name the option '5' of the decision"):
        wording("{{ history }}", "Decide.")(numbered, 0, told)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{{ facts.home.zip }}", "facts.home.zip"),
        ("{{ facts.home['zip'].code }}", "facts.home.zip"),
        ("{{ facts.home.street }}", "facts.home.street"),
        ("{{ facts.answers[3] }}", "facts.answers[3]"),
        ("{{ facts.answers[1].why }}", "facts.answers[1].why"),
        ("{{ facts.never.at.all }}", "facts.never"),
        ("{{ facts.never|tojson }}", "facts.never"),
        ("{{ {'a': facts.never}|tojson }}", "facts.never"),
    ],
)
def test_a_missing_part_of_a_fact_is_a_missing_fact(template: str, name: str) -> None:
    parts = {"home": {"town": "Ulm", "street": None}, "answers": [1, {"what": 2}]}
    decision = replace(MINE, facts=parts)
    with pytest.raises(
        NotApplicable, match=rf"^it uses {re.escape(name)}, which is not in the record$"
    ):
        wording("{{ prompt }}" + template)(decision)
    instead = template.replace(" }}", "|default('-') }}")
    if "tojson" not in template:
        assert words("{{ prompt }} " + instead, decision).endswith(" -")
    there = "{{ facts.home.town }}{{ facts.answers[-1].what }}{{ facts.answers|tojson }}"
    end = words("{{ prompt }}" + there, decision)
    assert end.endswith('Ulm2[1, {"what": 2}]')
