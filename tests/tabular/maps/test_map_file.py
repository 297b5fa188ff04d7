"""Maps: every key of the page is read, and what is wrong is one sentence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT
from tests.support.tables import a_map, task
from tremble.errors import UserError
from tremble.tabular.maps.map_file import MapOption, map_from, read_map
from tremble.tabular.maps.schema import OPTION, SCHEMA, TOP
from tremble.tabular.table import Reading

PAGE = (ROOT / "docs" / "tables.md").read_text("utf-8")


def listed(heading: str) -> list[str]:
    """The keys of the first table with a head `key` behind a place of the page."""
    rows = PAGE[PAGE.index(heading) :].split("| key |", 1)[1].split("\n\n", 1)[0]
    return [key for cell in re.findall(r"^\| (`[^|]*?) \|", rows, re.M) for key in keys_in(cell)]


def keys_in(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


@pytest.mark.parametrize(
    ("heading", "table"),
    [("At the top of a map", TOP), ("## [file]", "file"), ("## [[task]]", "task")],
)
def test_the_page_lists_exactly_the_keys_that_are_read(heading: str, table: str) -> None:
    assert sorted(listed(heading)) == sorted(key.name for key in SCHEMA if key.table == table)


def test_the_page_lists_the_keys_of_an_option() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `options` |"))
    assert re.search(r"`\{ ([\w, ]+) \}`", row)[1].split(", ") == list(OPTION)  # type: ignore[index]


def test_the_example_of_the_page_is_a_map(tmp_path: Path) -> None:
    example = PAGE.split("```toml\n", 1)[1].split("```", 1)[0]
    path = tmp_path / "map.toml"
    path.write_text(example, "utf-8")
    made = read_map(path)
    assert made.drop == {"Status": ("Survey Preview",), "Finished": ("False", "")}
    assert made.reading == Reading(missing=("-99",))
    (first,) = made.tasks
    assert (first.family, first.participant) == ("ultimatum", ("participant.code",))
    assert first.options == (
        MapOption("accept", "accept", None, ("1", "True")),
        MapOption("reject", "reject", None, ("0", "False")),
    )
    assert first.config == {"treatment": "session.config.treatment"}
    assert first.prompt.startswith("You play ten rounds.")


def test_every_key_has_its_place() -> None:
    first = task(
        family="f",
        rows={"type": ["choice", 1]},
        participant="id",
        options=[
            {"key": "a", "label": "A!", "value": 2, "cells": [1, "x"]},
            {"key": 3, "value": 4.5},
        ],
        target="3",
        item=["one", "two"],
        round="t",
        role="r",
        order="time",
        config=["c"],
        facts={"age": "Alter"},
        columns={"offer": "Q1"},
        words={"offer": {"1": "low"}},
        system="s",
        opening="",
    )
    content = a_map(first, dataset="d", keep_ids=True, drop={"x": [1.0, True, ""]})
    content["file"] = {"sheet": "S", "delimiter": ";", "encoding": "cp1252", "decimal": ","}
    content["file"] |= {"header_rows": 2, "missing": [-99, "k.A."], "codes": True}
    made = map_from(content)
    assert (made.dataset, made.keep_ids, made.where) == ("d", True, "the map")
    assert made.drop == {"x": ("1", "true", "")}
    assert made.reading == Reading("S", ";", "cp1252", ",", 2, ("-99", "k.A."), True)
    (one,) = made.tasks
    assert one.options == (MapOption("a", "A!", 2.0, ("1", "x")), MapOption("3", "3", 4.5, ("3",)))
    assert one.rows == {"type": ("choice", "1")}
    assert (one.participant, one.item) == (("id",), ("one", "two"))
    assert (one.round, one.role, one.order, one.target) == ("t", "r", "time", "3")
    assert (one.config, one.facts) == ({"c": "c"}, {"age": "Alter"})
    assert (one.columns, one.words) == ({"offer": "Q1"}, {"offer": {"1": "low"}})
    assert (one.system, one.opening) == ("s", "")


def test_of_rates_the_keys_are_the_options() -> None:
    (one,) = map_from(a_map({"prompt": "p", "counts": {"up": "n1", "down": "n2"}})).tasks
    assert [option.key for option in one.options] == ["up", "down"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a key": (a_map(task(promt="x")), "unknown key 'promt' in [[task]]; did you mean 'prompt'?"),
    "a key at the top": (
        a_map(task(), keepids=True),
        "unknown key 'keepids'; did you mean 'keep_ids'?",
    ),
    "a key of the file": (
        {**a_map(task()), "file": {"delimeter": ";"}},
        "unknown key 'delimeter' in [file]; did you mean 'delimiter'?",
    ),
    "a key of an option": (
        a_map(task(options=[{"key": "a", "cell": ["1"]}, "b"])),
        "unknown key 'cell' in options of [[task]]; did you mean 'cells'?",
    ),
    "no task": ({}, "there is no task; add [[task]] with outcome, options and prompt."),
    "one table": ({"task": task()}, "task must be written [[task]], once for each entry."),
    "no prompt": (
        a_map({"outcome": "x", "options": ["a", "b"]}),
        "prompt in [[task]] is missing; it must be text in quotes.",
    ),
    "two outcomes": (
        a_map(task(outcome="x", rate="y")),
        "the task 'custom' has outcome and rate; give exactly one of outcome, rate, rates and "
        "counts to say what people did.",
    ),
    "no outcome": (
        a_map({"prompt": "p", "options": ["a", "b"]}),
        "the task 'custom' has neither outcome, rate, rates nor counts; give exactly one of "
        "outcome, rate, rates and counts to say what people did.",
    ),
    "one option": (
        a_map(task(options=["a"])),
        "the task 'custom' has one option; a decision needs two or more, such as options = "
        '["yes", "no"].',
    ),
    "equal keys": (
        a_map(task(options=["a", "a"])),
        "two options in [[task]] have the same key: ['a', 'a'].",
    ),
    "one value": (
        a_map(task(options=[{"key": "a", "value": 1}, "b"])),
        "the option 'b' has no value, but others do; give every option a value.",
    ),
    "n of a choice": (
        a_map(task(n="n")),
        "the task 'custom' has both n and outcome, but every row is one choice by one person; "
        "leave n out.",
    ),
    "n of counts": (
        a_map(task(counts={"yes": "y", "no": "n"}, n="n")),
        "the task 'custom' has both n and counts, but counts already contain it; leave n out.",
    ),
    "percent": (
        a_map(task(percent=True)),
        "the task 'custom' has both percent and outcome, which is not a rate; leave percent out.",
    ),
    "other rates": (
        a_map(task(rates={"yes": "y", "maybe": "n"})),
        "rates in the task 'custom' are given for ['maybe', 'yes'], but the options are ['yes', "
        "'no'].",
    ),
    "three options": (
        a_map(task(rate="r", options=["a", "b", "c"])),
        "rate in the task 'custom' is only for two options, and there are 3; give rates.",
    ),
    "target": (
        a_map(task(target="maybe")),
        "target in the task 'custom' is 'maybe', which is not among ['yes', 'no'].",
    ),
    "two tasks": (
        a_map(task(), task()),
        "two tasks have the family 'custom'; give each its own family.",
    ),
    "config": (
        a_map(task(config=[1])),
        'config in [[task]] is [1]; it must be a list of columns, or written { name = "column" }.',
    ),
    "drop": (
        {**a_map(task()), "drop": ["Status"]},
        'drop in the map is [\'Status\']; write drop = { "column" = ["value"] }.',
    ),
    "words": (
        a_map(task(words={"x": ["a"]})),
        "x in words in [[task]] is ['a']; write x in words = { 1 = \"gain\" }.",
    ),
    "decimal": (
        {**a_map(task()), "file": {"decimal": ";"}},
        'decimal is \';\'; it must be one of ".", ",".',
    ),
    "header rows": (
        {**a_map(task()), "file": {"header_rows": 0}},
        "header_rows in [file] is 0; it must be a whole number from 1.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(case: str) -> None:
    content, sentence = WRONG[case]
    with pytest.raises(UserError) as caught:
        map_from(content, "map.toml")
    assert str(caught.value) == f"map.toml: {sentence}"


def test_a_map_that_is_no_toml_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    with pytest.raises(UserError, match="There is no map"):
        read_map(path)
    path.write_text("[task")
    with pytest.raises(UserError, match=r"map\.toml is not valid TOML"):
        read_map(path)
    path.write_bytes(b"\xff")
    with pytest.raises(UserError, match="is not UTF-8"):
        read_map(path)
