"""Templates: cells as texts and as numbers, missing ones, and what a template may not do."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tables import a_map, decided, noted, task
from tremble.errors import UserError
from tremble.prompts.own_template import is_plain
from tremble.tabular.templates import rendering
from tremble.tabular.templates.environment import environment
from tremble.tabular.templates.printed import Cell

COLUMNS: dict[str, Any] = {
    "choice": ["yes", "no"],
    "offer": ["3", "10"],
    "name": ["Ann", "Bo"],
    "half": ["1.50", "0.5"],
    "code": ["007", "12e4"],
    "gone": [None, None],
    "A question?": ["x", "y"],
}


def prompts(prompt: str, **keys: Any) -> list[str | None]:
    return [d.prompt for d in decided(COLUMNS, a_map(task(prompt=prompt, **keys)))]


def fault(prompt: str, **keys: Any) -> str:
    with pytest.raises(UserError) as caught:
        prompts(prompt, **keys)
    return str(caught.value)


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("{{ offer }} {{ half }} {{ code }}", "3 1.50 007", "10 0.5 12e4"),
        ("{{ 10 - offer }}", "7", "0"),
        ("{{ offer * 2 + half }}", "7.5", "20.5"),
        (
            "{{ offer / 2 }} {{ offer // 2 }} {{ offer % 2 }} {{ -offer }}",
            "1.5 1 1 -3",
            "5.0 5 0 -10",
        ),
        ("{% if offer > 9 %}much{% else %}little{% endif %}", "little", "much"),
        ("{% if offer == 3 %}three{% else %}no{% endif %}", "three", "no"),
        ("{% if half > offer %}more{% else %}less{% endif %}", "less", "less"),
        ("{% if name == 'Ann' %}she{% else %}he{% endif %}", "she", "he"),
        ("{% if name < 'Azz' %}A{% else %}B{% endif %}", "A", "B"),
        ("{{ offer ~ name }}", "3Ann", "10Bo"),
        ("{{ offer|int + 1 }} {{ half|float }} {{ half|round(1) }}", "4 1.5 1.5", "11 0.5 0.5"),
        ("{{ '%.2f'|format(half) }}", "1.50", "0.50"),
        ("{{ [offer, half]|sum }} {{ [offer, half]|max }}", "4.5 3", "10.5 10"),
        ("{{ row['A question?'] }} {{ name|upper }}", "x ANN", "y BO"),
        ("{% if gone %}a{% else %}b{% endif %}", "b", "b"),
        ("{% if gone is defined %}a{% else %}b{% endif %}", "b", "b"),
        ("{{ gone|default('nothing') }}", "nothing", "nothing"),
        ("{% if gone == 'x' %}a{% else %}b{% endif %}", "b", "b"),
        ("a\n{% if offer %}\nb\n{% endif %}\nc\n", "a\nb\nc", "a\nb\nc"),
        ("{{ options|join(' or ') }}?", "yes or no?", "yes or no?"),
        ("{{ file }}: {% set x = 5 %}{{ x }}", "answers: 5", "answers: 5"),
        ("{% if code == 7 %}a{% else %}b{% endif %}", "b", "b"),
        ("{{ name|int(0) }}", "0", "0"),
    ],
)
def test_what_a_template_prints(prompt: str, first: str, second: str) -> None:
    assert prompts(prompt) == [first, second]


@pytest.mark.parametrize(
    "how",
    [
        *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv),
        *(operator.mod, operator.lt, operator.le, operator.gt, operator.ge, operator.eq),
        operator.ne,
    ],
)
@given(st.integers(-99, 99), st.integers(-99, 99).filter(bool))
def test_a_cell_reckons_as_its_number(how: Callable[[Any, Any], Any], one: int, two: int) -> None:
    expected = how(one, two)
    assert how(Cell(str(one)), two) == expected
    assert how(one, Cell(str(two))) == expected
    assert how(Cell(str(one)), Cell(f"{two}.0")) == expected
    assert how(Cell(f"{one},0", ","), two) == expected


def test_a_cell_is_its_text_to_all_who_ask_for_texts() -> None:
    named: dict[str, int] = {Cell("a"): 1}
    assert named["a"] == 1
    assert Cell("5") == "5" and Cell("5") != "5.0" and Cell("5") == Cell("5.0")
    assert Cell("a") + "b" == "ab" and "a" + Cell("5") == "a5" and Cell("a") + Cell("b") == "ab"
    assert Cell("%s") % "x" == "x" and "%s!" % Cell("5") == "5!"  # noqa: UP031
    assert not Cell("5") == None  # noqa: E711, SIM201
    assert Cell("x") != 5


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("{{ ofer }}", "uses 'ofer', which is not the name of a column; did you mean 'offer'?"),
        (
            "{{ zzzzz }}",
            "uses 'zzzzz', which is not the name of a column; answers.csv has no such column.",
        ),
        (
            "{{ row['ofer'] }}",
            "uses 'ofer', which is not the name of a column; did you mean 'offer'?",
        ),
        ("{{ row[name] }}", 'uses a column of `row` without a fixed name; write row["the name"].'),
        ("{{ row }}", 'uses `row` as a whole; write row["the name of a column"].'),
        (
            "{% for x in row %}{% endfor %}",
            'uses `row` as a whole; write row["the name of a column"].',
        ),
        (
            "{{ offer",
            "is not a valid template (line 1: unexpected end of template, expected 'end of print",
        ),
        ("{% iff offer %}", "is not a valid template (line 1: Encountered unknown tag 'iff'"),
        ("{% include 'x' %}", "includes another file (line 1); write its text here."),
        ("{{ name|random }}", "is not a valid template (line 1: No filter named 'random'"),
        ("{{ lipsum() }}", "uses 'lipsum', which is not the name of a column"),
    ],
)
def test_a_template_that_cannot_be_is_refused_before_a_row_is_read(
    prompt: str, sentence: str
) -> None:
    said = fault(prompt)
    assert said.startswith("map.toml: the prompt of the task 'custom' ")
    assert sentence in said


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("{{ 10 - name }}", "'Ann' is not a number"),
        ("{% if name > 5 %}{% endif %}", "'Ann' is not a number"),
        ("{{ name|int }}", "'Ann' is not a number"),
        ("{{ offer / 0 }}", "division by zero"),
        ("{{ name.nothing }}", "has no attribute 'nothing'"),
        ("{{ name.__class__ }}", "access to attribute '__class__' of a cell object is unsafe"),
        ("{% if false %}x{% endif %}", "it prints nothing"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "it calls itself without end"),
    ],
)
def test_what_cannot_be_rendered_is_said_with_its_row(prompt: str, why: str) -> None:
    said = fault(prompt)
    assert said.startswith(
        "answers.csv, line 2: the prompt of the task 'custom' cannot be made from this row ("
    )
    assert why in said
    assert said.endswith("); correct the template in map.toml.")


@pytest.mark.parametrize(
    "prompt", ["{{ gone }}", "{{ gone|upper }}", "{{ 'a' ~ gone }}", "{{ 1 + gone }}"]
)
def test_a_missing_cell_that_is_printed_is_said_with_its_rows(prompt: str) -> None:
    assert fault(prompt) == (
        "map.toml: a template of the task 'custom' prints 'gone', which is missing in 2 rows "
        "(answers.csv, line 2; line 3); write {% if gone %} ... {% endif %} around it, or exclude "
        "such rows with [drop]."
    )


DOTTED: dict[str, Any] = {
    **COLUMNS,
    **{name: ["3", "10"] for name in ("stimulus.title", "player.offer", "history", "options")},
    "range": ["3", "10"],
    "stimulus": ["a", "b"],
    "file": ["f", "g"],
}


@pytest.mark.parametrize(
    "prompt", ["{{ %s }}", "{% if %s == '3' %}x{% endif %}.", "{{ 'a' ~ %s }}", "{{ %s|upper }}"]
)
@pytest.mark.parametrize("name", ["stimulus.title", "player.offer"])
def test_a_column_with_a_dot_is_no_part_of_another(prompt: str, name: str) -> None:
    with pytest.raises(UserError) as caught:
        decided(DOTTED, a_map(task(prompt=prompt.replace("%s", name))))
    assert str(caught.value) == (
        f"map.toml: the prompt of the task 'custom' uses {name}, and {name!r} is a column; write "
        f'row["{name}"].'
    )
    found = decided(DOTTED, a_map(task(prompt=prompt.replace("%s", f"row['{name}']"))))
    assert len(found) == 2


@pytest.mark.parametrize(
    "prompt",
    [
        "{{ name.title }}",
        "{{ name ~ name.title }}",
        "{{ [name, name.count]|join }}",
        "{{ '%s'|format(name.title) }}",
        "{{ name.title|string }}",
        "{% if name.title %}x{% endif %}.",
        "{% if name.title == 'x' %}x{% endif %}.",
        "{{ name['title'] }}",
        "{{ name|attr('title') }}",
        "{{ name.number }}",
        "{{ name.format }}",
        "{{ [name]|string }}",
        "{{ range(3) }}",
        "{{ dict(a=name) }}",
        "{{ cycler(name) }}",
        "{{ 'x' ~ joiner(name) }}",
        "{{ none }}",
        "{{ options }}",
    ],
)
def test_nothing_but_texts_and_numbers_is_printed(prompt: str) -> None:
    said = fault(prompt)
    assert "cannot be made from this row (" in said and "0x" not in said.replace("at 0x...", "")


def test_methods_of_texts_are_called_and_columns_win_over_functions() -> None:
    found = decided(DOTTED, a_map(task(prompt="{{ name.upper() }} {{ range }} {{ file }}")))
    assert [d.prompt for d in found] == ["ANN 3 f", "BO 10 g"]
    counted = "{% for at in range(2) %}{{ at }}{% endfor %}"
    assert decided(DOTTED, a_map(task(prompt=counted)))[0].prompt == "01"


def test_a_word_of_templates_wins_over_a_column_and_this_is_noted() -> None:
    said = task(prompt="{{ options|join('/') }} {{ row['history'] }}")
    found, notes = noted(DOTTED, a_map(said))
    assert found[0].prompt == "yes/no 3"
    assert notes.odd == [
        "the prompt of the task 'custom' uses options, which is the labels; for the column write "
        'row["options"]'
    ]
    assert not noted(DOTTED, a_map(task(prompt="{{ row['options'] }}")))[1].odd


def test_labels_may_be_templates() -> None:
    options = [{"key": "yes", "label": "Take ${{ offer }}"}, {"key": "no", "label": "Leave it"}]
    found = decided(COLUMNS, a_map(task(options=options, prompt="{{ options[0] }}")))
    assert [[o.label for o in d.options] for d in found] == [
        ["Take $3", "Leave it"],
        ["Take $10", "Leave it"],
    ]
    assert [d.prompt for d in found] == ["Take $3", "Take $10"]
    equal = [{"key": "yes", "label": "{{ offer }}"}, {"key": "no", "label": "3"}]
    assert "the labels are ['3', '3'], but each label must be a different text" in fault(
        "x", options=equal
    )


def test_labels_of_earlier_decisions_are_those_of_their_rows() -> None:
    options = [{"key": "yes", "label": "Take ${{ offer }}"}, "no"]
    prompt = "{% for past in history %}{{ past.choice }}{% endfor %}."
    found = decided(
        {**COLUMNS, "who": ["a", "a"]},
        a_map(task(options=options, prompt=prompt, participant="who")),
    )
    assert [d.prompt for d in found] == [".", "Take $3."]


def test_the_question_is_that_of_the_outcome() -> None:
    questions = {"choice": "Do you take it?", "offer": "?"}
    found = decided(COLUMNS, a_map(task(prompt="{{ question }}")), questions)
    assert found[0].prompt == "Do you take it?"
    assert "prints 'question', which is missing" in fault("{{ question }}")
    wide = {"q.a": ["yes"], "q.b": ["no"]}
    texts = {"q.a": "First?", "q.b": "Second?"}
    found = decided(wide, a_map(task(outcome="q.{part}", prompt="{{ question }}")), texts)
    assert [d.prompt for d in found] == ["First?", "Second?"]


def test_the_round_is_a_name_whatever_its_column_is_called() -> None:
    columns = {"choice": ["yes"], "trial_index": ["3"]}
    (one,) = decided(columns, a_map(task(round="trial_index", prompt="{{ round }}")))
    assert (one.prompt, one.round) == ("3", 3)
    (one,) = decided(
        {**columns, "round": ["9"]}, a_map(task(round="trial_index", prompt="{{ round }}"))
    )
    assert (one.prompt, one.round) == ("9", 3)


def test_equal_rows_are_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []
    render = rendering.MapTemplate.render

    def counted(self: rendering.MapTemplate, variables: Any) -> str:
        rendered.append(dict(variables))
        return render(self, variables)

    monkeypatch.setattr(rendering.MapTemplate, "render", counted)
    columns = {
        "choice": ["yes", "no"] * 50,
        "offer": ["1", "2"] * 50,
        "other": [*map(str, range(100))],
    }
    found = decided(columns, a_map(task(prompt="{{ offer }}?")))
    assert len(rendered) == 2
    assert len({id(d.prompt) for d in found}) == 2


BOMBS = {
    "time": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "memory": "{{ 'a' * 10 ** 10 }}",
    "length": "{{ 'a'|center(5 * 10 ** 7) }}",
    "computed": "{% set ns = namespace(x='a') %}{% for i in range(60) %}"
    "{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
}


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_template_that_takes_all_time_or_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch, bomb: str
) -> None:
    monkeypatch.setattr(rendering, "SECONDS", 1.0)
    said = fault(BOMBS[bomb])
    ends = "does not end within 1 s", "takes more than 1 GB of memory, or prints without end"
    assert said in [f"map.toml: the prompt of the task 'custom' {end}." for end in ends]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no clock that stops a rendering")
def test_a_template_that_goes_on_for_some_cells_alone_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rendering, "SECONDS", 1.0)
    said = fault("{% if name == 'Bo' %}" + BOMBS["time"] + "{% endif %}x")
    assert said.startswith(
        "answers.csv, line 3: the prompt of the task 'custom' cannot be made from"
    )
    assert "(it does not end within 1 s)" in said


def test_which_templates_need_no_trial() -> None:
    parse = environment().parse
    assert is_plain(parse("{% for p in history %}{{ p.x }}{% endfor %}{% if a > 3 %}b{% endif %}"))
    assert is_plain(parse("{{ 10 - a|int }}, {{ b|default('none') }}"))
    assert not is_plain(parse("{{ a * 9 }}"))
    assert not is_plain(parse("{{ '%9999999999d' % a }}"))
    assert not is_plain(parse("{{ a|center(999999999) }}"))
    nested = "{% for a in range(9) %}{% for b in range(9) %}{% endfor %}{% endfor %}"
    assert not is_plain(parse(nested))


@pytest.mark.parametrize("name", ["range", "dict", "question", "none_of_it"])
def test_a_column_is_its_cells_whatever_it_is_called(name: str) -> None:
    columns = {"choice": ["yes"], name: ["7"]}
    (one,) = decided(columns, a_map(task(prompt=f"{{{{ {name} }}}}")))
    assert one.prompt == "7"
    loop = "{% for i in range(2) %}{{ i }}{% endfor %}"
    (one,) = decided({"choice": ["yes"]}, a_map(task(prompt=loop)))
    assert one.prompt == "01"


def test_a_text_of_a_question_gives_way_to_a_column_of_that_name() -> None:
    texts = {"choice": "Yes or no?"}
    keys = a_map(task(prompt="{{ question }}"))
    assert decided({"choice": ["yes"], "question": ["7"]}, keys, texts)[0].prompt == "7"
    assert decided({"choice": ["yes"]}, keys, texts)[0].prompt == "Yes or no?"


@pytest.mark.parametrize(
    "prompt",
    ["{{ options }}", "{{ options|map('upper') }}", "{{ a.upper }}", "{{ none }}", "{{ {1: 2} }}"],
)
def test_what_is_no_text_is_not_printed(prompt: str) -> None:
    with pytest.raises(UserError, match=r"cannot be made from this row \(it prints "):
        decided({"choice": ["yes"], "a": ["x"]}, a_map(task(prompt=prompt)))


@pytest.mark.parametrize("mark", ["\u00e4", "a\u0308"])
def test_letters_of_a_map_are_composed_as_those_of_cells(mark: str) -> None:
    columns = {"choice": ["\u00e4"], "b\u00e4r": ["7"], "k\u00e4.1": ["5"]}
    keys = {"options": [mark, "no"], "columns": {f"x{mark}": "k\u00e4.1"}, "config": [f"b{mark}r"]}
    (one,) = decided(columns, a_map(task(**keys, prompt=f"{{{{ x{mark} }}}}{{{{ b{mark}r }}}}")))
    assert (one.prompt, one.choice, one.config) == ("57", "\u00e4", {"b\u00e4r": 7})
