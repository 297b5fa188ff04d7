"""What templates of the user's own put together is held to the same as what they print."""

from __future__ import annotations

from typing import Any

import pytest

from tremble.prompts import own_trial
from tremble.prompts.own_facts import Facts
from tremble.prompts.own_labels import names
from tremble.prompts.own_template import MissingCell, NoTemplate, NotRendered, rendered
from tremble.prompts.own_trial import OF_WORDINGS, own_template

PERSON = {"gaps": ["a", None], "home": {"items": "attic", "get": 5}, "full": [1, "b", 2.5]}


def printed(text: str, **more: Any) -> str:
    variables = {"facts": Facts(PERSON), "history": "ab", "options": ["x", "y"], **more}
    return rendered(own_template(text, OF_WORDINGS).template, variables, 5.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ 'a' ~ 1 ~ history }}", "a1ab"),
        ("{{ '%s, %d' % (history, 3) }} {{ 7 % 4 }}", "ab, 3 3"),
        ("{{ '%s %.1f'|format('a', 2) }}", "a 2.0"),
        ("{{ '%(a)s'|format(a=1) }}", "1"),
        ("{{ facts.full|join(', ') }}{{ facts.full[-1] }}", "1, b, 2.52.5"),
        ("{{ [{'n': 1}, {'n': 2}]|join('-', attribute='n') }}", "1-2"),
        # A part of a fact goes before what such things can do.
        ("{{ facts.home.items }} {{ facts.home.get ~ '!' }}", "attic 5!"),
        ("{{ facts.home['items'] }}", "attic"),
        ("{% for name in facts.home.keys() %}{{ name }} {% endfor %}", "items get "),
    ],
)
def test_texts_and_numbers_are_put_together(text: str, expected: str) -> None:
    assert printed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("{{ none ~ '' }}", "{{ '' ~ options }}", "{{ 'a' ~ (history ~ none) }}"),
        *("{{ '%s'|format(none) }}", "{{ '%s'|format(options) }}", "{{ '%(a)s'|format(a=none) }}"),
        *("{{ '%s' % options }}", "{{ '%s %s' % (1, none) }}"),
        *("{{ [none]|join }}", "{{ [options, options]|join(', ') }}"),
    ],
)
def test_none_and_lists_are_not(text: str) -> None:
    with pytest.raises(NotRendered, match=r"it prints (None|a list)"):
        printed(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{{ facts.gaps|join(', ') }}", "facts.gaps[1]"),
        ("{{ facts.gaps|last }}", "facts.gaps[1]"),
        ("{{ '%s'|format(facts.age) }}", "facts.age"),
        ("{{ facts.home.town ~ '!' }}", "facts.home.town"),
    ],
)
def test_what_is_missing_is_missing_there_too(text: str, name: str) -> None:
    with pytest.raises(MissingCell) as missing:
        printed(text)
    assert missing.value.name == name


def test_joins_that_grow_are_tried_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def why_not(text: str, seconds: float) -> str | None:
        tried.append(text)
        return "is tried"

    monkeypatch.setattr(own_trial, "_why_not", why_not)
    for text in (
        "{{ rules|join(rules)|join(rules)|length }}",
        "{{ rules|join(d=rules) }}",
        "{{ rules|join('" + "x" * 99 + "') }}",
        "{{ rules" + "|join(',')" * 12 + " }}",
    ):
        with pytest.raises(NoTemplate, match="is tried"):
            own_template(text, OF_WORDINGS)
    assert len(tried) == 4
    assert printed('{{ options|join(", ") }}{{ options|join }}') == "x, yxy"


def test_what_is_printed_is_bounded_as_it_goes() -> None:
    """50,000 times as many characters: more than memory holds, were they put together first."""
    loop = "{% for one in history %}{{ history }}{% endfor %}"
    assert printed(loop) == "abab"
    with pytest.raises(NotRendered, match="it prints more than 10,000,000 characters"):
        printed(loop, history="a" * 50_000)
    # Only a long history gets here, so that no trial does.
    grows = "{% if history|length > 10000 %}{{ history|join(history) }}{% endif %}"
    assert printed(grows) == ""
    with pytest.raises(NotRendered, match="it makes more than 10,000,000 characters"):
        printed(grows, history="a" * 50_000)


@pytest.mark.parametrize(
    ("text", "label", "found"),
    [
        *(("回答是或否。", one, True) for one in "是否"),
        *(("选J或F", one, True) for one in "JF"),
        ("JSONで答える", "N", False),
        ("はいかいいえで答えてください", "はい", True),
        ("ตอบใช่หรือไม่ใช่", "ใช่", True),
        ("no-deal", "no", False),
    ],
)
def test_labels_in_scripts_without_spaces(text: str, label: str, found: bool) -> None:
    assert names(text, label) is found


def test_a_longer_label_does_not_count_there_either() -> None:
    assert not names("不是", "是", ["是", "不是"]) and names("是不是", "是", ["是", "不是"])
