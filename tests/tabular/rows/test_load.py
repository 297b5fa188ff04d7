"""Rows left out, participants, items, words, parameters, several tasks and files; the notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.tables import a_map, decided, noted, task, write_csv
from tremble.datasets.base import Notes
from tremble.errors import UserError
from tremble.tabular.maps.map_file import map_from
from tremble.tabular.rows.load import load_table
from tremble.tabular.rows.privacy import means


def test_rows_are_left_out_and_counted_by_the_first_reason() -> None:
    columns: dict[str, Any] = {
        "choice": ["yes", "no", "yes", "yes", None, "no"],
        "Status": ["Survey Preview", "ok", "ok", "Survey Preview", "ok", "ok"],
        "Finished": ["0", "1.0", "0", "1", "1", "-99"],
    }
    content: dict[str, Any] = a_map(
        task(), drop={"Status": ["Survey  Preview"], "Finished": [0, ""]}
    )
    found, notes = noted(columns, {**content, "file": {"missing": ["-99"]}})
    assert [d.id for d in found] == ["custom/3"]
    assert dict(notes.dropped) == {
        "Status is 'Survey  Preview'": 2,
        "Finished is '0'": 1,
        "Finished is missing": 1,
        "nothing in 'choice'": 1,
    }


def test_a_file_of_which_nothing_is_left() -> None:
    with pytest.raises(UserError) as caught:
        decided({"choice": ["yes", "no"], "s": ["a", "a"]}, a_map(task(), drop={"s": ["a"]}))
    assert str(caught.value) == (
        "map.toml: no row of answers.csv gives a decision (2 s is 'a'); check [drop], rows and "
        "outcome."
    )


def test_participants_are_numbers_in_the_order_in_which_they_come() -> None:
    columns = {"choice": ["yes"] * 6, "id": ["12", "ann", "12.0", "7", "ANN", "ann"]}
    found = decided(columns, a_map(task(participant="id")))
    assert [d.participant for d in found] == ["1", "2", "1", "3", "4", "2"]
    found = decided(columns, a_map(task(participant="id"), keep_ids=True))
    assert [d.participant for d in found] == ["12", "ann", "12", "7", "ANN", "ann"]


def test_several_columns_name_one_person_together() -> None:
    columns = {"choice": ["yes"] * 4, "s": ["1", "1", "2", "1"], "id": ["1", "2", "1", "1"]}
    several = task(participant=["s", "id"])
    assert [d.participant for d in decided(columns, a_map(several))] == ["1", "2", "3", "1"]
    kept = decided({**columns, "id": ["a/b"] * 4}, a_map(several, keep_ids=True))
    assert kept[0].participant == "1/a%2Fb"


def test_people_are_the_same_in_all_tasks() -> None:
    columns: dict[str, Any] = {"one": ["yes", None], "two": ["no", "yes"], "id": ["a", "b"]}
    first, second = (
        task(family=name, outcome=name, participant="id", prompt=f"{name}?")
        for name in ("one", "two")
    )
    found = decided(columns, a_map(second, first))
    assert [(d.id, d.participant) for d in found] == [
        ("two/2", "1"),
        ("two/3", "2"),
        ("one/2", "1"),
    ]


def test_blank_participants_are_counted_with_their_places() -> None:
    columns: dict[str, Any] = {"choice": ["yes"] * 5, "id": [None, "a", "NA", None, None]}
    with pytest.raises(UserError) as caught:
        decided(columns, a_map(task(participant="id")))
    assert str(caught.value) == (
        "answers.csv: participant 'id' is blank in 4 rows (answers.csv, line 2; line 4; line 5, "
        '...); fill it in, exclude such rows ("id" = [""] under [drop]), or leave '
        "participant out of the map."
    )
    nobody: dict[str, Any] = {"choice": [None, "no"], "id": [None, "a"]}
    assert [d.participant for d in decided(nobody, a_map(task(participant="id")))] == ["1"]


def test_rows_of_one_kind_alone() -> None:
    columns = {"choice": ["yes", "13", "no"], "type": ["choice", "number", "choice"]}
    found, notes = noted(columns, a_map(task(rows={"type": ["choice"]})))
    assert [d.id for d in found] == ["custom/2", "custom/4"]
    assert not notes.dropped


def test_config_and_facts_are_numbers_where_all_are() -> None:
    columns: dict[str, Any] = {
        "choice": ["yes"] * 3,
        "stake": ["1", "2.5", None],
        "arm": ["1", "b", "3"],
        "code": ["007", "7", "7"],
        "age": ["31", "NA", "40.0"],
        "long": ["1234567890123456", "1", "2"],
    }
    keys = {"config": ["stake", "arm", "code", "long"], "facts": {"years": "age"}}
    found = decided(columns, a_map(task(**keys)))
    assert [(dict(d.config), dict(d.facts)) for d in found] == [
        ({"stake": 1, "arm": "1", "code": "007", "long": "1234567890123456"}, {"years": 31}),
        ({"stake": 2.5, "arm": "b", "code": "7", "long": "1"}, {}),
        ({"arm": "3", "code": "7", "long": "2"}, {"years": 40}),
    ]
    assert all(d.person == d.facts for d in found)


def test_words_for_cells() -> None:
    columns: dict[str, Any] = {
        "choice": ["yes"] * 3,
        "f": ["1.0", "2", "-99"],
        "g": ["x", "y", "x"],
    }
    keys: dict[str, Any] = {
        "columns": {"frame": "f"},
        "words": {"frame": {"1": "gain", "2": "loss", "-99": "none"}, "g": {"x": "X"}},
        "config": ["frame", "f"],
        "prompt": "{{ frame }}",
    }
    content = {**a_map(task(**keys)), "file": {"missing": ["-99"]}}
    found = decided(columns, content)
    assert [(d.prompt, dict(d.config)) for d in found] == [
        ("gain", {"frame": "gain", "f": 1}),
        ("loss", {"frame": "loss", "f": 2}),
        ("none", {"frame": "none"}),
    ]
    with pytest.raises(UserError) as caught:
        decided(columns, a_map(task(**{**keys, "prompt": "{{ g }}"})))
    assert str(caught.value) == (
        "map.toml: 'g' of answers.csv has values that are not in words, 'y' (1); add them."
    )


def test_items_roles_and_rounds() -> None:
    columns: dict[str, Any] = {
        "choice": ["yes"] * 2,
        "v": ["a", "b"],
        "w": ["x/y", None],
        "r": ["2.0", None],
    }
    keys: dict[str, Any] = {"item": ["v", "w"], "round": "r", "role": "v", "opening": "Answer: "}
    found = decided(columns, a_map(task(system="Hello.", **keys)))
    assert [(d.item, d.round, d.role) for d in found] == [("a/x%2Fy", 2, "a"), ("b/", None, "b")]
    assert (found[0].system, found[0].opening, found[0].dataset) == ("Hello.", "Answer: ", "mine")
    with pytest.raises(UserError) as caught:
        decided({**columns, "r": ["1", "0"]}, a_map(task(round="r")))
    assert str(caught.value) == (
        "answers.csv: round 'r' is '0', which is not a whole number from 1, in 1 row "
        "(answers.csv, line 3); correct it, or leave it out."
    )


def test_the_data_set_is_called_as_the_map_says() -> None:
    (one,) = decided({"choice": ["yes"]}, a_map(task(), dataset="pilot"))
    assert one.dataset == "pilot"


def test_a_file(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "day one.csv", {"choice": ["yes", "no"]})
    content = map_from(a_map(task(config=["file"])), "map.toml")
    found = list(load_table(path, content, Notes(), "mine"))
    assert [(d.id, d.config) for d in found] == [
        ("custom/2", {"file": "day one"}),
        ("custom/3", {"file": "day one"}),
    ]


def test_a_frame() -> None:
    frame = pl.DataFrame(
        {"choice": ["yes", "no", None], "stake": [1.0, 2.5, 3.0], "ok": [True] * 3}
    )
    map_ = map_from(a_map(task(config=["stake", "ok"], prompt="{{ stake }}?")), "map.toml")
    found = list(load_table(frame, map_, Notes(), "mine"))
    assert [(d.choice, d.prompt, dict(d.config)) for d in found] == [
        ("yes", "1?", {"stake": 1, "ok": "True"}),
        ("no", "2.5?", {"stake": 2.5, "ok": "True"}),
    ]


def test_files_of_a_folder_are_told_apart(tmp_path: Path) -> None:
    for name, choice in (("ann", "yes"), ("bob", "no")):
        write_csv(tmp_path / f"{name}.csv", {"choice": [choice]})
    map_ = map_from(a_map(task(participant="file", prompt="{{ file }}?")), "map.toml")
    found = list(load_table(tmp_path, map_, Notes(), "mine"))
    assert [(d.id, d.participant, d.prompt, d.choice) for d in found] == [
        ("custom/ann/2", "1", "ann?", "yes"),
        ("custom/bob/2", "2", "bob?", "no"),
    ]


@pytest.mark.parametrize(
    ("name", "cells", "what"),
    [
        ("RecipientEmail", ["x"], "e-mail addresses"),
        ("participant.label", ["a@b.org", "c.d@e-f.co.uk"], "e-mail addresses"),
        ("IPAddress", [], "IP addresses"),
        ("x", ["10.0.0.1", "192.168.3.4"], "IP addresses"),
        ("RecipientFirstName", [], "names of people"),
        ("last_name", [], "names of people"),
        ("phone", [], "phone numbers"),
        ("x", ["+49 30 1234567"], "phone numbers"),
        ("PROLIFIC_PID", [], "Prolific or MTurk ids"),
        ("x", ["5f0c1d2e3a4b5c6d7e8f9a0b"], "Prolific ids"),
        ("workerId", [], "Prolific or MTurk ids"),
        ("x", ["A1B2C3D4E5F6G7"], "MTurk ids"),
        ("LocationLatitude", [], "geographic locations"),
        ("participant.code", ["x7k2m9"], None),
        ("ship", ["a"], None),
        ("latency", ["10"], None),
        ("offer", ["1.5", "10.0"], None),
        ("name of the game", ["chicken"], None),
        ("description", ["a@b.org", "no", "none"], None),
    ],
)
def test_which_columns_seem_to_name_people(name: str, cells: list[str], what: str | None) -> None:
    assert means(name, cells) == what


def test_columns_that_name_people_are_warned_of_where_they_reach_the_output() -> None:
    columns = {"choice": ["yes"], "Email": ["x"], "IPAddress": ["x"], "id": ["a@b.org"], "n": ["x"]}
    keys: dict[str, Any] = {"participant": "id", "config": ["n"]}
    assert not noted(columns, a_map(task(**keys)))[1].odd
    assert len(noted(columns, a_map(task(**keys), keep_ids=True))[1].odd) == 1
    used = task(**{**keys, "facts": ["Email"], "prompt": "{{ IPAddress }} {{ Email }}"})
    assert noted(columns, a_map(used))[1].odd == [
        "the column 'Email', which is used in facts, seems to contain e-mail addresses; leave it "
        "out, unless everyone who gets the file may know who took part",
        "the column 'IPAddress', which is used in the prompt, seems to contain IP addresses; "
        "leave it out, unless everyone who gets the file may know who took part",
    ]


TENTHS = ["1.1", "1.10", "1.2", "1.20", "1.1", "2", "2.0"]


def test_the_tenth_person_of_a_session_is_not_the_first() -> None:
    columns = {"choice": ["yes"] * 7, "id": TENTHS}
    found = decided(columns, a_map(task(participant="id")))
    assert [d.participant for d in found] == ["1", "2", "3", "4", "1", "5", "5"]
    kept = decided(columns, a_map(task(participant="id"), keep_ids=True))
    assert [d.participant for d in kept] == [*TENTHS[:6], "2"]


def test_numbers_that_are_told_apart_by_a_zero_are_texts_and_this_is_noted() -> None:
    columns = {"choice": ["yes"] * 7, "v": TENTHS, "p": ["2.5", "2.50", "3", "3", "3", "3", "3"]}
    found, notes = noted(columns, a_map(task(config=["v"], facts=["p"])))
    assert [d.config["v"] for d in found] == TENTHS
    assert notes.odd == [
        f"{name!r} contains {one!r} and {other!r}, so its cells count as texts; if the two are "
        "the same number, write them in the same way"
        for name, one, other in (("v", "1.1", "1.10"), ("p", "2.5", "2.50"))
    ]
    whole, notes = noted(
        {"choice": ["yes"] * 3, "v": ["1", "1.0", "2.5"]}, a_map(task(config=["v"]))
    )
    assert [d.config["v"] for d in whole] == [1, 1, 2.5] and not notes.odd


def test_words_and_rows_to_drop_tell_the_tenth_from_the_first_too() -> None:
    columns = {"choice": ["yes"] * 7, "v": TENTHS}
    words = {"v": {"1.1": "a", "1.10": "b", "1.2": "c", "1.20": "d", "2": "e"}}
    found = decided(columns, a_map(task(config=["v"], words=words)))
    assert "".join(d.config["v"] for d in found) == "abcdaee"
    found, notes = noted(columns, a_map(task(), drop={"v": ["1.1"]}))
    assert len(found) == 5 and notes.dropped["v is '1.1'"] == 2
    assert notes.odd == [
        "[drop] has '1.1' for 'v', and rows with '1.10' are not included, because both values "
        "exist; add '1.10' if you mean it, too"
    ]
    only = {"choice": ["yes", "no"], "v": ["1.10", "3"]}
    assert len(decided(only, a_map(task(), drop={"v": [1.1]}))) == 1


@pytest.mark.parametrize("said", [False, "False", "false", "FALSE"])
@pytest.mark.parametrize("written", ["False", "FALSE", "false"])
def test_truth_is_the_same_in_whatever_way_it_is_written(said: Any, written: str) -> None:
    columns = {"choice": ["yes", "no"], "Finished": [written, "True"]}
    assert len(decided(columns, a_map(task(), drop={"Finished": [said]}))) == 1
    assert len(decided(columns, a_map(task(rows={"Finished": [said]})))) == 1
    options = [{"key": "no", "cells": [said]}, {"key": "yes", "cells": [True]}]
    found = decided(columns, a_map(task(outcome="Finished", options=options)))
    assert [d.choice for d in found] == ["no", "yes"]


def test_values_to_drop_that_no_row_has_are_said_with_those_that_are_there() -> None:
    columns = {"choice": ["yes", "no", "yes"], "Finished": ["0", "1", "1"], "s": ["a", "b", "b"]}
    content = a_map(task(rows={"s": ["b", "c"]}), drop={"Finished": [False, ""], "s": ["a"]})
    found, notes = noted(columns, content)
    assert len(found) == 2
    assert notes.odd == [
        "[drop] has 'false' for 'Finished', but no row has that value; the values are '1' (2), "
        "'0' (1)",
        "rows of the task 'custom' has 'c' for 's', but no row has that value; the values are 'b' "
        "(2), 'a' (1)",
    ]


def test_a_first_answer_is_no_second_header_row() -> None:
    options = [{"key": "yes", "cells": ["1"]}, {"key": "no", "cells": ["0"]}]
    for cell in ("True", "2"):
        with pytest.raises(UserError) as caught:
            decided({"choice": [cell, "0", "1"]}, a_map(task(options=options)))
        assert "header" not in str(caught.value) and f"{cell!r} (1)" in str(caught.value)


CHOSEN = ["yes", "no", "no", "yes", "yes"]


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (["1", "0", "0", "1", "1"], "'1' for 'yes', '0' for 'no'"),
        (["took it", None, None, "took it", "took it"], "'took it' for 'yes', nothing for 'no'"),
        (["1", "0", "0", "1", "0"], None),
        (["1", "0", "2", "1", "1"], None),
        (["1", "1", "1", "1", "1"], None),
    ],
)
def test_the_outcome_in_other_words_is_noted(cells: list[str | None], what: str | None) -> None:
    columns: dict[str, list[Any]] = {
        "choice": CHOSEN,
        "text": cells,
        "wide_a": CHOSEN[:],
        "t_a": cells,
    }
    sentence = (
        f"'text', which the prompt uses, is {what} in all 5 decisions; leave it out if it says "
        "what was chosen"
    )
    for prompt in ("{{ text|default('') }}", "{% if row['text'] == '1' %}x{% endif %}."):
        found, notes = noted(columns, a_map(task(prompt=prompt + "Yes?")))
        assert len(found) == 5 and notes.odd == ([sentence] if what else [])
    wide = task(outcome="wide_{b}", columns={"t": "t_{b}"}, prompt="{{ t|default('') }}?")
    assert any(
        "'t', which the prompt uses" in line for line in noted(columns, a_map(wide))[1].odd
    ) is (what is not None)
    assert not noted(columns, a_map(task(config=["text"])))[1].odd
    few = {name: one[:4] for name, one in columns.items()}
    assert not noted(few, a_map(task(prompt="{{ text|default('') }}?")))[1].odd


@pytest.mark.parametrize("name", ["session", "Session.code", "date"])
def test_ids_that_begin_again_in_the_next_session_are_noted(name: str) -> None:
    columns = {"choice": ["yes"] * 6, "id": list("123124"), name: list("aaabbb")}
    found, notes = noted(columns, a_map(task(participant="id")))
    assert len({d.participant for d in found}) == 4
    assert notes.odd == [
        f"2 of 4 participants of 'id' appear in more than one {name!r} and count as the same "
        f'people; if they are different people, write participant = ["{name}", "id"]'
    ]
    for keys in ({"participant": [name, "id"]}, {"participant": "id", "round": "r"}, {}):
        more = {**columns, "r": list("123456")}
        assert bool(noted(more, a_map(task(**keys)))[1].odd) is ("round" in keys)
    for ids, cells in (
        ("121212", "aaaaaa"),  # one session
        ("121212", "abcdef"),  # a moment for each row
        ("123413", "aabbab"),  # nobody in both
    ):
        other = {"choice": ["yes"] * 6, "id": list(ids), name: list(cells)}
        assert not noted(other, a_map(task(participant="id")))[1].odd
    ordered = task(participant="id", order=name, prompt="?")
    assert not noted(columns, a_map(ordered))[1].odd


def test_ids_that_begin_again_in_the_next_file_are_noted(tmp_path: Path) -> None:
    for name, ids in (("s1", "12"), ("s2", "13")):
        write_csv(tmp_path / f"{name}.csv", {"id": list(ids), "choice": ["yes", "no"]})
    for who, odd in (("id", True), (["file", "id"], False)):
        notes = Notes()
        made = map_from(a_map(task(participant=who)), "map.toml")
        people = {d.participant for d in load_table(tmp_path, made, notes, "mine")}
        assert len(people) == (3 if odd else 4)
        assert notes.odd == (
            [
                "1 of 3 participants of 'id' appear in more than one file of the folder and "
                "count as the same people; if they are different people, write participant = "
                '["file", "id"]'
            ]
            if odd
            else []
        )
