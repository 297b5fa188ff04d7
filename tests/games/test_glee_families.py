"""The words of GLEE's families: what people could see, no more and no less."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.glee_games import DATA, imported, make, needs_source, prompts, source_games
from tremble.decisions.record import Option
from tremble.prompts.formulations import standard


def of_sample(game: str) -> list[tuple[str, list[str]]]:
    """System text and user lines of every decision of one game of the sample."""
    (folder,) = (f for f in source_games() if f.name == game)
    texts = [standard(decision) for decision in imported(folder)]
    return [(text.system, text.user.split("\n")) for text in texts]


# Prompts of the sample, against what stands in the raw files (read by hand).


@needs_source
def test_bargaining_alice_with_messages_and_without_inflation() -> None:
    (first, shown), (_, later) = of_sample("0003852CF8408F00")
    assert "You are Alice. You and Bob have $10,000 to divide" in first
    assert "inflation" not in first and " 99 " not in first
    assert shown == [
        "Round 1:",
        "Your offer: You get $7,354 and Bob gets $2,646.",
        'You wrote: "Good"',
        "Bob rejected your offer.",
        "Round 2:",
        "Bob's offer: You get $5,000 and Bob gets $5,000.",
        'Bob wrote: "Let\'s split it evenly. Fair play!"',
    ]
    assert later[7] == "You rejected Bob's offer."
    assert later[-2] == "Bob's offer: You get $6,000 and Bob gets $4,000."
    assert "accept" not in "\n".join(later)


@needs_source
def test_bargaining_bob_under_inflation_hears_of_what_is_lost() -> None:
    decisions = of_sample("8CE3DBA3A471D0B3")
    told = "the money is worth 5% less than in the round before."
    assert f"There is inflation: in each round after the first, {told}\n" in decisions[0][0]
    assert "In round 1, Alice makes an offer" in decisions[0][0]
    last = decisions[-1][1]  # round 9: 1 - .95 ** 8 = .3366, rounds 3, 5, 7 before it
    assert [line for line in last if line.startswith("Because of inflation")] == [
        f"Because of inflation, each dollar you get in this round is worth {lost}% less to you "
        "than a dollar in round 1."
        for lost in ("9.75", "18.55", "26.49", "33.66")
    ]
    assert last[4:7] == [
        "Round 2:",
        "Your offer: You get $20 and Alice gets $80.",
        'You wrote: "none"',
    ]
    assert last[-2] == "Alice's offer: You get $55 and Alice gets $45."


@needs_source
def test_bargaining_bob_is_not_told_what_alice_loses() -> None:
    (system, shown), _ = of_sample("14667D27F6439073")
    assert "There are 12 rounds. If no offer is accepted by the end of the last round, both" in (
        system
    )
    assert (
        "There is inflation: in each round after the first, the money is worth 0% less to you than "
        "in the round before. You are not told how inflation affects the money for Alice." in system
    )
    assert "20%" not in system and "message" not in system
    assert shown == ["Round 1 of 12:", "Alice's offer: You get $100,000 and Alice gets $900,000."]


@needs_source
def test_negotiation_bob_with_a_told_horizon_and_no_word_of_alices_value() -> None:
    decisions = of_sample("42D3A30685945D97")
    assert len(decisions) == 3
    system, shown = decisions[1]
    assert (
        "You are Bob, a buyer. You are looking to buy one product. It is worth $10,000 to you. "
        "Alice is a potential seller. You are not told how much the product is worth to Alice."
    ) in system
    assert "There are 10 rounds, with one offer in each round." in system
    assert "You stop negotiating with Alice and buy the product from John for $10,000." in system
    assert shown == [
        "Round 1 of 10:",
        "Alice's offer: $15,000.",
        "You rejected Alice's offer.",
        "Round 2 of 10:",
        "Your offer: $10,000.",
        "Alice rejected your offer.",
        "Round 3 of 10:",
        "Alice's offer: $12,000.",
    ]


@needs_source
def test_negotiation_without_a_told_horizon_shows_no_round() -> None:
    ((system, shown),) = of_sample("774D873E8D5E6C41")
    assert "It is worth $8,000 to you." in system
    assert "The product is worth $10,000 to Alice." in system
    assert "30" not in system and "round" not in system.lower()
    assert shown[0] == "Alice's offer: $9,500."
    assert shown[1].startswith("Alice wrote: \"Hi Stacey, I'm offering you my product for $9500.")
    assert len(shown) == 2


@needs_source
def test_persuasion_the_buyer_learns_the_quality_after_deciding() -> None:
    decisions = of_sample("1C478B0A82CF7505")
    system, shown = decisions[2]
    odds = "Products are of high quality with a probability of 80% and of low quality with a"
    assert f"{odds} probability of 20%." in system
    assert (
        "A product of high quality is worth $20,000 to you, and a product of low quality is worth "
        "$0 to you. Alice knows how much the products are worth to you." in system
    )
    assert "There are 20 rounds" in system and "fixed price of $10,000" in system
    assert [line for line in shown if not line.startswith("Alice wrote")] == [
        "Round 1 of 20:",
        "You bought the product for $10,000.",
        "The product was of low quality. It was worth $0 to you.",
        "Round 2 of 20:",
        "You bought the product for $10,000.",
        "The product was of high quality. It was worth $20,000 to you.",
        "Round 3 of 20:",
    ]
    assert shown[-1].startswith('Alice wrote: "This product is a rare gem, carefully crafted')
    assert len(decisions) == 20


@needs_source
def test_persuasion_the_seller_sees_the_quality_and_not_what_it_is_worth() -> None:
    decisions = of_sample("185A87C98EB4E437")
    system, shown = decisions[2]
    odds = "Products are of high quality with a probability of 33.33% and of low quality with a"
    assert f"{odds} probability of 66.67%." in system
    assert "You are not told how much the products are worth to the buyer." in system
    assert "40,000" not in system and "a new buyer" in system
    assert shown == [
        "Round 1 of 20:",
        "Quality of the product: low.",
        "You did not recommend that the buyer buy the product.",
        "The buyer did not buy the product.",
        "Round 2 of 20:",
        "Quality of the product: low.",
        "You did not recommend that the buyer buy the product.",
        "The buyer did not buy the product.",
        "Round 3 of 20:",
        "Quality of the product: high.",
    ]


# Made-up games: one fact at a time.


@pytest.mark.parametrize(
    ("deltas", "complete", "said"),
    [
        ((1.0, 1.0), True, None),
        ((0.8, 0.8), True, "the money is worth 20% less than in the round before."),
        ((0.8, 0.95), True, "worth 20% less to you and 5% less to Bob than in the round before."),
        ((1.0, 0.9), True, "worth 0% less to you and 10% less to Bob than in the round before."),
        (
            (0.8, 0.95),
            False,
            "the money is worth 20% less to you than in the round before. You are not told how "
            "inflation affects the money for Bob.",
        ),
    ],
)
def test_inflation_as_told(
    tmp_path: Path, deltas: tuple[float, float], complete: bool, said: str | None
) -> None:
    keys: dict[str, Any] = {
        "delta_1": deltas[0],
        "delta_2": deltas[1],
        "complete_information": complete,
    }
    (text,) = prompts(make(tmp_path, "bargaining", "Alice", **keys)).values()
    assert (said in text) if said else ("nflation" not in text)
    # one round has passed
    own = f"is worth {round(100 * (1 - deltas[0]))}% less to you than a dollar in round 1"
    assert (own in text) is (deltas[0] < 1)


def test_binary_advice_in_words(tmp_path: Path) -> None:
    _, second = imported(make(tmp_path, "persuasion", "Bob", is_seller_know_cv=False))
    text = standard(second)
    assert "Alice does not know how much the products are worth to you." in text.system
    assert text.user.split("\n") == [
        "Round 1 of 20:",
        "Alice did not recommend that you buy the product.",
        "You did not buy the product.",
        "The product was of high quality. It would have been worth $400 to you.",
        "Round 2 of 20:",
        "Alice recommended that you buy the product.",
    ]


def test_a_buyer_who_does_not_know_how_products_are_drawn(tmp_path: Path) -> None:
    text = prompts(make(tmp_path, "persuasion", "Bob", is_buyer_know_p=False))
    assert all("33.33" not in one and "not told how likely" in one for one in text.values())
    seller = prompts(make(tmp_path, "persuasion", "Alice", is_buyer_know_p=False))
    assert all("Bob does not know these probabilities." in one for one in seller.values())


@pytest.mark.parametrize("family", ["bargaining", "negotiation", "persuasion"])
def test_the_meaning_follows_the_label_an_option_is_shown_under(
    tmp_path: Path, family: str
) -> None:
    decision = imported(make(tmp_path, family, "Alice"))[0]
    plain = standard(decision).system
    assert all(f'- "{option.label}": ' in plain for option in decision.options)
    labels = [option.label for option in reversed(decision.options)]
    swapped = replace(
        decision,
        options=tuple(
            Option(o.key, label) for o, label in zip(decision.options, labels, strict=True)
        ),
    )
    first, last = decision.options[0], decision.options[-1]
    (does,) = (line for line in plain.split("\n") if line.startswith(f'- "{first.label}": '))
    assert does.replace(first.label, last.label, 1) in standard(swapped).system


# Properties over the whole sample.


@needs_source
def test_histories_only_grow() -> None:
    pairs = 0
    for one, two in pairwise(imported(Path(DATA or ""))):
        if one.cluster == two.cluster:
            before, after = standard(one), standard(two)
            assert after.user.startswith(before.user + "\n"), two.id
            assert after.system == before.system, two.id
            pairs += 1
    assert pairs > 400
