"""Tables written from known decisions come back as these decisions, long and wide."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tremble.api.check import import_decisions
from tremble.datasets.base import Notes
from tremble.decisions.jsonl import read
from tremble.decisions.record import Decision, Option
from tremble.tabular.maps.map_file import map_from
from tremble.tabular.rows.load import load_table

WORD = st.text("abcäß ,;\"'|0123456789", min_size=1, max_size=6).map(
    lambda text: f"w{text}w".strip()
)
LABELS = {"take": "Take it", "leave": "Leave it, please", "wait": "Wait"}
NUMBER = st.integers(-99, 99) | st.integers(-999, 999).map(lambda n: n / 8)


def squeezed(text: str) -> str:
    """A text as a table keeps it: one space for several means the same, so we write one."""
    return " ".join(text.split())


@st.composite
def people(draw: st.DrawFn, rounds: int) -> list[dict[str, Any]]:
    """What each person was shown and did, a dict for each, with lists by round."""
    count = draw(st.integers(1, 5))
    arms = draw(st.sampled_from([WORD.map(squeezed), NUMBER]))
    made = []
    for number in range(count):
        made.append(
            {
                "id": f"p{number}",
                "arm": draw(arms),
                "age": draw(st.none() | st.integers(18, 99)),
                "item": draw(st.lists(WORD.map(squeezed), min_size=rounds, max_size=rounds)),
                "offer": draw(st.lists(st.integers(0, 10), min_size=rounds, max_size=rounds)),
                "did": draw(
                    st.lists(
                        st.none() | st.sampled_from(list(LABELS)), min_size=rounds, max_size=rounds
                    )
                ),
            }
        )
    return made


def expected(person: dict[str, Any], number: str, at: int, line: str) -> Decision:
    """The decision of a person in a round, put together by hand."""
    options = tuple(
        Option(key, label, (), value)
        for (key, label), value in zip(LABELS.items(), (2.0, 0.5, 0.0), strict=True)
    )
    facts = {} if person["age"] is None else {"age": person["age"]}
    offer = person["offer"][at]
    return Decision(
        id=f"g/{line}",
        dataset="mine",
        family="g",
        options=options,
        target="leave",
        choice=person["did"][at],
        participant=number,
        round=at + 1,
        prompt=f"Round {at + 1}: you are offered {offer} of 10, {person['item'][at]}. What now?",
        system="Be yourself.",
        opening="> ",
        item=f"i{offer}/{person['item'][at]}",
        config={"arm": person["arm"]},
        facts=facts,
    )


TASK: dict[str, Any] = {
    "family": "g",
    "participant": "id",
    "options": [
        {"key": "take", "label": "Take it", "value": 2, "cells": ["1"]},
        {"key": "leave", "label": "Leave it, please", "value": 0.5, "cells": ["2"]},
        {"key": "wait", "label": "Wait", "value": 0, "cells": ["3"]},
    ],
    "target": "leave",
    "config": ["arm"],
    "facts": ["age"],
    "system": "Be yourself.",
    "opening": "> ",
    "prompt": "Round {{ round }}: you are offered {{ offer }} of 10, {{ text }}. What now?",
}
CODES = {"take": "1", "leave": "2", "wait": "3", None: ""}


def csv_of(rows: list[dict[str, Any]], delimiter: str) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in rows)
    return out.getvalue()


def back(folder: Path, text: str, task: dict[str, Any], delimiter: str) -> list[Decision]:
    """Imported from a file, written as records, and read again."""
    table, records = folder / "t.csv", folder / "mine.jsonl"
    table.write_bytes(text.encode())
    map_ = map_from({"task": [task], "file": {"delimiter": delimiter}}, "map.toml")
    loaded = list(load_table(table, map_, Notes(), "mine"))
    import_decisions(iter(loaded), records)
    assert [_bare(one) for one in read(records)] == [_bare(one) for one in loaded]
    return loaded


def _bare(decision: Decision) -> str:
    return json.dumps(
        [getattr(decision, name) for name in Decision.__slots__ if name != "line"], default=str
    )


def numbered(
    everybody: list[dict[str, Any]], lines: list[str], order: list[tuple[int, int]]
) -> Any:
    """The decisions in the order of the file, participants as numbers as they come."""
    numbers: dict[str, str] = {}
    for (who, at), line in zip(order, lines, strict=True):
        person = everybody[who]
        if person["did"][at] is not None:
            number = numbers.setdefault(person["id"], str(len(numbers) + 1))
            yield expected(person, number, at, line)


FOLDER = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FOLDER
@given(people(3), st.sampled_from(",;\t|"), st.randoms())
def test_a_long_table(tmp_path: Path, everybody: Any, delimiter: str, random: Any) -> None:
    order = [(who, at) for who in range(len(everybody)) for at in range(3)]
    random.shuffle(order)
    rows = [
        {
            "id": everybody[who]["id"],
            "no use": "x",
            "arm": everybody[who]["arm"],
            "age": everybody[who]["age"],
            "The text": everybody[who]["item"][at],
            "offer": everybody[who]["offer"][at],
            "vignette": f"i{everybody[who]['offer'][at]}",
            "t": at + 1,
            "did": CODES[everybody[who]["did"][at]],
        }
        for who, at in order
    ]
    wanted = list(numbered(everybody, [str(line + 2) for line in range(len(rows))], order))
    if not wanted:
        return
    task = {**TASK, "outcome": "did", "round": "t", "columns": {"text": "The text"}}
    task["item"] = ["vignette", "The text"]
    assert back(tmp_path, csv_of(rows, delimiter), task, delimiter) == wanted


@FOLDER
@given(people(3), st.sampled_from(",;\t|"), st.permutations([1, 2, 3]))
def test_a_wide_table(tmp_path: Path, everybody: Any, delimiter: str, rounds: list[int]) -> None:
    rows = []
    for person in everybody:
        row = {"id": person["id"], "arm": person["arm"]}
        for number in rounds:  # as their columns may stand in a file
            at = number - 1
            row[f"g.{number}.did"] = CODES[person["did"][at]]
            row[f"g.{number}.text"] = person["item"][at]
            row[f"g.{number}.offer"] = person["offer"][at]
            row[f"g.{number}.v"] = f"i{person['offer'][at]}"
        rows.append({**row, "age": person["age"]})
    order = [(who, at) for who in range(len(everybody)) for at in range(3)]
    wanted = list(numbered(everybody, [f"{who + 2}/{at + 1}" for who, at in order], order))
    if not wanted:
        return
    names = {"text": "g.{round}.text", "offer": "g.{round}.offer", "v": "g.{round}.v"}
    task = {**TASK, "outcome": "g.{round}.did", "columns": names, "item": ["v", "text"]}
    assert back(tmp_path, csv_of(rows, delimiter), task, delimiter) == wanted


@FOLDER
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40)).filter(any),
        min_size=1,
        max_size=5,
    )
)
def test_a_table_of_counts(tmp_path: Path, counts: list[tuple[int, int, int]]) -> None:
    rows = [{"q": f"q{at}", "a": a, "b": b, "c": c} for at, (a, b, c) in enumerate(counts)]
    keyed = {"take": "a", "leave": "b", "wait": "c"}
    task = {**TASK, "counts": keyed, "columns": {"text": "q"}, "prompt": "{{ text }}?", "item": "q"}
    for name in ("participant", "config", "facts"):
        task.pop(name)
    found = back(tmp_path, csv_of(rows, ","), task, ",")
    for decision, (a, b, c) in zip(found, counts, strict=True):
        assert (decision.choice, decision.n) == (None, a + b + c)
        assert decision.rates is not None
        assert list(decision.rates.values()) == [one / (a + b + c) for one in (a, b, c)]
    assert [d.prompt for d in found] == [f"q{at}?" for at in range(len(counts))]
