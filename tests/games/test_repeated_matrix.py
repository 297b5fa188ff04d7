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


# Both sides of one game, the chance of an end, penalties.

BATTLE = {  # no side is the other's mirror
    "up": {"up": [7, 2], "down": [0, 1]},
    "down": {"up": [3, 0], "down": [4, 9]},
}
SIDES = {"roles": ["one", "two"]}


def of_side(role: str, rules: dict[str, Any], *moves: dict[str, Any]) -> Decision:
    options = (Option("up", "J"), Option("down", "F"))
    told = {"rounds": 4, "payoffs": BATTLE, **SIDES, **rules}
    events = tuple(Event("moves", one) for one in moves)
    return Decision(
        "d", "toy", "repeated_matrix", options, "up", role=role, rules=told, history=events
    )


def test_the_second_side_reads_the_same_rounds_and_payoffs_turned_round() -> None:
    played = move("up", "down", 0, 1)
    one, two = (standard(of_side(role, {}, played)) for role in ("one", "two"))
    assert one.user == (
        "Round 1 of 4:\nYou chose J and the other player chose F. You got 0 points and the other "
        "player got 1 point.\nRound 2 of 4:"
    )
    assert two.user == (
        "Round 1 of 4:\nYou chose F and the other player chose J. You got 1 point and the other "
        "player got 0 points.\nRound 2 of 4:"
    )
    assert "- If you choose F and the other player chooses J, you get 3 points and " in one.system
    assert (
        "- If you choose F and the other player chooses J, you get 1 point and the other player "
        "gets 0 points." in two.system
    )
    # Without `roles` the name of a role changes nothing.
    assert standard(of_side("two", {"roles": None}, played)) == standard(
        of_side("", {"roles": None}, played)
    )
    numbers = family("repeated_matrix").numbers
    assert numbers is not None
    found = numbers(view(of_side("two", {}, played)))
    assert (found["mine"], found["theirs"], found["points"]) == (["down"], ["up"], [1])
    assert found["payoffs"] == {
        "up": {"up": [2, 7], "down": [0, 3]},
        "down": {"up": [1, 0], "down": [9, 4]},
    }


def test_theory_is_that_of_the_side_that_decides() -> None:
    """One's up is dominant; the best answer of two, who has no dominant option, is up as well."""
    table = {
        "up": {"up": [5, 3], "down": [5, 0]},
        "down": {"up": [1, 0], "down": [1, 4]},
    }
    words = family("repeated_matrix")
    assert words.normative is not None
    for role in ("one", "two"):
        said = words.normative(view(of_side(role, {"payoffs": table})))
        assert said.shares == {"up": 1.0, "down": 0.0}, role
    table["up"] = {"up": [5, 0], "down": [5, 3]}
    shares = [
        words.normative(view(of_side(role, {"payoffs": table}))).shares for role in SIDES["roles"]
    ]
    assert shares == [{"up": 1.0, "down": 0.0}, {"up": 0.0, "down": 1.0}]


def test_the_chance_that_a_game_ends_is_told_as_that() -> None:
    system = standard(decision({"ends": 0.75})).system
    assert (
        "The number of rounds is determined by chance. After each round, the game ends with a "
        "probability of 75%." in system
    )
    assert "another round" not in system
    for ends in (0.1, 0.5, 0.6, 0.9):  # the same game told in the other way
        assert theory({"ends": ends}) == theory({"continues": round(1 - ends, 9)})


def test_penalties_are_told_as_penalties_and_read_as_losses() -> None:
    """Where 6,6 / 0,10 / 10,0 / 2,2 are penalties, the first option is dominant; as points the
    second is."""
    table = {
        "cooperate": {"cooperate": [6, 6], "defect": [0, 10]},
        "defect": {"cooperate": [10, 0], "defect": [2, 2]},
    }
    played = move("defect", "cooperate", 10, 0)
    said = standard(
        Decision(
            "d", "toy", "repeated_matrix", OPTIONS, "cooperate",
            rules={"rounds": 10, "payoffs": table, "penalties": True},
            history=(Event("moves", played),),
        )
    )  # fmt: skip
    assert (
        "Penalties in each round:\n- If you choose J and the other player chooses J, you get a "
        in (said.system)
    )
    assert "you get a penalty of 0 and the other player gets a penalty of 10." in said.system
    assert "make the sum of your penalties over all rounds as small as possible." in said.system
    assert "point" not in said.system
    assert said.user == (
        "Round 1 of 10:\nYou chose F and the other player chose J. You got a penalty of 10 and the "
        "other player got a penalty of 0.\nRound 2 of 10:"
    )
    dominant = {"cooperate": 1.0, "defect": 0.0}
    assert theory({"rounds": 10, "penalties": True}, payoffs=table).shares == dominant
    assert theory({"rounds": 10}, payoffs=table).shares == {"cooperate": 0.0, "defect": 1.0}
    numbers = family("repeated_matrix").numbers
    assert numbers is not None
    found = numbers(view(decision({"penalties": True}, played, payoffs=table)))
    assert found["points"] == [-10]
    assert found["payoffs"]["defect"] == {"cooperate": [-10, 0], "defect": [-2, -2]}
