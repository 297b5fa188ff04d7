"""What a decision is a unit of: who made it, and what was read."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl

from tests.support.stat_frames import decision
from tremble.decisions.record import Decision, Option
from tremble.stats.frames.clusters import kinds_of, units
from tremble.stats.inference.intervals import units_of
from tremble.store.schemas import DECISIONS
from tremble.study.decision_frame import decision_frame

OPTIONS = (Option("yes", "yes"), Option("no", "no"))


def own(number: int, text: str, **more: Any) -> Decision:
    said: dict[str, Any] = {"choice": "yes", "target": "yes", "prompt": text, **more}
    return Decision(f"d{number}", "mine", "custom", OPTIONS, **said)


def items(*decisions: Decision) -> list[str | None]:
    return units(decision_frame(decisions))["item"].to_list()


def grouped(values: list[str | None]) -> list[list[int]]:
    """The places of equal values, in order of appearance, without those that are null."""
    places: dict[str, list[int]] = {}
    for place, value in enumerate(values):
        if value is not None:
            places.setdefault(value, []).append(place)
    return list(places.values())


def test_equal_texts_are_one_item_and_every_part_of_a_text_counts() -> None:
    found = items(
        own(0, "A?"),
        own(1, "A?", participant="p"),
        own(2, "A?", system="Be brief."),
        own(3, "A?", opening=""),
        own(4, "B?"),
        own(5, "A?", config={"stakes": "high"}),
    )
    assert grouped(found) == [[0, 1, 5], [2], [3], [4]]


def test_an_item_that_is_named_joins_different_texts_within_a_data_set() -> None:
    found = items(
        own(0, "Low stakes?", item="1", config={"stakes": "low"}),
        own(1, "High stakes?", item="1", config={"stakes": "high"}),
        own(2, "High stakes?"),
    )
    assert grouped(found) == [[0, 1, 2]]  # the text of 2 is a version of item 1
    frame = decision_frame([own(0, "A?", item="1"), own(1, "B?", item="1")])
    other = frame.with_columns(dataset=pl.Series(["mine", "other"]))
    assert grouped(units(other)["item"].to_list()) == [[0], [1]]


def test_one_text_under_many_names_is_one_item() -> None:
    """Against a search that joins groups pair by pair until none share a name or a text."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        drawn = [
            (str(rng.integers(12)), f"Text {rng.integers(12)}?", ("mine", "other")[rng.integers(2)])
            for _ in range(14)
        ]
        groups = [{place} for place in range(len(drawn))]
        while True:
            meet = [
                (a, b)
                for a in groups
                for b in groups
                if a is not b
                and any(
                    drawn[i][2] == drawn[j][2]
                    and (drawn[i][0] == drawn[j][0] or drawn[i][1] == drawn[j][1])
                    for i in a
                    for j in b
                )
            ]
            if not meet:
                break
            groups.remove(meet[0][1])
            meet[0][0].update(meet[0][1])
        frame = decision_frame(
            own(i, text, item=name, config={"line": i}) for i, (name, text, _) in enumerate(drawn)
        ).with_columns(dataset=pl.Series([data for _, _, data in drawn]))
        found = grouped(units(frame)["item"].to_list())
        assert sorted(found) == sorted(sorted(group) for group in groups)


def test_one_question_with_other_options_is_another_text() -> None:
    other = (Option("5 now", "5 now"), Option("8 later", "8 later"))
    said: dict[str, Any] = {"choice": "8 later", "target": "8 later", "prompt": "Which?"}
    found = items(
        own(0, "Which?", item="1"),
        Decision("d1", "mine", "custom", other, item="2", **said),
        Decision("d2", "mine", "custom", other[::-1], item="3", **said),
    )
    assert grouped(found) == [[0], [1, 2]]


def test_problems_with_rates_and_plays_have_no_item() -> None:
    rate = {"choice": None, "rates": {"yes": 0.5, "no": 0.5}}
    assert items(own(0, "A?", **rate), own(1, "A?", **rate)) == [None, None]
    assert grouped(items(own(0, "A?", item="1", **rate), own(1, "B?", item="1", **rate))) == [
        [0, 1]
    ]
    played = pl.DataFrame(
        [decision(f"d{i}", choice="yes", game="g", cluster="g", numbers="{}") for i in range(2)],
        schema=DECISIONS,
    )
    assert units(played)["item"].to_list() == [None, None]


def test_gambles_and_one_shot_games_are_items_by_their_numbers() -> None:
    """The sibling of equal texts: without a history, equal numbers are one thing read."""

    def row(number: int, **more: Any) -> dict[str, Any]:
        said = {"choice": "yes", "participant": f"p{number}", "family": "lottery", **more}
        return decision(f"d{number}", **said)

    frame = pl.DataFrame(
        [
            row(0, numbers='{"ev": 1}'),
            row(1, numbers='{"ev": 1}'),
            row(2, numbers='{"ev": 2}'),
            row(3, numbers=None),
            row(4, numbers='{"ev": 1}', family="bargaining"),
            row(5, numbers='{"ev": 1}', game="g", cluster="g"),
            row(6, numbers='{"ev": 1}', role="row"),
        ],
        schema=DECISIONS,
    )
    assert grouped(units(frame)["item"].to_list()) == [[0, 1], [2], [6]]


def test_people_who_are_not_known_are_not_taken_for_one_per_item() -> None:
    frame = decision_frame([own(i, f"{i % 5}?") for i in range(60)])
    kinds = kinds_of(units(frame))
    assert [len(np.unique(kind.codes)) for kind in kinds] == [60, 5]
    found, levels = units_of(kinds)
    assert (found.people.number, found.unnamed, len(levels)) == (60, 60, 1)
    assert found.items is not None and found.items.number == 5


def test_a_study_of_before_there_were_hashes_has_no_items() -> None:
    frame = decision_frame([own(i, "A?", participant=f"p{i}") for i in range(3)])
    old = frame.drop("item").with_columns(numbers=pl.lit(None, pl.String))
    assert units(old)["item"].to_list() == [None] * 3
    assert json.loads(frame["numbers"][0])["read"] in units(frame)["item"][0]
