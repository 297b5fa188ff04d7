"""Repeated games in words and in theory: told rounds, an end by chance or untold, errors, lots."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from tremble.datasets import akata2025
from tremble.decisions.record import Decision, Event, Option
from tremble.games.base import family
from tremble.games.theory.normative import Normative
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import view

OPTIONS = (Option("cooperate", "J"), Option("defect", "F"))
PD = {  # 3, 0, 5, 1: the textbook's
    "cooperate": {"cooperate": [3, 3], "defect": [0, 5]},
    "defect": {"cooperate": [5, 0], "defect": [1, 1]},
}
ANSWER = (
    "Which option do you choose in the current round? Answer with a JSON object of the form "
    '{"decision": "..."}, where the decision is "J" or "F".'
)
LINES = "".join(
    f"\n- If you choose {mine} and the other player chooses {other}, you get {own} and the other "
    f"player gets {others}."
    for mine, other, own, others in (
        ("J", "J", "3 points", "3 points"),
        ("J", "F", "0 points", "5 points"),
        ("F", "J", "5 points", "0 points"),
        ("F", "F", "1 point", "1 point"),
    )
)


def decision(rules: dict[str, Any], *moves: dict[str, Any], payoffs: Any = PD) -> Decision:
    events = tuple(Event("moves", move) for move in moves)
    rules = {"rounds": None, "payoffs": payoffs, **rules}
    return Decision(
        "d", "toy", "repeated_matrix", OPTIONS, "cooperate", rules=rules, history=events
    )


def theory(rules: dict[str, Any], *moves: dict[str, Any], payoffs: Any = PD) -> Normative:
    words = family("repeated_matrix")
    assert words.normative is not None
    return words.normative(view(decision(rules, *moves, payoffs=payoffs)))


def move(
    choice: str, other: str | None, points: float | None, others: float | None
) -> dict[str, Any]:
    return {"choice": choice, "other": other, "points": points, "other_points": others}


def test_every_byte_of_the_words_for_told_rounds() -> None:
    said = standard(
        decision(
            {"rounds": 10},
            move("cooperate", "defect", 0, 5),
            move("defect", None, 5, None),
        )
    )
    assert said.system == (
        "You are playing a game with another player. The game has 10 rounds. In each round, each "
        "of you chooses option J or option F without knowing what the other chooses in that round. "
        "After each round, both of you learn what the other chose.\n\nPoints in each round:"
        f"{LINES}\n\nYour goal is to get as many points as possible over all rounds.\n\n{ANSWER}"
    )
    assert said.user == (
        "Round 1 of 10:\nYou chose J and the other player chose F. You got 0 points and the other "
        "player got 5 points.\nRound 2 of 10:\nYou chose F. You got 5 points.\nRound 3 of 10:"
    )


def test_an_end_by_chance_and_an_end_nobody_told() -> None:
    played = move("cooperate", "defect", 0, 5)
    chance = standard(decision({"continues": 0.875}, played))
    untold = standard(decision({}, played))
    for said, length in (
        (
            chance,
            "The number of rounds is determined by chance. After each round, there is another "
            "round with a probability of 87.5%.",
        ),
        (untold, "The game has several rounds. You are not told how many."),
    ):
        assert said.system.startswith(
            f"You are playing a game with another player. {length} In each round, each of you "
            "chooses option J or option F "
        )
        assert "\n\nPoints in each round:" + LINES in said.system
        assert said.user.splitlines()[0] == "Round 1:" and said.user.splitlines()[-1] == "Round 2:"


def test_lots_are_told_and_what_was_drawn_is_not() -> None:
    said = standard(
        decision({"rounds": 4, "lottery": True}, move("cooperate", "defect", None, None))
    )
    assert (
        "\n\nPoints in each round, on average (the points in a single round are drawn at random):"
        + LINES
        in said.system
    )
    assert said.user == "Round 1 of 4:\nYou chose J and the other player chose F.\nRound 2 of 4:"


def test_errors_are_told_and_both_moves_stand_in_the_history() -> None:
    played = {**move("cooperate", "cooperate", 5, 0), "carried_out": "defect"}
    said = standard(decision({"continues": 0.5, "error": 0.0625}, played))
    assert (
        "With a probability of 6.25%, the option that is carried out for you is not the one you "
        "chose but the other one. The same is true for the other player. After each round, both of "
        "you learn which options were carried out, but not what the other chose." in said.system
    )
    assert (
        "- If option J is carried out for you and option F for the other player, you get 0 points "
        "and the other player gets 5 points." in said.system
    )
    assert "learn what the other chose" not in said.system
    assert "you choose J and" not in said.system
    assert said.user.splitlines() == [
        "Round 1:",
        "You chose J. Option F was carried out for you and option J for the other player. You got "
        "5 points and the other player got 0 points.",
        "Round 2:",
    ]


def test_numbers_say_what_was_told_and_no_more() -> None:
    numbers = family("repeated_matrix").numbers
    assert numbers is not None
    played = move("cooperate", "defect", 0, 5)
    said = numbers(view(decision({"rounds": 10}, played)))
    assert said == {
        "payoffs": PD,
        "mine": ["cooperate"],
        "theirs": ["defect"],
        "points": [0],
        "rounds": 10,
    }
    wrong = {**played, "carried_out": "defect"}
    said = numbers(view(decision({"continues": 0.9, "error": 0.1}, wrong)))
    assert (said["rounds"], said["continues"], said["error"]) == (None, 0.9, 0.1)
    assert (said["mine"], said["done"]) == (["cooperate"], ["defect"])


@pytest.mark.parametrize(
    ("continues", "why"),
    # Leaving 3 for 5 gains 2; each later round then pays 1 and not 3. Worth it below
    # 2 = d / (1 - d) x 2, so at d = 1/2 cooperation just lasts.
    [(0.49, "undetermined"), (0.5, "not unique"), (0.9, "not unique")],
)
def test_an_end_by_chance_against_the_threshold_worked_by_hand(continues: float, why: str) -> None:
    found = theory({"continues": continues})
    assert found.shares is None and found.why == f"{why}: no end is told"
    assert theory({}).why == "not unique: no end is told"


def test_an_end_by_chance_with_errors_or_several_stage_equilibria() -> None:
    assert theory({"continues": 0.9, "error": 0.1}).why == "undetermined: no end is told"
    several = theory(
        {"continues": 0.1},
        payoffs={
            "cooperate": {"cooperate": [4, 4], "defect": [0, 3]},
            "defect": {"cooperate": [3, 0], "defect": [2, 2]},
        },
    )
    assert several.why == "not unique: no end is told"
    # Defecting is best for everybody: no cell that both like better.
    assert (
        theory(
            {"continues": 0.9},
            payoffs={
                "cooperate": {"cooperate": [0, 0], "defect": [0, 1]},
                "defect": {"cooperate": [1, 0], "defect": [5, 5]},
            },
        ).why
        == "undetermined: no end is told"
    )


def test_errors_in_a_told_number_of_rounds_by_enumeration() -> None:
    """Battle of the sexes: the mixed equilibrium of the game of expected points, where each move is
    replaced with probability e. The other player is indifferent between his two options."""
    table = akata2025.PAYOFFS["BoS"]
    keys = list(table)
    rules = {"rounds": 1, "error": 0.125}
    words = family("repeated_matrix")
    assert words.normative is not None
    options = tuple(Option(key, label) for key, label in zip(keys, "JF", strict=True))
    shown = Decision(
        "d", "toy", "repeated_matrix", options, keys[0], rules={**rules, "payoffs": table}
    )
    said = words.normative(view(shown)).shares
    assert said is not None

    def others(share: float, choice: int) -> float:
        """Expected points of the other player who chooses `choice`."""
        total = 0.0
        for mine, replaced_me, replaced_him in product((0, 1), (0, 1), (0, 1)):
            chance = share if mine == 0 else 1 - share
            for replaced in (replaced_me, replaced_him):
                chance *= 0.125 if replaced else 0.875
            total += chance * table[keys[mine ^ replaced_me]][keys[choice ^ replaced_him]][1]
        return total

    share = said[keys[0]]
    assert share is not None and 0 < share < 1
    assert others(share, 0) == pytest.approx(others(share, 1))
    assert share != pytest.approx(7 / 17)  # what it is without errors
    assert theory({"rounds": 2, "error": 0.125}).shares == {"cooperate": 0.0, "defect": 1.0}
