"""One-shot games and lotteries in words: worked by hand, read back from both orders, free of what
people did, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tremble.datasets import demo
from tremble.datasets.base import Notes
from tremble.datasets.demo import rows_of
from tremble.decisions.record import Decision, Option
from tremble.errors import UserError
from tremble.games import lottery, one_shot_matrix
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import presentations

GAME = {"own_payoffs": [[8, -3.5], [1000, 0]], "other_payoffs": [[8, 10], [1, 0.25]]}


def one_shot(rules: dict[str, Any], count: int = 2) -> Decision:
    options = one_shot_matrix.options(count)
    return Decision("d", "toy", "one_shot_matrix", options, target="1", rules=rules)


def gambles(a: Any, b: Any) -> Decision:
    rules = {"gamble_a": a, "gamble_b": b}
    return Decision("d", "toy", "lottery", lottery.OPTIONS, target="b", rules=rules)


def cell(mine: str, theirs: int, own: str, others: str) -> str:
    """The line of one cell of a table, on a line of its own."""
    return (
        f"\nIf you choose {mine} and the other player chooses {theirs}, you get {own} and the "
        f"other player gets {others}."
    )


def test_a_game_worked_by_hand_in_both_orders() -> None:
    decision = one_shot(GAME)
    assert presentations(decision) == (0, 1)
    asks = 'Answer with a JSON object of the form {"decision": "..."}, where the decision is '
    for order in (0, 1):
        assert standard(decision, order).system.endswith(
            f'Which option do you choose? {asks}"J" or "F".'
        )
    assert standard(decision, 0).user == (
        "Your options: J, F. The other player's options: 1, 2."
        + cell("J", 1, "8 points", "8 points")
        + cell("J", 2, "-3.5 points", "10 points")
        + cell("F", 1, "1,000 points", "1 point")
        + cell("F", 2, "0 points", "0.25 points")
    )
    assert standard(decision, 1).user == (
        "Your options: J, F. The other player's options: 1, 2."
        + cell("J", 1, "1,000 points", "1 point")
        + cell("J", 2, "0 points", "0.25 points")
        + cell("F", 1, "8 points", "8 points")
        + cell("F", 2, "-3.5 points", "10 points")
    )
    assert standard(decision, 1).options == (Option("2", "J"), Option("1", "F"))


def test_a_game_that_is_not_square() -> None:
    rules = {"own_payoffs": [[1, 2, 3], [4, 5, 6]], "other_payoffs": [[7, 8, 9], [10, 11, 12]]}
    lines = standard(one_shot(rules), 1).user.splitlines()
    assert lines[0] == "Your options: J, F. The other player's options: 1, 2, 3."
    assert "\n" + lines[3] == cell("J", 3, "6 points", "12 points")
    assert len(lines) == 7


def test_the_system_text_of_a_one_shot_game_holds_no_payoff() -> None:
    other = one_shot({**GAME, "own_payoffs": [[1, 2], [3, 4]]})
    assert standard(one_shot(GAME)).system == standard(other).system
    assert standard(one_shot(GAME)).user != standard(other).user


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"own_payoffs": [[1, 2], [3, 4]]},
        {"own_payoffs": [[1, 2], [3, 4]], "other_payoffs": [[1, 2]]},
        {"own_payoffs": [[1, 2], [3]], "other_payoffs": [[1, 2], [3]]},
        {"own_payoffs": [[1, 2], [3, 4]], "other_payoffs": [[1, 2], [3, "x"]]},
        {"own_payoffs": [[1, 2]] * 3, "other_payoffs": [[1, 2]] * 3},
        {"own_payoffs": 1, "other_payoffs": 2},
    ],
)
def test_payoffs_that_do_not_fit_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"options 1, 2 .* give two matrices of the same shape"):
        standard(one_shot(rules))


def test_keys_that_are_no_rows_are_refused() -> None:
    options = (Option("up", "U"), Option("down", "D"))
    decision = Decision("d", "toy", "one_shot_matrix", options, rules=GAME)
    with pytest.raises(UserError, match=r"options up, down .* use the row numbers"):
        standard(decision)


def test_lotteries_worked_by_hand_in_both_orders() -> None:
    decision = gambles([[1.0, 26.0]], [[0.8, -5.0], [0, 999], [0.002734, 24.5], [0.197266, 1000]])
    assert presentations(decision) == (0, 1)
    first = "26 points for sure."
    second = (
        "80% chance of -5 points, 0.2734% chance of 24.5 points, 19.7266% chance of 1,000 points."
    )
    assert standard(decision, 0).user == f"Gamble A: {first}\nGamble B: {second}"
    assert standard(decision, 1).user == f"Gamble A: {second}\nGamble B: {first}"
    assert standard(decision, 0).options == (Option("a", "A"), Option("b", "B"))
    assert standard(decision, 1).options == (Option("b", "A"), Option("a", "B"))
    assert standard(decision, 0).system == standard(decision, 1).system
    assert standard(decision).system.endswith('the decision is "A" or "B".')


def test_an_outcome_is_certain_when_all_others_have_probability_0() -> None:
    user = standard(gambles([[0.0, 3], [1.0, -4]], [[0.5, 0], [0.5, 1]])).user
    assert user == (
        "Gamble A: -4 points for sure.\nGamble B: 50% chance of 0 points, 50% chance of 1 point."
    )


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.1, "10%"),
        (0.07, "7%"),  # 0.07 * 100 is 7.000000000000001 in floating point
        (0.29, "29%"),  # and 0.29 * 100 is 28.999999999999996
        (0.003125, "0.3125%"),
        (7.8e-05, "0.0078%"),
        (1e-9, "0.0000001%"),
        (1 / 3, "33.33333333%"),
        (1, "100%"),
    ],
)
def test_percentages_have_the_digits_of_the_probability(probability: float, words: str) -> None:
    assert lottery.percent(probability) == words


@pytest.mark.parametrize(
    "bad", [None, [], [[0, 5]], [[1.2, 5]], [[-0.5, 5], [1, 2]], [[0.5]], [["p", 5]], 3, "abc"]
)
def test_gambles_that_are_none_are_refused(bad: Any) -> None:
    with pytest.raises(UserError, match=r"gamble_b .* give a list of \[probability, payoff\]"):
        standard(gambles([[1, 2]], bad))


def prompts(decisions: Iterable[Decision]) -> dict[str, tuple[str, ...]]:
    return {
        d.id: tuple(standard(d, order).plain() for order in presentations(d)) for d in decisions
    }


def test_both_orders_hold_the_same_game() -> None:
    """Every line read back: the same payoffs per key, the order of the keys reversed."""
    pattern = re.compile(
        r"^If you choose (\w) and the other player chooses (\d), you get (\S+) points? and the "
        r"other player gets (\S+) points?\.$",
        re.M,
    )
    for decision in demo.one_shot(rows_of("one_shot.csv"), Notes()):
        own, other = decision.parameters["own_payoffs"], decision.parameters["other_payoffs"]
        expected = [
            (str(row + 1), column + 1, own[row][column], other[row][column])
            for row in range(len(own))
            for column in range(len(own[0]))
        ]
        shown = []
        for order in (0, 1):
            conversation = standard(decision, order)
            keys = {option.label: option.key for option in conversation.options}
            assert list(keys) == [option.label for option in decision.options]
            cells = [
                (keys[letter], int(column), float(mine), float(theirs))
                for letter, column, mine, theirs in pattern.findall(conversation.user)
            ]
            assert sorted(cells) == expected
            shown.append([key for key, column, *_ in cells if column == 1])
        assert shown[1] == shown[0][::-1] != shown[0]


def test_both_orders_hold_the_same_gambles() -> None:
    for decision in demo.lotteries(rows_of("lotteries.csv"), Notes()):
        assert decision.rules is not None
        texts = []
        for order in (0, 1):
            conversation = standard(decision, order)
            gambles = dict(re.findall(r"^Gamble ([AB]): (.+)\.$", conversation.user, re.M))
            assert list(gambles) == ["A", "B"]
            texts.append({option.key: gambles[option.label] for option in conversation.options})
        assert texts[0] == texts[1] and list(texts[0]) == list(texts[1])[::-1]
        for key, text in texts[0].items():
            outcomes = [
                [float(chance) / 100, float(payoff)]
                for chance, payoff in re.findall(r"([\d.]+)% chance of (-?[\d.]+) point", text)
            ]
            certain = re.fullmatch(r"(-?[\d.]+) points? for sure", text)
            outcomes += [[1.0, float(certain[1])]] if certain else []
            wanted = [outcome for outcome in decision.rules[f"gamble_{key}"] if outcome[0]]
            assert [x for _, x in outcomes] == [x for _, x in wanted]
            assert [p for p, _ in outcomes] == pytest.approx([p for p, _ in wanted], abs=1e-14)


Build = Callable[[Iterable[dict[str, str]], Notes], Iterable[Decision]]


@pytest.mark.parametrize(
    ("build", "file", "hidden", "shown"),
    [
        (
            demo.one_shot,
            "one_shot.csv",
            {"rates": lambda v: " ".join(["0.125"] * len(v.split())), "n": lambda v: "12345"},
            ("own", "other"),
        ),
        (
            demo.lotteries,
            "lotteries.csv",
            {
                "rate_b": lambda v: "0.98765",
                "sd_b": lambda v: "0.98765",
                "n": lambda v: "12345",
                "trials": lambda v: "54321",
            },
            ("a", "b"),
        ),
    ],
)
def test_no_prompt_of_a_problem_depends_on_what_people_did(
    build: Build, file: str, hidden: dict[str, Callable[[str], str]], shown: tuple[str, ...]
) -> None:
    rows = rows_of(file)
    original = prompts(build(rows, Notes()))
    for name, change in hidden.items():
        changed = [{**row, name: change(row[name])} for row in rows]
        assert changed != rows
        assert prompts(build(changed, Notes())) == original
    for name in shown:  # the control: another number in what is shown changes every prompt
        changed = [{**row, name: re.sub(r"-?[\d.]+$", "777", row[name])} for row in rows]
        found = prompts(build(changed, Notes()))
        assert all(a != b for id_, text in original.items()
                   for a, b in zip(text, found[id_], strict=True))  # fmt: skip
    ids = [key for key in ("study", "game", "player", "problem") if key in rows[0]]
    renamed = [{**row, **{key: f"{row[key]}-secret" for key in ids}} for row in rows]
    assert list(prompts(build(renamed, Notes())).values()) == list(original.values())
