"""Names of a map: columns, short names, parts of wide tables, the file and the row."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.tables import a_map, decided, task
from tremble.errors import UserError
from tremble.tabular.maps.wide import pattern_of

WIDE: dict[str, Any] = {
    "id": ["ann", "bob"],
    "u.2.offer": ["4", "5"],
    "u.2.choice": ["yes", "no"],
    "u.10.choice": ["no", None],
    "u.10.offer": ["1", "2"],
    "u.1.choice": ["yes", "yes"],
}


def fault(columns: dict[str, Any], /, **keys: Any) -> str:
    with pytest.raises(UserError) as caught:
        decided(columns, a_map(task(**keys)))
    return str(caught.value)


def test_a_wide_table_is_taken_apart_in_the_order_of_rounds() -> None:
    found = decided(
        WIDE,
        a_map(
            task(
                family="u",
                participant="id",
                outcome="u.{round}.choice",
                columns={"offer": "u.{round}.offer"},
                config=["offer", "round"],
                prompt="{{ round }}: {% if offer %}{{ offer }}{% else %}nothing{% endif %}?",
            )
        ),
    )
    told = [(d.id, d.participant, d.round, d.choice, d.prompt, dict(d.config)) for d in found]
    assert told == [
        ("u/2/1", "1", 1, "yes", "1: nothing?", {"round": 1}),
        ("u/2/2", "1", 2, "yes", "2: 4?", {"offer": 4, "round": 2}),
        ("u/2/10", "1", 10, "no", "10: 1?", {"offer": 1, "round": 10}),
        ("u/3/1", "2", 1, "yes", "1: nothing?", {"round": 1}),
        ("u/3/2", "2", 2, "no", "2: 5?", {"offer": 5, "round": 2}),
    ]


def test_parts_that_are_no_rounds_come_as_in_the_file() -> None:
    columns = {
        "q_b_1": ["yes"],
        "q_a_1": ["no"],
        "q_a_2": ["yes"],
        "text_a": ["A"],
        "text_b": ["B"],
    }
    found = decided(
        columns,
        a_map(
            task(
                outcome="q_{item}_{version}",
                item="item",
                columns={"text": "text_{item}"},
                prompt="{{ text }}{{ version }}",
                config=["version"],
            )
        ),
    )
    assert [(d.id, d.item, d.prompt, d.round) for d in found] == [
        ("custom/2/b/1", "b", "B1", None),
        ("custom/2/a/1", "a", "A1", None),
        ("custom/2/a/2", "a", "A2", None),
    ]


def test_a_column_is_meant_in_whatever_letters_it_is_written() -> None:
    columns = {"Café ouvert": ["yes"], "x": ["no"]}
    (one,) = decided(columns, a_map(task(outcome="Café  ouvert", config=["x"])))
    assert (one.choice, one.config) == ("yes", {"x": "no"})


def test_a_column_called_like_a_pattern_is_that_column() -> None:
    (one,) = decided({"u.{round}": ["yes"], "u.1": ["no"]}, a_map(task(outcome="u.{round}")))
    assert one.choice == "yes"


def test_the_file_and_the_row_are_names_where_no_column_is_called_so() -> None:
    columns = {"choice": ["yes", "no"]}
    found = decided(columns, a_map(task(participant="file", item="row", config=["file"])))
    assert [(d.participant, d.item, d.config) for d in found] == [
        ("1", "2", {"file": "answers"}),
        ("1", "3", {"file": "answers"}),
    ]
    (one,) = decided({"choice": ["yes"], "row": ["7"]}, a_map(task(item="row")))
    assert one.item == "7"


FILE = {"Treatment": ["a"], "choice": ["yes"], "u.1.choice": ["yes"], "u.2.choice": ["no"]}


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"config": ["Treatmnt"]},
            "there is no column 'Treatmnt' in answers.csv; did you mean 'Treatment'?",
        ),
        (
            {"outcome": "u.{round}.chose"},
            "there is no column 'u.{round}.chose' in answers.csv; did you mean 'u.{round}.choice'?",
        ),
        (
            {"outcome": "u.{round}.choice", "config": ["u.{round}.x{part}"]},
            "{part} in 'u.{round}.x{part}' is not a part of the outcome's columns, whose parts "
            "are {round}.",
        ),
        (
            {"config": ["u.{round}.choice"]},
            "'u.{round}.choice' has a part in braces, but the outcome has none; write the column's "
            "name.",
        ),
        (
            {"outcome": "u.{round}.choice", "config": ["v.{round}.choice"]},
            "there is no column 'v.{round}.choice' in answers.csv; did you mean "
            "'u.{round}.choice'?",
        ),
        (
            {"outcome": "u{a}{b}"},
            "'{a}{b}' in 'u{a}{b}' are two parts with nothing between them.",
        ),
        (
            {"columns": {"row": "Treatment"}},
            "'row' cannot be a short name in columns; use letters, digits and _, but not file, "
            "row, history, options or question.",
        ),
        (
            {"outcome": "u.{round}.choice", "columns": {"round": "Treatment"}},
            "'round' is both a short name in columns and a part in braces; rename one of them.",
        ),
        (
            {"columns": {"choice": "Treatment"}},
            "'choice' is both a short name in columns and a column of answers.csv, so it is "
            "unclear which is meant; choose another short name.",
        ),
        (
            {"participant": "whoever took part"},
            "there is no column 'whoever took part' in answers.csv; it has 'Treatment', 'choice', "
            "'u.1.choice', 'u.2.choice'.",
        ),
    ],
)
def test_a_name_that_is_nowhere(keys: dict[str, Any], sentence: str) -> None:
    assert fault(FILE, **keys) == f"map.toml: {sentence}"


def test_of_many_columns_the_first_are_named() -> None:
    columns: dict[str, Any] = {f"col{n:03}": ["yes"] for n in range(200)}
    said = fault(columns, outcome="zzz")
    assert said.endswith("'col010', 'col011' and 188 more.")


def test_two_columns_of_one_round() -> None:
    said = fault({"u.1": ["yes"], "u.01": ["no"]}, outcome="u.{round}")
    assert (
        said
        == "map.toml: two columns match 'u.{round}' with {'round': '01'}; delete or rename one."
    )


def test_a_dropped_column_must_be_there() -> None:
    with pytest.raises(UserError, match=r"there is no column 'Statu' in answers\.csv; did you"):
        decided({"choice": ["yes"], "Status": ["x"]}, a_map(task(), drop={"Statu": ["x"]}))


def test_a_part_that_comes_twice_is_the_same_both_times() -> None:
    pattern = pattern_of("a{n}.b{n}")
    assert pattern is not None
    assert pattern.parts == ("n",)
    assert pattern.values("a1.b1") == {"n": "1"}
    assert pattern.values("a1.b2") is None
    assert pattern.column({"n": "3"}) == "a3.b3"
