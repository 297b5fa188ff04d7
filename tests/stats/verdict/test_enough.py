"""What so much data can answer, before a model is asked."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tests.support.stat_frames import DECISIONS, decision
from tremble.stats.verdict.enough import NO_MEAN, NO_OPTIONS, UNCODED, Enough, enough

_MORE = {"numbers": pl.String, "item": pl.String, "values": pl.List(pl.Float64)}


def _study(people: int, items: int, **more: Any) -> list[dict[str, Any]]:
    return [
        decision(
            f"{person}/{item}",
            family="mine",
            participant=f"p{person}",
            numbers=f'{{"read": "{item}"}}',
            **{"choice": "yes" if (person + item) % 3 else "no"} | more,
        )
        for person in range(people)
        for item in range(items)
    ]


def _of(rows: list[dict[str, Any]], *contrasted: str) -> Enough:
    (made,) = enough(pl.DataFrame(rows, schema=DECISIONS | _MORE), contrasted)
    return made


def test_people_and_items_are_counted_and_bounds_are_those_of_the_verdict() -> None:
    whole = _of(_study(20, 10), "mine")
    assert (whole.decisions, whole.people, whole.items) == (200, 20, 10)
    assert whole.answers == {
        "ranking": None,
        "levels": None,
        "effects": None,
        "distribution": "with two options, the levels say everything",
        "replace": None,
    }
    few_items = _of(_study(20, 9))
    assert "too few items to generalise: 9 items" in str(few_items.answers["ranking"])
    assert few_items.answers["effects"] == "no [[contrast]]"
    few_people = _of(_study(19, 10))
    assert "19 people on 10 items, too few for a verdict" in str(few_people.answers["ranking"])
    assert few_people.answers["levels"] == "19 people, fewer than 20"
    assert few_people.answers["replace"] == few_people.answers["ranking"]
    unnamed = _of([row | {"participant": None} for row in _study(20, 10)])
    assert "neither participant nor game is known" in str(unnamed.answers["ranking"])


def test_transcripts_have_no_distribution_and_why() -> None:
    """Two options of a session are not coded, so neither their levels nor their distribution is
    asked for; words have no options at all."""
    two = _of([row | {"family": "session", "target": None} for row in _study(20, 10)])
    assert two.answers["distribution"] == UNCODED and two.answers["levels"] == NO_MEAN
    said: dict[str, Any] = {"family": "session", "keys": [], "choice": None, "target": None}
    words = _of([row | said for row in _study(20, 10)])
    assert words.answers["distribution"] == words.answers["levels"] == NO_OPTIONS


@pytest.mark.parametrize("values", [None, []])
def test_some_responses_without_options_give_the_others_no_level(values: Any) -> None:
    """Two of three responses have two options of which none is coded, the third has none; a study
    folder may hold an empty list of values for it."""
    both = {"family": "session", "target": None}
    none = {**both, "keys": [], "choice": None, "values": values}
    rows = [row | (none if at % 3 == 2 else both) for at, row in enumerate(_study(20, 10))]
    found = _of(rows)
    assert found.answers["levels"] == found.answers["effects"] == NO_MEAN
    assert found.answers["distribution"] == UNCODED


def test_three_options_have_a_distribution_and_a_level_only_with_a_number() -> None:
    words: dict[str, Any] = {"keys": ["yes", "no", "maybe"], "target": None}
    bare = _of(_study(20, 10, **words), "mine")
    assert bare.answers["distribution"] is None and bare.answers["ranking"] is None
    assert bare.answers["levels"] == NO_MEAN
    assert bare.answers["effects"] == bare.answers["levels"]
    valued = _of(_study(20, 10, values=[1.0, 2.0, 3.0], **words), "mine")
    assert valued.answers["levels"] is None and valued.answers["effects"] is None


def test_problems_with_rates_are_items() -> None:
    problems = [decision(f"d{i}", family="mine", rates=[i / 40, 1 - i / 40]) for i in range(40)]
    made = _of(problems)
    assert (made.people, made.items) == (None, 40)
    assert made.answers["ranking"] is None
