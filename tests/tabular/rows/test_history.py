"""What a prompt may know: earlier decisions of the same person, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tables import a_map, decided, noted, task
from tremble.errors import UserError

PROMPT = (
    "{% for past in history %}[{{ past.t }} {{ past.offer }} {{ past.choice }} {{ past.key }} "
    "{{ past.outcome }} {{ past['note'] }}]{% endfor %}now {{ t }} {{ offer }} {{ row['note'] }}"
)
OPTIONS = [
    {"key": "y", "label": "Yes", "cells": ["1"]},
    {"key": "n", "label": "No", "cells": ["0"]},
]
LONG = a_map(
    task(
        participant="who",
        outcome="did",
        options=OPTIONS,
        order="t",
        columns={"offer": "The offer"},
        prompt=PROMPT,
    )
)

CELL = st.integers(0, 9).map(str)


@st.composite
def long_tables(draw: st.DrawFn) -> dict[str, list[str]]:
    """People whose rows are mixed, in any order of their times."""
    people = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=9))
    times = draw(st.permutations(range(1, len(people) + 1)))
    size = len(people)

    def cells(one: st.SearchStrategy[str]) -> list[str]:
        return draw(st.lists(one, min_size=size, max_size=size))

    return {
        "who": people,
        "t": [str(time) for time in times],
        "did": cells(st.sampled_from("01")),
        "The offer": cells(CELL),
        "note": cells(CELL),
    }


@settings(deadline=None)
@given(long_tables())
def test_the_history_is_that_of_a_plain_loop(table: dict[str, list[str]]) -> None:
    """Rebuilt without any of the code under test."""
    found = decided(table, LONG)
    rows = [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)]
    for decision, row in zip(found, rows, strict=True):
        earlier = [
            one for one in rows if one["who"] == row["who"] and int(one["t"]) < int(row["t"])
        ]
        earlier.sort(key=lambda one: int(one["t"]))
        told = "".join(
            f"[{one['t']} {one['The offer']} {'Yes y' if one['did'] == '1' else 'No n'} "
            f"{one['did']} {one['note']}]"
            for one in earlier
        )
        assert decision.prompt == f"{told}now {row['t']} {row['The offer']} {row['note']}"


@settings(max_examples=100, deadline=None)
@given(long_tables(), st.data())
def test_no_cell_of_later_rows_and_of_others_changes_a_prompt(
    table: dict[str, list[str]], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, len(table["who"]) - 1))
    column = data.draw(st.sampled_from(["did", "The offer", "note"]))
    other = {name: list(cells) for name, cells in table.items()}
    other[column][row] = data.draw(st.sampled_from("01") if column == "did" else CELL)
    before, after = decided(table, LONG), decided(other, LONG)
    for at, (one, two) in enumerate(zip(before, after, strict=True)):
        mine = table["who"][at] == table["who"][row]
        later = int(table["t"][at]) > int(table["t"][row])
        own = at == row and column != "did"  # the own outcome is not in the own prompt
        if not (mine and (later or own)):
            assert one.prompt == two.prompt


WIDE = a_map(
    task(
        participant="who",
        outcome="g.{round}.did",
        options=OPTIONS,
        columns={"offer": "g.{round}.offer"},
        prompt="{% for past in history %}{{ past.round }}{{ past.offer }}{{ past.choice }};"
        "{% endfor %}{{ round }} {{ offer }}",
    )
)


@settings(deadline=None)
@given(st.data())
def test_no_cell_of_a_later_round_changes_a_prompt(data: st.DataObject) -> None:
    rounds = data.draw(st.permutations(range(1, 5)))  # as their columns stand in the file
    table: dict[str, list[str]] = {"who": ["a", "b"]}
    for number in rounds:
        table[f"g.{number}.offer"] = data.draw(st.lists(CELL, min_size=2, max_size=2))
        table[f"g.{number}.did"] = data.draw(
            st.lists(st.sampled_from("01"), min_size=2, max_size=2)
        )
    row, number = data.draw(st.integers(0, 1)), data.draw(st.integers(1, 4))
    kind = data.draw(st.sampled_from(["did", "offer"]))
    other = {name: list(cells) for name, cells in table.items()}
    cell = other[f"g.{number}.{kind}"]
    cell[row] = "1" if cell[row] == "0" else "0"
    before, after = decided(table, WIDE), decided(other, WIDE)
    assert [d.round for d in before] == [1, 2, 3, 4] * 2
    for one, two in zip(before, after, strict=True):
        assert one.round is not None
        mine = one.participant == ("1", "2")[row]
        seen = mine and (one.round > number or (one.round == number and kind == "offer"))
        assert (one.prompt == two.prompt) is not seen


def test_rows_without_a_decision_are_in_no_history() -> None:
    table: dict[str, Any] = {"who": ["a"] * 3, "t": ["1", "2", "3"], "did": ["1", None, "0"]}
    table |= {"The offer": ["5", "6", "7"], "note": ["x"] * 3}
    found = decided(table, LONG)
    assert [d.prompt for d in found] == ["now 1 5 x", "[1 5 Yes y 1 x]now 3 7 x"]


def ordered(order: str | None, times: list[str | None], people: str = "aaa") -> list[str]:
    """The histories, by the rows' names, of rows with these times."""
    table: dict[str, Any] = {"who": list(people), "time": times, "did": ["1"] * 3}
    table["name"] = ["A", "B", "C"]
    keys: dict[str, Any] = {} if order is None else {"order": order}
    prompt = "{% for past in history %}{{ past.name }}{% endfor %}."
    content = a_map(task(participant="who", outcome="did", options=OPTIONS, prompt=prompt, **keys))
    return [(d.prompt or "").rstrip(".") for d in decided(table, content)]


def test_what_rows_are_ordered_by() -> None:
    assert ordered(None, ["3", "2", "1"]) == ["", "A", "AB"]
    assert ordered("row", ["1", "1", "1"]) == ["", "A", "AB"]
    assert ordered("time", ["10", "9", "2"]) == ["BC"[::-1], "C", ""]
    stamps: list[str | None] = ["2024-03-01 10:00", "2024-02-01 11:00", "2023-12-31T09:00"]
    assert ordered("time", stamps) == ["CB", "C", ""]
    assert ordered("time", ["2", "1", "1"], "abc") == ["", "", ""]


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        (
            ["1", "1", "2"],
            "answers.csv, line 2 and answers.csv, line 3: one person has 'time' twice, so it is "
            'unclear what came first; give another column as order, write order = "row" to use '
            "the order of the file, or add to participant a column that tells the two apart.",
        ),
        (
            ["1", None, "2"],
            "answers.csv: 'time', which orders the rows of each person, is missing in 1 row "
            "(answers.csv, line 3); fill it in, exclude such rows with [drop], or write "
            'order = "row" to use the order of the file.',
        ),
        (
            ["1", "10:05", "2"],
            "answers.csv: 'time', which orders the rows of each person, contains '1'; use only "
            'numbers, or times such as 2026-01-31 10:05, or write order = "row" to use the order '
            "of the file.",
        ),
    ],
)
def test_an_order_that_is_none(times: list[str | None], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        ordered("time", times)
    assert str(caught.value) == sentence


FILE = {
    "who": ["a"],
    "choice": ["yes"],
    "offer": ["3"],
    "u.1.did": ["yes"],
    "u.2.did": ["no"],
    "u.2.payoff": ["7"],
    "u.1.payoff": ["7"],
    "rate": [".5"],
    "n": ["9"],
}
W = {"outcome": "u.{round}.did", "participant": "who"}


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"prompt": "{{ choice }}"}, "prompt of the task 'custom' uses 'choice', which contains"),
        ({"prompt": "{{ row['choice'] }}"}, "the prompt of the task 'custom' uses 'choice', which"),
        ({"prompt": "{{ row.choice }}"}, "of the task 'custom' uses 'choice', which contains"),
        (
            {"columns": {"x": "choice"}, "prompt": "{{ x }}"},
            "custom' uses 'x', which contains the decision",
        ),
        ({"system": "{{ choice }}"}, "the system text of the task 'custom' uses 'choice', which"),
        (
            {"options": [{"key": "yes", "label": "{{ choice }}!"}, "no"]},
            "the label '{{ choice }}!' of the task 'custom' uses 'choice', which contains the",
        ),
        (
            {**W, "columns": {"x": "u.{round}.did"}, "prompt": "{{ x }}"},
            "uses 'x', which contains the decision",
        ),
        ({**W, "prompt": "{{ row['u.1.did'] }}"}, "uses 'u.1.did', which contains the decision"),
        ({**W, "prompt": "{{ row['u.2.payoff'] }}"}, "uses 'u.2.payoff', which belongs to only"),
        ({"rate": "rate", "prompt": "{{ rate }}"}, "uses 'rate', which contains the decision"),
        ({"rate": "rate", "n": "n", "prompt": "{{ n }}"}, "uses 'n', which contains the decision"),
        ({"rate": "rate", "prompt": "{{ history }}"}, "but has no participant; add participant"),
        (
            {"rate": "rate", "participant": "who", "prompt": "{{ history }}"},
            "has rates of many people; leave history out, because it is what",
        ),
        ({"prompt": "{{ history|length }}"}, "uses history, but has no participant"),
        (
            {"options": [{"key": "yes", "label": "{{ history }}"}, "no"]},
            "uses history or options; labels can use only columns",
        ),
        (
            {"participant": "who", "prompt": "{% for p in history %}{{ p.ofer }}{% endfor %}"},
            "uses 'ofer', which is not the name of a column; did you mean 'offer'?",
        ),
        (
            {"participant": "who", "prompt": "{{ history[-1].ofer }}"},
            "uses 'ofer', which is not the name of a column; did you mean 'offer'?",
        ),
    ],
)
def test_what_nobody_can_have_known_is_refused(keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        decided(FILE, a_map(task(**keys)))
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("map.toml: ")


@pytest.mark.parametrize("name", ["u.2.did", "u.1.did", "u.2.payoff"])
def test_history_shows_no_column_of_a_certain_round(name: str) -> None:
    """`u.2.did` as the first decision of a row has it would be the own outcome of the second."""
    prompt = "{% for past in history %}{{ past['" + name + "'] }}{% endfor %}."
    with pytest.raises(UserError, match="of history, which belongs to only one of the decisions"):
        decided(FILE, a_map(task(**W, prompt=prompt)))
    hidden = "{% set name = '" + name + "' %}{% for past in history %}{{ past[name] }}{% endfor %}."
    with pytest.raises(UserError, match="has no attribute"):
        decided(FILE, a_map(task(**W, prompt=hidden)))
    outcome = "{% for past in history %}{{ past.outcome }}{% endfor %}."
    found = decided(FILE, a_map(task(**W, prompt=outcome)))
    assert [d.prompt for d in found] == [".", "yes."]


SHAPES = {
    "who": ["a"],
    "choice_1": ["yes"],
    "payoff_1": ["5"],
    "choice_02": ["no"],
    "payoff_02": ["7"],
    "age_9": ["30"],
    "trait_2": ["4"],
    "Q2_3": ["1"],
    "Q3_3": ["1"],
    "c_a": ["yes"],
    "c_b": ["no"],
    "pay_a": ["5"],
    "pay_b": ["7"],
}
BY_NUMBER = {"outcome": "choice_{round}", "participant": "who"}


@pytest.mark.parametrize(
    ("keys", "name", "where"),
    [
        (BY_NUMBER, "payoff_02", "round 02"),
        ({"outcome": "c_{game}", "participant": "who"}, "pay_b", "game b"),
    ],
)
def test_a_column_like_those_of_later_decisions_needs_the_users_word(
    keys: dict[str, Any], name: str, where: str
) -> None:
    for prompt in ("{{ " + name + " }}", '{{ row["' + name + '"] }}'):
        with pytest.raises(UserError) as caught:
            decided(SHAPES, a_map(task(**keys, prompt=prompt)))
        assert (
            f"uses '{name}', which seems to belong only to the decision of {where}; write it "
            "under columns with its part in braces, or give it a short name there if people knew "
            "it in all decisions" in str(caught.value)
        )
    said = task(**keys, columns={"known": name}, prompt="{{ known }}")
    found, notes = noted(SHAPES, a_map(said))
    assert [d.prompt for d in found] == ["7", "7"]
    assert (
        f"the prompt of the task 'custom' uses '{name}' in all decisions of a row, but it seems "
        f"to belong to the decision of {where}; leave it out if people learnt it later"
    ) in notes.odd
    past = "{% for past in history %}{{ past." + name + " }}{% endfor %}."
    with pytest.raises(UserError, match="of history, which belongs to only one of the decisions"):
        decided(SHAPES, a_map(task(**keys, prompt=past)))


@pytest.mark.parametrize("name", ["age_9", "trait_2", "Q2_3", "payoff_1"])
def test_a_column_that_is_like_none_of_a_later_decision_is_the_same_for_all(name: str) -> None:
    """No trait_1 is there; the 2 of Q2_3 does not stand where the round does."""
    found, notes = noted(SHAPES, a_map(task(**BY_NUMBER, prompt="{{ " + name + " }}")))
    assert [d.prompt for d in found] == [SHAPES[name][0]] * 2 and not notes.odd


def test_what_a_part_of_a_name_is_taken_to_be_is_said() -> None:
    columns = {"dg_choice": ["yes"], "pg_choice": ["no"], "practice_pg_choice": ["yes"]}
    found, notes = noted(columns, a_map(task(outcome="{game}_choice")))
    assert len(found) == 3
    assert notes.odd == [
        "{game} in '{game}_choice' is 'dg', 'pg', 'practice_pg'; rename the columns in "
        "the file that are not decisions of the task 'custom'"
    ]
    assert not noted(SHAPES, a_map(task(**BY_NUMBER)))[1].odd


def test_a_column_of_the_first_round_is_known_in_all_of_them() -> None:
    found = decided(FILE, a_map(task(**W, prompt="{{ row['u.1.payoff'] }}")))
    assert [d.prompt for d in found] == ["7", "7"]


@pytest.mark.parametrize(
    "times",  # three, of which the first is the latest and the last the earliest
    [
        ["2026-03-01 11:05", "2026-03-01 10:05", "2026-03-01 9:05"],
        ["2026-03-01 01:05 PM", "2026-03-01 11:00 am", "2026-03-01 12:59 A.M."],
        ["2026-03-01T10:05", "2026-03-01 9:05", "2026-03-01T08:00:01"],
        ["2026-03-01T09:00:00+01:00", "2026-03-01T07:30:00Z", "2026-03-01T08:00:00 +0100"],
        ["2026-03-01T00:10:00-02", "2026-03-01T02:09:00Z", "2026-02-28T23:00:00-02"],
        ["2026-03-01 09:05:07.25", "2026-03-01 09:05:07.2", "2026-03-01 09:05:07"],
        ["2026-03-01_10h05.23.456", "2026-03-01_10h05.23.45", "2026-03-01_09h59.00.000"],
        ["2026-03-01 10:05-02", "2026-03-01 12:04Z", "2026-03-01 10:03-0200"],
        ["2026-10-1", "2026-9-30", "2026-09-02"],
        ["2026-03-01 00:01", "2026-03-01", "2026-02-28 23:59"],
        ["010", "9", "1e0"],
        ["1772355900000000002", "1772355900000000001", "0"],
    ],
)
def test_times_are_ordered_by_the_clock(times: list[str | None]) -> None:
    assert ordered("time", times) == ["CB", "C", ""]


@pytest.mark.parametrize(
    ("times", "held"),
    [
        (["2026-03-01 9:05", "01/03/2026", "2"], "'01/03/2026'"),
        (["2026-02-30 9:05", "2026-03-01 9:05", "2026-03-01 9:06"], "'2026-02-30 9:05'"),
        (["2026-03-01 13:05 PM", "2026-03-01 9:05", "2026-03-01 9:06"], "'2026-03-01 13:05 PM'"),
        (["2026-03-01 9:65", "2026-03-01 9:05", "2026-03-01 9:06"], "'2026-03-01 9:65'"),
        (
            ["2026-03-01 9:05Z", "2026-03-01 9:04", "2026-03-01 9:06Z"],
            "'2026-03-01 9:05Z' with a time zone and '2026-03-01 9:04' without one",
        ),
    ],
)
def test_times_that_nobody_can_order(times: list[str | None], held: str) -> None:
    with pytest.raises(UserError) as caught:
        ordered("time", times)
    assert f"orders the rows of each person, contains {held}; use only numbers" in str(caught.value)


def test_one_moment_written_in_two_ways_is_twice() -> None:
    with pytest.raises(UserError, match="one person has 'time' twice"):
        ordered("time", ["2026-03-01T09:00+01:00", "2026-03-01T08:00Z", "2026-03-01T07:00Z"])


@pytest.mark.parametrize("name", ["outcome", "choice", "key"])
def test_a_short_name_never_shows_the_own_decision(name: str) -> None:
    columns = {"id": ["a", "a"], "did": ["yes", "no"], "offer": ["3", "4"]}
    keys = {"outcome": "did", "participant": "id", "columns": {name: "offer"}}
    past = "{% for past in history %} {{ past.outcome }}{{ past.choice }}{% endfor %}"
    found = decided(columns, a_map(task(**keys, prompt=f"{{{{ {name} }}}}{past}")))
    told = "3yes" if name == "outcome" else "yesyes"  # past.outcome is the name that is given
    assert [d.prompt for d in found] == ["3", f"4 {told}"]


def test_a_part_that_is_called_outcome_is_that_part() -> None:
    columns = {"q_a": ["yes"], "q_b": ["no"]}
    found = decided(columns, a_map(task(outcome="q_{outcome}", prompt="{{ outcome }}?")))
    assert [(d.prompt, d.choice) for d in found] == [("a?", "yes"), ("b?", "no")]


def test_outcome_as_a_short_name_shows_no_later_decision() -> None:
    columns = {"id": ["a"], "g.1.did": ["yes"], "g.2.did": ["no"]}
    keys = {"outcome": "g.{round}.did", "participant": "id", "columns": {"outcome": "g.2.did"}}
    past = "{% for past in history %}{{ past.outcome }}{% endfor %}x"
    with pytest.raises(UserError, match="belongs to only one of the decisions of a row"):
        decided(columns, a_map(task(**keys, prompt=past)))
