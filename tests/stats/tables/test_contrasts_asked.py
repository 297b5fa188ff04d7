"""Contrasts as they are asked for, and what they rest on: counts, names and notes."""

from __future__ import annotations

import json

import pytest

from tests.support.treatments import Built, factorial, yes
from tremble.errors import UserError
from tremble.stats.frames.treatments import Contrast, parse
from tremble.stats.tables.contrasts import contrast_rows

TREATED = Contrast(("condition",), ("control",))


@pytest.mark.parametrize("without", [(), ("treated",), ("control", "treated")])
def test_items_named_in_one_arm_only_are_not_paired_and_the_note_says_so(
    without: tuple[str, ...],
) -> None:
    built = Built()
    for condition in ("control", "treated"):
        for i in range(8):
            for person in range(6):
                named = {} if condition in without else {"item": f"i{i}"}
                said = yes((person + i) % 3 == 0 or (condition == "treated" and i > 5))
                built.add(
                    {"condition": condition},
                    f"{condition} {i}",
                    {"m": 0.3 + 0.02 * i},
                    participant=f"p{person}",
                    choice=said,
                    **named,
                )
    (row,) = contrast_rows(built.evidence(), [TREATED])
    assert row["items"] == (16 if without else 8)
    note = "items are named in one arm only, so they are not paired"
    assert (note in (row["note"] or "")) == (len(without) == 1)


def test_people_of_choices_and_behind_rates_are_added() -> None:
    """Ten people who choose in the control arm, six rates of 1,000 in the other."""
    built = Built()
    for person in range(10):
        for i in range(6):
            built.add(
                {"condition": "control"},
                f"control {i}",
                {"m": 0.3 + 0.02 * i},
                participant=f"p{person}",
                choice=yes((person + i) % 3 == 0),
            )
    for i in range(6):
        rates_of = [0.5 + 0.02 * i, 0.5 - 0.02 * i]
        built.add({"condition": "treated"}, f"t{i}", {"m": 0.6}, rates=rates_of, n=1000)
    (row,) = contrast_rows(built.evidence(), [TREATED])
    assert (row["n"], row["people_n"], row["items"]) == (66, 10 + 6 * 1000, 12)
    built.decisions[-1]["n"] = None
    (row,) = contrast_rows(built.evidence(), [TREATED])
    assert (row["n"], row["people_n"], row["items"]) == (66, None, 12)


def test_the_same_decisions_are_compared_once_however_they_are_asked_for() -> None:
    """Two values have one comparison; three have three pairs, and each against the rest."""

    def asked(built: Built, *some: Contrast) -> list[tuple[str, str, str]]:
        rows = contrast_rows(built.evidence(), some)
        return [(row["contrast"], row["level"], row["control"]) for row in rows]

    frame = [Contrast(("frame",), control) for control in (None, ("gain",), ("loss",))]
    assert asked(factorial(), *frame) == [("frame", "loss", "gain")]
    assert asked(factorial(), *frame[::-1]) == [("frame", "gain", "loss")]
    stakes = [Contrast(("stakes",), (value,)) for value in ("1", "10", "100")]
    assert [pair[1:] for pair in asked(factorial(), *stakes)] == [
        ("10", "1"),
        ("100", "1"),
        ("100", "10"),
    ]
    assert len(asked(factorial(), *stakes, Contrast(("stakes",)))) == 6
    one, other = Contrast(("stakes", "frame"), ("1", "gain")), Contrast(("frame", "stakes"))
    assert len(asked(factorial(), one)) == 2
    turned = Contrast(("frame", "stakes"), ("gain", "1"))
    assert asked(factorial(), one, turned) == asked(factorial(), one)
    assert len(asked(factorial(), one, other)) == 2 + 3


def test_another_key_with_the_same_decisions_is_named() -> None:
    built = Built()
    for condition in ("control", "treated"):
        for i in range(20):
            name, chose = f"{condition} {i}", yes(i % 3 == 0)
            predicted: dict[str, float | None] = {
                "m": 0.2 + 0.03 * i + 0.05 * (condition == "treated")
            }
            built.add({"condition": condition}, name, predicted, participant=name, choice=chose)
    for row in built.decisions:
        condition = json.loads(row["config"])["condition"]
        row["config"] = json.dumps({"condition": condition, "order": condition != "control"})
    (row,) = contrast_rows(built.evidence(), [TREATED, Contrast(("order",))])
    assert row["contrast"] == "condition"
    assert row["note"] == "the same comparison as order (true against false)"


@pytest.mark.parametrize(
    ("text", "by", "control"),
    [
        ("a", ("a",), None),
        (" a = x:y=z ", ("a",), ("x:y=z",)),
        ("a:b", ("a:b",), None),  # a key of that name
        ("a:b=1", ("a:b",), ("1",)),
        ("a:c=1:2", ("a", "c"), ("1", "2")),
        ("p=q", ("p=q",), None),
        ("p=q=r", ("p=q",), ("r",)),
        ("p=q : a:b = 1 : 2", ("p=q", "a:b"), ("1", "2")),
        ("p=r", ("p",), ("r",)),
        ("ab=1", ("ab",), ("1",)),  # of no decision: said later, with what is known
    ],
)
def test_keys_with_colons_and_equals_signs_can_be_asked_for(
    text: str, by: tuple[str, ...], control: tuple[str, ...] | None
) -> None:
    assert parse(text, ["a", "a:b", "p=q", "c"]) == Contrast(by, control)


@pytest.mark.parametrize(
    ("contrast", "sentence"),
    [
        (
            Contrast(("condition",)),
            r"'condition' is 'control' in every decision that has it {}, so",
        ),
        (Contrast(("dose",), ("2",)), r"No decision {} has dose = '2', the control"),
        (Contrast(("late",)), r"No decision has the config key 'late' {}"),
    ],
)
def test_that_only_decisions_with_values_count_is_said(contrast: Contrast, sentence: str) -> None:
    built = Built()
    for i in range(6):
        for condition in ("control", "treated"):
            name = f"{condition} {i}"
            built.add({"condition": condition}, name, {"m": 0.5}, participant=name, choice="yes")
    for number, row in enumerate(built.decisions):
        i = number // 2
        treated = json.loads(row["config"])["condition"] == "treated"
        row["config"] = json.dumps(
            {
                "condition": "treated" if treated else "control",
                "dose": 2 if treated else i % 2,
                **({"late": i % 2} if treated else {}),
            }
        )
        if not treated:
            row["values"] = [1.0, 0.0]
    why = r"\(only decisions whose options have values count; 6 of 'custom' are excluded\)"
    with pytest.raises(UserError, match=sentence.format(why)):
        contrast_rows(built.evidence(), [contrast])
