"""Wordings and controls of the user's own: what templates print, where they do not fit, and what is
refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.control_cases import CAMPING, IN_SIGHT
from tremble.decisions.record import Decision, Option
from tremble.errors import UserError
from tremble.games.base import family
from tremble.prompts import own_trial, own_wording
from tremble.prompts.asked import Asked
from tremble.prompts.controls import CONTROLS
from tremble.prompts.conversation import ControlNotApplicable, NotApplicable, Telling
from tremble.prompts.formulations import FORMULATIONS, formulation, spoken, standard
from tremble.prompts.own_template import NoTemplate
from tremble.prompts.own_trial import OF_CONTROLS, OF_WORDINGS, own_template
from tremble.prompts.own_wording import Own, OwnControl, OwnWording
from tremble.prompts.presentations import presentations, view

# A family's words, in words of this file, so that what is expected can be written by hand.
TOLD = Telling(
    rules=lambda words, seen: ("Two players.", "Points are money."),
    history=lambda words, seen: ("You chose a.", "She chose b."),
)
MINE = Decision(
    "mine",
    "d",
    "custom",
    (Option("y", "yes"), Option("n", "no")),
    choice="y",
    prompt="Take it?\nSay yes or no.\n",
    system="Be brief.",
    opening="Reply: ",
    facts={"age": 41, "town": "Bonn", "home town": "Ulm", "degree": None, "big": 10**14},
)


def wording(template: str, system: str | None = None, **more: Any) -> OwnWording:
    return OwnWording("calm", template, system, file="s.toml", **more)


def words(made: OwnWording, decision: Decision = CAMPING) -> tuple[str, str]:
    found = made(decision, 0, TOLD if decision is CAMPING else Telling())
    return found.system, found.user


OPTIONS = '{{ options|join(", ") }}'


@pytest.mark.parametrize(
    ("system", "template", "expected"),
    [
        (
            None,
            "{{ history }}\n" + OPTIONS,
            ("", "You chose a.\nShe chose b.\naccept, reject, walk away"),
        ),
        (
            "{{ rules }}",
            "{{ history }} " + OPTIONS,
            (
                "Two players.\n\nPoints are money.",
                "You chose a.\nShe chose b. accept, reject, walk away",
            ),
        ),
        (
            "Options:\n{% for label in options %}\n- {{ label }}\n{% endfor %}",
            "{% for line in history.split('\\n') %}\n{{ loop.index }}. {{ line|upper }}\n"
            "{% endfor %}",
            ("Options:\n- accept\n- reject\n- walk away", "1. YOU CHOSE A.\n2. SHE CHOSE B."),
        ),
        # An empty part leaves no line at the ends.
        (
            "{% if facts.age %}Aged.{% endif %}\n\n" + OPTIONS,
            "{{ history }}",
            ("accept, reject, walk away", "You chose a.\nShe chose b."),
        ),
    ],
)
def test_what_a_template_prints_of_a_game(
    system: str | None, template: str, expected: tuple[str, str]
) -> None:
    assert words(wording(template, system)) == expected


def test_all_variables_are_the_standard_wordings_own(
    embedded: list[Decision], invented: dict[str, Decision]
) -> None:
    made = wording("{{ history }}", "{{ rules }}\n\n{{ question }} {{ answer }}")
    whole = wording("{{ prompt }}", "{{ system }}")
    for decision in [*embedded, *invented.values()]:
        for number in presentations(decision, ("order", "labels")):
            usual = standard(decision, number)
            assert made(decision, number) == usual == whole(decision, number), decision.id
    assert whole(MINE) == standard(MINE)  # to the line's end, in its own opening
    assert (whole(MINE).user, whole(MINE).opening) == ("Take it?\nSay yes or no.\n", "Reply: ")


def test_options_stand_in_shown_order_and_the_opening_is_as_given() -> None:
    numbers = presentations(CAMPING, ("order",))
    made = wording("{{ history }}", OPTIONS, opening="I will ")
    found = [made(CAMPING, number) for number in numbers]
    assert [one.system for one in found] == [
        "accept, reject, walk away",
        "walk away, reject, accept",
    ]
    assert {one.opening for one in found} == {"I will "}
    assert wording("{{ history }}", OPTIONS)(CAMPING).opening == CAMPING.opening


def test_facts_are_the_persons_own() -> None:
    made = wording('{{ prompt }}You are {{ facts.age + 1 }}, {{ facts["home town"] }}.')
    assert words(made, MINE) == ("", "Take it?\nSay yes or no.\nYou are 42, Ulm.")
    game = CAMPING.game
    assert game is not None
    person = {"born": 1, "private": {"a": {"town": "Rome"}, "b": {"town": "Oslo", "job": "x"}}}
    played = replace(CAMPING, game=replace(game, person=person))
    both = wording(
        "{{ facts.born }} {{ facts.town }} {{ facts.job|default('-') }} {{ prompt }}",
        "{{ system }}",
    )
    assert both(played).user.startswith("1 Rome - ")


@pytest.mark.parametrize("name", ["degree", "never"])
def test_a_missing_fact_is_as_a_missing_cell(name: str) -> None:
    asks = f"{{{{ prompt }}}}{{% if facts.{name} %}}!{{% else %}}?{{% endif %}}"
    assert words(wording(asks), MINE)[1].endswith("\n?")
    assert words(wording(f"{{{{ prompt }}}}{{{{ facts.{name}|default(7) }}}}"), MINE)[1][-1] == "7"
    for template in (f"{{{{ facts.{name} }}}}", f"{{{{ facts.{name} + 1 }}}}"):
        with pytest.raises(
            NotApplicable, match=rf"^it uses facts\.{name}, which is not in the record$"
        ):
            wording("{{ prompt }}" + template)(MINE)


def test_parts_of_a_prompt_of_ones_own_are_not_known() -> None:
    for part in ("rules", "history", "question", "answer"):
        with pytest.raises(
            NotApplicable, match=rf"part of your own prompt is {part}; its template"
        ):
            wording(f"{{{{ prompt }}}}{{{{ {part} }}}}")(MINE)
    said = (
        "tremble does not know which part of your own prompt is rules or answer; its template can "
        "use prompt and system"
    )
    with pytest.raises(NotApplicable, match=f"^{said}$"):
        wording("{{ prompt }}", "{{ answer }} {{ rules }}")(MINE)


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{ prompt }}{{ none }}", "it prints None; print only texts and numbers."),
        ("{{ prompt }}{{ options }}", 'it prints a list; write |join(", ") after it.'),
        ("{{ prompt }}{{ prompt.title }}", "it prints a function; print only texts and numbers."),
        ("{{ prompt }}{{ {'a': 1} }}", "it prints {'a': 1}; print only texts and numbers."),
        (
            "{{ prompt }}{{ facts.age ~ facts.town|int }}",
            "'Bonn' is not a number; print only texts and numbers.",
        ),
        (
            "{{ prompt }}{{ ({'a': 1, 'b': 2}.keys() - [])|join }}",
            "it subtracts names, and what is left has no order; write a list of them.",
        ),
        (
            "{{ prompt }}{{ {'a': 1}.keys() }}",
            "it prints something that is neither a text nor a number; print only texts and "
            "numbers.",
        ),
        (
            "{{ prompt }}{{ '%s'|format(prompt|map('upper')) }}",
            'it prints a list; write |join(", ") after it.',
        ),
        # Known from the facts alone, after the trial.
        *(
            (
                "{{ prompt }}{{ " + much + " }}",
                "it makes more than 10,000,000 characters or digits; make it shorter.",
            )
            for much in ("'x' * facts.big", "facts.big * [1]", "facts.big ** facts.big")
        ),
        (
            "{{ prompt }}{{ 'x'|center(facts.big) }}",
            "it makes more than 10,000,000 characters or digits; make it shorter.",
        ),
        ("{{ prompt }}{{ 1 / 0 }}", "division by zero; print only texts and numbers."),
    ],
)
def test_what_does_not_work_for_a_decision_names_it(template: str, fault: str) -> None:
    with pytest.raises(UserError) as error:
        wording(template)(MINE)
    assert not isinstance(error.value, NotApplicable)
    head = "s.toml: the template of the wording 'calm' does not work for the decision 'mine': "
    assert str(error.value) == head + fault


def test_options_and_history_must_be_there() -> None:
    with pytest.raises(UserError, match=r"does not name the option 'accept' of the decision"):
        wording("{{ history }}")(CAMPING, 0, TOLD)
    named = "does not name the option 'walk away' .*; write {{ answer }} or {{ options|join"
    with pytest.raises(UserError, match=named.replace("|", r"\|")):
        wording("{{ history }} accept, reject; walkaway")(CAMPING, 0, TOLD)
    with pytest.raises(
        UserError, match=r"contains nothing of the history of .*; write {{ history }}"
    ):
        wording("Decide.", OPTIONS)(CAMPING, 0, TOLD)
    with pytest.raises(
        UserError, match=r"contains nothing of the prompt of .*; write {{ prompt }}"
    ):
        wording("{{ facts.age }}", OPTIONS)(MINE)
    # A prompt that names no options itself need not in other words.
    bare = replace(MINE, prompt="Take it?")
    assert words(wording("{{ prompt }} Now."), bare) == ("", "Take it? Now.")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a\n{% if %}", "is not a valid template (line 2: Expected an expression, got"),
        ("{{ histor }}", "uses 'histor', which is not a variable; did you mean 'history'?"),
        (
            "{{ row }}",
            "uses 'row', which is not a variable; choose from: answer, facts, history, options, "
            "prompt, question, rules, system.",
        ),
        ("{{ range }}", "uses 'range', which is not a variable; choose from: answer, facts,"),
        (
            "{{ self }}",
            "uses `self`, a word of the template language; write one of the variables rules, "
            "history, question, answer, options, facts, prompt, system",
        ),
        ("a\n\n{% include 'b' %}", "includes another file (line 3); write its text here"),
        ("{% import 'b' as c %}", "includes another file (line 1); write its text here"),
        ("{{ facts }}", 'uses `facts` as a whole; write facts["the name of a fact"]'),
        (
            "{% for f in facts %}{% endfor %}",
            'uses `facts` as a whole; write facts["the name of a fact"]',
        ),
        (
            "{{ facts[question] }}",
            'uses a fact of `facts` without a fixed name; write facts["the name"]',
        ),
    ],
)
def test_what_is_no_template_is_known_without_data(text: str, fault: str) -> None:
    with pytest.raises(NoTemplate) as error:
        own_template(text, OF_WORDINGS)
    assert str(error.value).startswith(fault)


def test_a_template_that_does_not_end_is_found_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_trial, "SECONDS", 1.0)
    loop = "{% for i in range(99999) %}" * 3 + "x" + "{% endfor %}" * 3
    for text, fault in (
        (loop, "does not end within 1 s"),
        ("{{ history * 10 ** 9 }}", "takes more than 1 GB of memory, or prints without end"),
        ("{{ 'x' * 10 ** 10 }}", "takes more than 1 GB of memory, or prints without end"),
    ):
        with pytest.raises(NoTemplate) as error:
            own_template(text, OF_WORDINGS)
        assert str(error.value) == fault
    assert own_template("{% for i in range(3) %}{{ i }}{% endfor %}", OF_WORDINGS).names == set()


def test_usual_sums_are_as_ever() -> None:
    found = words(wording("{{ prompt }}{{ 7 * 6 - 2 ** 3 - 0.5 }}{{ '=' * 3 }}"), MINE)[1]
    assert found.endswith("33.5===")


def test_the_sandbox_holds() -> None:
    for text in ("{{ rules.__class__ }}", "{{ ''.__class__.__mro__ }}", "{{ facts._values }}"):
        with pytest.raises(UserError):
            wording("{{ prompt }}" + text)(MINE)


# Controls, and wordings under them.


def own(*parts: OwnWording | OwnControl) -> Own:
    return Own(
        tuple(one for one in parts if isinstance(one, OwnWording)),
        tuple(one for one in parts if isinstance(one, OwnControl)),
    )


def under(control: OwnControl, decision: Decision, name: str = "standard") -> tuple[str, str]:
    made = spoken(Asked(name, control.name), own=own(control, wording("{{ prompt }}", OPTIONS)))
    found = made(decision)
    return found.system, found.user


def test_a_control_replaces_rules_and_history_in_every_wording(embedded: list[Decision]) -> None:
    rules = OwnControl("brief", rules="One {{ options|length }}.\n\n\nTwo.", file="s.toml")
    for decision in embedded:
        usual = standard(decision)
        system, user = under(rules, decision)
        count = len(decision.options)
        assert system.startswith(f"One {count}.\n\nTwo.\n\n") and user == usual.user
        last = usual.system.split("\n\n")[-1]
        assert system == f"One {count}.\n\nTwo.\n\n{last}"
        # The paragraphs are paragraphs: turned round, they stand the other way.
        turned, _ = under(rules, decision, "paragraphs_reversed")
        assert turned == f"{last}\n\nTwo.\n\nOne {count}."
    history = OwnControl("told", history="{{ history|upper }}\nNow you.")
    system, user = under(history, CAMPING)
    assert (system, user) == (
        standard(CAMPING).system,
        standard(CAMPING).user.upper() + "\nNow you.",
    )
    for name in FORMULATIONS:
        if name != "numbers_only":
            assert under(history, CAMPING, name)[1] == user, name
    assert under(history, CAMPING, "calm") == ("accept, reject, walk away", user)


def test_a_control_that_changes_nothing_does_not_fit() -> None:
    for control in (
        OwnControl("same", rules="{{ rules }}"),
        OwnControl("same", "{{ rules }}", "{{ history }}"),
    ):
        with pytest.raises(
            ControlNotApplicable, match=r"^it leaves the rules and the history unchanged$"
        ):
            under(control, CAMPING)
    with pytest.raises(
        ControlNotApplicable, match=r"^it uses facts\.age, which is not in the record$"
    ):
        under(OwnControl("aged", rules="{{ facts.age }}"), CAMPING)
    with pytest.raises(
        ControlNotApplicable, match=r"which part of your own prompt is rules or history$"
    ):
        under(OwnControl("told", history="Nothing."), MINE)


def test_no_history_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = replace(family(CAMPING.family), history=lambda seen: [])
    monkeypatch.setattr(own_wording, "family", lambda name: silent)
    with pytest.raises(NotApplicable, match=r"^nothing had happened before this decision$"):
        OwnControl("told", history="Nothing.")(CAMPING)
    told = OwnControl("both", "Play.", "Nothing.")(CAMPING)
    assert list(told.history(silent, view(CAMPING))) == []
    assert list(told.rules(silent, view(CAMPING))) == ["Play."]


def test_an_own_wording_goes_with_the_built_in_controls(embedded: list[Decision]) -> None:
    mine = wording("{{ history }}", "{{ rules }}\n\n{{ question }} {{ answer }}")
    fits = set()
    for control in CONTROLS:
        for decision in embedded:
            try:
                usual = spoken(Asked("standard", control))(decision)
            except ControlNotApplicable as error:
                with pytest.raises(ControlNotApplicable) as mine_too:
                    spoken(Asked("calm", control), own=own(mine))(decision)
                assert str(mine_too.value) == str(error)
                continue
            fits.add(control)
            assert spoken(Asked("calm", control), own=own(mine))(decision) == usual
    assert fits >= {*CONTROLS} - {"other_history"}


def test_names_are_known_and_near_ones_are_asked_for() -> None:
    both = own(wording("{{ prompt }}"), OwnControl("brief", rules="Play."))
    assert formulation("calm", both) is both.wordings[0]
    with pytest.raises(UserError, match=r"^There is no wording 'cal'; did you mean 'calm'\?"):
        formulation("cal", both)
    with pytest.raises(UserError, match=r"^There is no wording 'calmer' .*did you mean 'calm'\?"):
        spoken(Asked("calmer"), own=both)
    with pytest.raises(UserError, match=r"no control 'brif'; did you mean 'brief'\?"):
        spoken(Asked("standard", "brif"), own=both)
    with pytest.raises(UserError, match=r"^There is no wording 'calm'; choose from: "):
        formulation("calm")
    assert set(OF_CONTROLS) < set(OF_WORDINGS) and IN_SIGHT
