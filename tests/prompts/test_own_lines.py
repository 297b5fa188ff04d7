"""Line ends of templates that users write: what one line of a template prints is a line, and a line
whose tags print nothing leaves none. Expected texts are written by hand."""

# ruff: noqa: E501  # a template and what it prints in both arms stand on one line
from __future__ import annotations

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tables import a_map, decided, task
from tremble.prompts.own_template import (
    NoTemplate,
    NotRendered,
    compiled_from,
    literals,
    rendered,
    sandbox,
)
from tremble.tabular.templates.environment import environment

IF = '{% if arm == "B" %}'
END = "{% endif %}"


def printed(template: str, **variables: object) -> str:
    made = sandbox().from_string(template)
    return rendered(made, {"rounds": [1, 2], "nobody": [], "empty": "", **variables}, 10.0)


@pytest.mark.parametrize(
    ("template", "of_a", "of_b"),
    [
        # A line that holds other text keeps its line end.
        (f"You have 5 points.{IF} A fee.{END}\nNext", "You have 5 points.\nNext", "You have 5 points. A fee.\nNext"),
        (f"{IF}Pay.{END} Choose.\nNext", " Choose.\nNext", "Pay. Choose.\nNext"),
        (f"Cost: {IF}2{{% else %}}1{END}\nNext", "Cost: 1\nNext", "Cost: 2\nNext"),
        (f"a{IF}b{END}\nc{IF}d{END}\n\ne", "a\nc\n\ne", "ab\ncd\n\ne"),
        ("a{# why #}\nb", "a\nb", "a\nb"),
        ("a {% set x = 1 %}\nb{{ x }}", "a \nb1", "a \nb1"),
        ("{{ arm }} {# why #}\nb", "A \nb", "B \nb"),
        # A line of which nothing is printed leaves no line.
        (f"a\n{IF}fee{END}\nb", "a\nb", "a\nfee\nb"),
        (f"a\n  {IF}fee{END}  \nb", "a\nb", "a\nfee  \nb"),
        (f"{IF}fee{END}\nb", "b", "fee\nb"),
        (f"a\n{IF}fee{END}", "a", "a\nfee"),
        (f"a\n{IF}fee{END}\n", "a", "a\nfee"),
        (f"{IF}fee{END}", "", "fee"),
        (f"a\n{IF}fee{END} {IF}tax{END}\nb", "a\nb", "a\nfee tax\nb"),
        (f"a\n{IF}{{{{ arm }}}}{END}\nb", "a\nb", "a\nB\nb"),
        (f"a\n\n{IF}fee{END}\n\nb", "a\n\n\nb", "a\n\nfee\n\nb"),
        ("a\n{% if true %}{{ empty }}{% endif %}\nb", "a\nb", "a\nb"),
        # A line that holds only tags, comments and spaces leaves none.
        (f"a\n{IF}\nfee\n{END}\nb", "a\nb", "a\nfee\nb"),
        (f"a\n  {IF}  \n  fee\n  {END}\t\nb", "a\nb", "a\n  fee\nb"),
        (f"a\n{IF}{{# why #}}\nfee\n{{% else %}}\nfree\n{END}\nb", "a\nfree\nb", "a\nfee\nb"),
        ("a\n{# one\n\ntwo #}\nb", "a\nb", "a\nb"),
        ("a\n{% set x = [\n  1,\n  2] %}\n{{ x|sum }}", "a\n3", "a\n3"),
        (f"a\n{IF}\n\nfee\n\n{END}\nb", "a\nb", "a\n\nfee\n\nb"),
        (f"a\n{IF}\nfee\n{END}\n", "a\n", "a\nfee\n"),
        # A condition that begins or ends within a line.
        (f"Fee: {IF}\n  two\n{END}\nb", "Fee: \nb", "Fee: \n  two\nb"),
        (f"a {IF}b\nc{END}\nd", "a \nd", "a b\nc\nd"),
        (f"a {IF}b\nc\n{END}\nd", "a \nd", "a b\nc\nd"),
        (f"{IF}b\nc{END}\nd", "d", "b\nc\nd"),
        # Lines without tags, and blank ones, are as the author left them.
        (f"\na\n\n\n{{{{ empty }}}}\nb{IF}{END}\n \nc", "\na\n\n\n\nb\n \nc", "\na\n\n\n\nb\n \nc"),
        # Loops.
        ("{% for r in rounds %}\nR{{ r }}.\n{% endfor %}\nb", "R1.\nR2.\nb", "R1.\nR2.\nb"),
        ("{% for r in rounds %}R{{ r }}.\n{% endfor %}b", "R1.\nR2.\nb", "R1.\nR2.\nb"),
        ("{% for r in rounds %}{{ r }}, {% endfor %}\nb", "1, 2, \nb", "1, 2, \nb"),
        ("a\n{% for r in nobody %}{{ r }}{% endfor %}\nb", "a\nb", "a\nb"),
        ("{% for r in rounds %}\nR{{ r }}.{% if r == 2 and arm == 'B' %} You lost.{% endif %}\n{% endfor %}\nb", "R1.\nR2.\nb", "R1.\nR2. You lost.\nb"),
        ("{% for r in rounds %}\n{% if r == 1 %}{% continue %}{% endif %}\nR{{ r }}\n{% endfor %}\nb", "R2\nb", "R2\nb"),
        ("{% for r in [[1, [2]], [3]] recursive %}\n{% if r is iterable %}{{ loop(r) }}{% else %}{{ r }}{% endif %}\n{% endfor %}", "1\n2\n\n\n3\n\n", "1\n2\n\n\n3\n\n"),
        # Macros and blocks print by the same rule into a value, which holds no marks.
        ("{% macro f(x) %}\nx{{ x }}" + IF + "!" + END + "\n{% endmacro %}\n{{ f(1) }}b", "x1\nb", "x1!\nb"),
        ("{% macro f(x) %}x{{ x }}{% endmacro %}\n{{ f(1) }}\nb", "x1\nb", "x1\nb"),
        ("{% set t %}\nx" + IF + "y" + END + "\n{% endset %}\n{{ t|length }}{{ t == 'x\\n' }}", "2True", "3False"),
        ("{% set t %}x\ny{% endset %}\n{{ t }}", "x\ny", "x\ny"),
        ("{% filter upper %}\na" + IF + "b" + END + "\n{% endfilter %}\nc", "A\nc", "AB\nc"),
        ("{% macro f() %}\n[{{ caller() }}]\n{% endmacro %}\n{% call f() %}x\n" + IF + "y" + END + "{% endcall %}", "[x\n]\n", "[x\ny]\n"),
        ("{% macro f() %}\n[{{ caller() }}]\n{% endmacro %}\n{% call f() %}\nx\n{% endcall %}\nb", "[x\n]\nb", "[x\n]\nb"),
        # Raw text.
        ("a\n{% raw %}\n{{ b }}\n\n{% c %}\n{% endraw %}\nd", "a\n{{ b }}\n\n{% c %}\nd", "a\n{{ b }}\n\n{% c %}\nd"),
        ("a {% raw %}{{ b }}{% endraw %}\nd", "a {{ b }}\nd", "a {{ b }}\nd"),
        # Signs in tags mean what they mean in jinja.
        (f"a\n{{%- if arm == 'B' %}} fee{END}\nb", "a\nb", "a fee\nb"),
        (f"a {IF[:-2]}-%}}\n  fee\n{{%- endif %}}\nb", "a \nb", "a fee\nb"),
        (f"a\n{IF}fee{{% endif +%}}\nb", "a\n\nb", "a\nfee\nb"),
        (f"a\n{{% if arm == 'B' +%}}\nfee\n{END}\nb", "a\nb", "a\n\nfee\nb"),
        (f"a\n  {{%+ if arm == 'B' %}}\nb\n{END}\nc", "a\nc", "a\n  b\nc"),
        ("a\n\n  {{- arm -}}\n\n  c" + IF + END + "\nd", "aAc\nd", "aBc\nd"),
        # Blank lines at the end: jinja drops one line end, as for a template without tags.
        (f"a{IF}b{END}\nc\n\n", "a\nc\n", "ab\nc\n"),
        (f"a\n{IF}b{END}\n\n", "a\n", "a\nb\n"),
        (f"a\n{IF}b\n{END}\n\n\n", "a\n\n", "a\nb\n\n"),
        # Line ends of other systems.
        (f"a\r\n{IF}fee{END}\r\nb{IF}!{END}\r\nc", "a\nb\nc", "a\nfee\nb!\nc"),
    ],
)  # fmt: skip
def test_lines_in_two_arms(template: str, of_a: str, of_b: str) -> None:
    assert (printed(template, arm="A"), printed(template, arm="B")) == (of_a, of_b)


def test_line_ends_of_a_value_are_the_values() -> None:
    value = "\nx\n\n y \n\n"
    for template in ("{% if t %}{{ t }}{% endif %}\nb", "{{ t }}\nb", "{% set a = 1 %}{{ t }}\nb"):
        assert printed(template, t=value) == value + "\nb"
    assert printed("a\n{% if t %}{{ t }}{% endif %}", t=value) == "a\n" + value
    assert printed("a\n{% if t %}{{ t }}{% endif %}\nb", t="\n") == "a\n\n\nb"


def test_maps_print_by_the_rule() -> None:
    columns: dict[str, list[str | None]] = {
        "choice": ["yes", "no"],
        "arm": ["A", "B"],
        "fee": [None, "2"],
    }
    prompt = "Points: 5.{% if arm == 'B' %} More.{% endif %}\n{% if fee %}Fee: {{ fee }}{% endif %}\nyes or no?"
    assert [d.prompt for d in decided(columns, a_map(task(prompt=prompt)))] == [
        "Points: 5.\nyes or no?",
        "Points: 5. More.\nFee: 2\nyes or no?",
    ]


PIECES = st.sampled_from(["a", " ", "\n", "\n\n", "\r\n", "\t", "{", "}", "%", "#", "é", "{{ x }}"])


@given(st.lists(PIECES, max_size=12).map("".join), st.sampled_from(["", "v", "v\n", "\n\nv"]))
def test_without_tags_nothing_changes(template: str, value: str) -> None:
    """Jinja itself, as plain as it comes, prints the same characters."""
    usual = jinja2.Environment()
    try:
        expected = usual.from_string(template).render(x=value)
    except jinja2.TemplateSyntaxError:
        return
    if "{#" in template or "{%" in template:
        return
    for env in (sandbox(), environment()):
        assert env.from_string(template).render(x=value) == expected


TEXTS = st.sampled_from(["", "a", " b", "c ", "  "])
BITS = st.tuples(st.sampled_from([None, "p", "q"]), TEXTS)


@given(st.lists(st.lists(BITS, max_size=4), min_size=1, max_size=6), st.booleans(), st.booleans())
def test_conditions_within_lines(
    lines: list[list[tuple[str | None, str]]], p: bool, q: bool
) -> None:
    """Compared with lines that are put together by hand."""
    holds = {None: True, "p": p, "q": q}
    source, expected = ["first"], ["first"]
    for bits in lines:
        opening = next((at for at, (when, text) in enumerate(bits) if when or text.strip()), 0)
        if any(when for when, _ in bits) and bits[opening][0]:
            bits = bits[opening:]  # space before the first tag is never printed
        whole = [f"{{% if {w} %}}{t}{{% endif %}}" if w else t for w, t in bits]
        source.append("".join(whole))
        line = "".join(text for when, text in bits if holds[when])
        if line.strip() or not any(when for when, _ in bits):
            expected.append(line)
    source, expected = [*source, "last"], [*expected, "last"]
    assert printed("\n".join(source), p=p, q=q) == "\n".join(expected)


NESTED = st.recursive(
    st.sampled_from(["a\n", "\n", "  b {{ n }}\n"]),
    lambda inner: st.tuples(
        st.sampled_from(["if p", "if not p", "for n in [1, 2]"]), st.lists(inner, max_size=3)
    ).map(lambda t: f"  {{% {t[0]} %}}\n{''.join(t[1])}{{% end{t[0].split()[0]} %}}\n"),
    max_leaves=8,
)


@given(st.lists(NESTED, max_size=4).map("".join), st.booleans())
def test_tags_on_lines_of_their_own_print_as_jinja_trims_them(template: str, p: bool) -> None:
    usual = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    for source in (template, template + "end"):
        assert printed(source, p=p, n=0) == usual.from_string(source).render(p=p, n=0)


@pytest.mark.parametrize("before", ["a\n\n{# x\n #}\n", "{% if arm %}\n{%- set x = 1 -%}\n{% endif %}b\n", "\n\n  {%- if arm %}\nx{% endif %}\n"])  # fmt: skip
def test_errors_name_the_line_of_the_source(before: str) -> None:
    source = before + "{{ 1 + }}"
    with pytest.raises(NoTemplate, match=rf"\(line {source.count(chr(10)) + 1}: "):
        compiled_from(sandbox(), source, lambda text: None)


@pytest.mark.parametrize("mark", ["\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3", "\ufdd4"])
def test_marks_are_refused_where_users_write_them(mark: str) -> None:
    said = f"U\\+{ord(mark):X}"
    with pytest.raises(NoTemplate, match=rf"line 2: it contains {said}"):
        compiled_from(sandbox(), f"a\nb{mark}", lambda text: None)
    with pytest.raises(NotRendered, match=f"it prints {said}"):
        printed("{{ text }}{% if true %}{% endif %}", text=f"a{mark}\n")


def test_texts_of_a_template_hold_no_marks() -> None:
    tree = sandbox().parse(f"Say J.{IF} Or F.{END}\nNow{{# x #}}\n{IF}\nyes\n{END}\n")
    assert "".join(literals(tree)).split() == ["Say", "J.", "Or", "F.", "Now", "yes"]
