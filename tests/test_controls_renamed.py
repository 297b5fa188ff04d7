"""Renamed games and other people's histories: read backwards, never one's own, no leaks."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_cases import each, embedded, everything, invented, others, told, without_headings
from glee_games import decided, imported, needs_source, person, read, source_games, write
from test_glee_leaks import hidden, settled
from test_wordings import SIZES
from tremble.decisions import Decision, Event, Game, Option
from tremble.prompts import (
    CONTROLS,
    COUNTERBALANCES,
    Conversation,
    DoesNotFit,
    OtherGames,
    controlled,
    presentations,
    spoken,
    standard,
)
from tremble.prompts.controls import FACTOR, NAMES

__all__ = ["embedded", "everything", "invented", "others"]

AMOUNTS = {  # where amounts stand, by family
    "repeated_matrix": r"(?:(?<=ou get )|(?<=ou got )|(?<=player gets )|(?<=player got ))[\d,.]*\d",
    "one_shot_matrix": r"-?[\d,.]*\d(?= for )",
    "lottery": r"(?<=chance of )-?[\d,.]*\d|-?[\d,.]*\d(?= for certain)",
    "multi_issue": r"\d+(?= points)",
}
MONEY = r"(?<=\$)[\d,.]*\d"


def backwards(family_name: str, found: Conversation, usual: Conversation) -> str:
    """A renamed text with its old names, letters and amounts, by means of its own."""
    text = found.plain()
    for old, new in NAMES.items():
        text = text.replace(new, old)
    old_label = {o.key: o.label for o in usual.options}
    letters = {o.label: old_label[o.key] for o in found.options}
    text = re.sub(rf"\b({'|'.join(letters)})\b", lambda word: letters[word[0]], text)

    def less(number: re.Match[str]) -> str:
        value = float(number[0].replace(",", "")) / FACTOR
        rounded = round(value, 6)
        return f"{int(rounded):,}" if rounded == int(rounded) else f"{rounded:,.10g}"

    pattern = AMOUNTS.get(family_name, MONEY)
    return re.sub(pattern, less, text)


def test_renamed_back_is_the_standard_text(
    embedded: list[Decision], invented: dict[str, Decision]
) -> None:
    seen = set()
    for decision, usual, found in each("renamed", [*embedded, *invented.values()]):
        assert found.plain() != usual.plain()
        assert backwards(decision.family, found, usual) == usual.plain(), decision.id
        assert not re.search(r"\b(Alice|Bob)\b", found.plain())
        seen.add(decision.family)
    assert seen == {*SIZES, "multi_issue"}


def test_renamed_letters_follow_every_presentation(embedded: list[Decision]) -> None:
    for decision in embedded:
        for number in presentations(decision, COUNTERBALANCES):
            found = told("standard+renamed", decision, presentation=number)
            if found is not None:
                usual = standard(decision, number)
                assert [o.key for o in found.options] == [o.key for o in usual.options]
                letters = [o.label for o in found.options]
                assert len(set(letters)) == len(letters)
                assert backwards(decision.family, found, usual) == usual.plain()


def test_amounts_in_words_are_not_renamed(
    embedded: list[Decision], invented: dict[str, Decision]
) -> None:
    game = invented["bargaining"].game
    assert game is not None
    offer = replace(game.events[0], data={**game.events[0].data, "message": "320 is fair"})
    spoke = replace(invented["bargaining"], game=replace(game, events=(offer, *game.events[1:])))
    gambles = next(d for d in embedded if d.family == "lottery")
    words = {**gambles.parameters, "text_a": "26 for sure", "text_b": "a die"}
    for decision in (spoke, replace(gambles, game=None, rules=words)):
        assert told("standard+renamed", decision) is None


def play(name: str, moves: str, participant: str | None, **rules: Any) -> list[Decision]:
    """A repeated game: 'ab' are the person's moves, the other player's always a."""
    table = {"a": {"a": [8, 8], "b": [0, 10]}, "b": {"a": [10, 0], "b": [5, 5]}}
    events = tuple(
        Event("moves", {"choice": m, "other": "a", "points": own, "other_points": others})
        for m in moves
        for own, others in (table[m]["a"],)
    )
    told = {"rounds": 9, "payoffs": table, **rules}
    game = Game(name, "toy", "repeated_matrix", told, events)
    return [
        Decision(
            f"{name}/{at}",
            "toy",
            "repeated_matrix",
            (Option("a", "J"), Option("b", "F")),
            game=game,
            at=at,
            round=at + 1,
            participant=participant,
        )
        for at in range(len(moves))
    ]


def test_another_game_is_never_ones_own_nor_a_later_round() -> None:
    mine, again = play("g1", "aabb", "p1"), play("g2", "bbbb", "p1")
    other, longer = play("g3", "bbab", "p2"), play("g4", "bbaa", "p3", rounds=20)
    for decision in mine[1:]:
        with pytest.raises(DoesNotFit, match="no other game"):
            spoken("standard+other_history", OtherGames([*mine, *again]))(decision, 0)
        pool = OtherGames([*mine, *again, *other, *longer])
        found = told("standard+other_history", decision, pool)
        twin = other[decision.at]  # the same rules go before others of the same kind
        assert found is not None and found.user == standard(twin).user
        assert found.system == standard(decision).system
        kind = told("standard+other_history", decision, OtherGames([*mine, *longer]))
        assert kind is not None
        assert kind.user == standard(longer[decision.at]).user.replace(" of 20:", " of 9:")
    # The first round has nothing to replace, and a round that nobody else reached nothing to put.
    assert told("standard+other_history", mine[0], OtherGames(other)) is None
    assert told("standard+other_history", play("g5", "aaaaa", "p5")[4], OtherGames(other)) is None
    # Rules of another kind: a chance to go on needs other words.
    apart = play("g6", "abab", "p6", rounds=None, continues=0.9)
    assert told("standard+other_history", mine[2], OtherGames(apart)) is None


def test_few_games_stay_in_memory_and_always_the_same() -> None:
    games = [play(f"g{n}", "aab"[: n % 3 + 1] + "b", f"p{n}") for n in range(50)]
    in_turn = [decision for game in games for decision in game]
    mixed = sorted(in_turn, key=lambda decision: (decision.at, decision.cluster[::-1]))
    asked = play("me", "abba", "me")[2]
    pools = [OtherGames(some, most=8) for some in (in_turn, mixed, in_turn[::-1])]
    assert all(len(pool.games("repeated_matrix")) == 8 for pool in pools)
    assert len({told("standard+other_history", asked, pool).user for pool in pools}) == 1


def test_other_history_is_what_somebody_else_read(
    everything: list[Decision], embedded: list[Decision], others: OtherGames
) -> None:

    def lines(found: Conversation) -> tuple[str, ...]:
        """Without what follows from the reader's own rules: amounts, inflation, rounds to go."""
        amounts = r"\$[\d,.]*\d|(?<=ou get )\S+|(?<= chance of )\S+|(?<=got )\d+"
        return tuple(without_headings(re.sub(amounts, "", found.user)))

    read: dict[tuple[str, ...], set[str]] = {}
    for decision in everything:
        read.setdefault(lines(standard(decision)), set()).add(decision.cluster)
    count = 0
    for decision, usual, found in each("other_history", embedded, others):
        assert found.system == usual.system
        assert read[lines(found)] - {decision.cluster}, decision.id
        heads = [re.findall(r"^Round \d+.*$", text, re.M) for text in (usual.user, found.user)]
        assert heads[0][-1:] == heads[1][-1:]
        count += 1
    assert count > 30


def test_no_control_shows_the_choice_or_what_came_later(
    embedded: list[Decision], invented: dict[str, Decision], others: OtherGames
) -> None:
    checked = 0
    for decision in [*embedded, *invented.values()]:
        if decision.game is None or not decision.game.events:
            continue
        then = tuple(
            Event(e.type, {k: _otherwise(v) for k, v in e.data.items()}, e.seen)
            for e in decision.game.events[decision.at :]
        )
        game = replace(decision.game, events=(*decision.game.events[: decision.at], *then))
        changed = replace(decision, game=game, choice=None)
        for control in CONTROLS:
            name = controlled("standard", control)
            assert told(name, decision, others) == told(name, changed, others), decision.id
            checked += bool(then)
    assert checked > 200


def _otherwise(value: Any) -> Any:
    words = {"accept": "reject", "reject": "accept", "yes": "no", "no": "yes", "high": "low"}
    if isinstance(value, dict):
        return {key: _otherwise(part) for key, part in value.items()}
    return value + 1 if isinstance(value, int | float) else words.get(value, value)


@needs_source
def test_no_control_depends_on_what_was_hidden_or_came_later(
    others: OtherGames, tmp_path: Path
) -> None:
    """GLEE's raw files, changed and imported again, as in test_glee_leaks.py."""

    def texts(folder: Path, most: int) -> list[list[str | None]]:
        found = [
            [told(f"standard+{control}", decision, others) for control in CONTROLS]
            for decision in imported(folder)[:most]
        ]
        return [[None if one is None else one.plain() for one in row] for row in found]

    checked = 0
    for folder in source_games()[::4]:
        config, cells = read(folder)
        places = decided(config, cells)
        middle = min(len(places) // 2, 3)
        original = texts(folder, middle + 1)
        if not original:
            continue
        later = settled(config, cells, places[middle])
        assert texts(write(tmp_path, folder, config, later), middle + 1) == original, folder.name
        new, rows = hidden(config), [dict(row) for row in cells]
        if config["game_type"] == "persuasion" and person(config) == "Alice":
            for row in rows:
                if row["player"] == "Nature":
                    high, args = row["round_quality"] == "high-quality", new["game_args"]
                    row["product_worth"] = str(args["product_price"] * args["v" if high else "c"])
        assert texts(write(tmp_path, folder, new, rows), middle + 1) == original, folder.name
        checked += len(original)
    assert checked > 40


def test_a_history_that_is_alike_is_no_other_one() -> None:
    mine, alike, other = (
        play("g1", "aabb", "p1"),
        play("g2", "aabb", "p2"),
        play("g3", "bbab", "p3"),
    )
    for decision in mine[1:]:
        with pytest.raises(DoesNotFit, match="no other game"):
            spoken("standard+other_history", OtherGames([*mine, *alike]))(decision, 0)
        found = told("standard+other_history", decision, OtherGames([*mine, *alike, *other]))
        assert found is not None and found.user == standard(other[decision.at]).user


def test_rounds_that_are_alike_cannot_be_shuffled() -> None:
    with pytest.raises(DoesNotFit, match="all earlier rounds are alike"):
        spoken("standard+shuffled_history")(play("g1", "aaab", "p1")[3], 0)
    for decision in play("g2", "aabab", "p1")[3:]:  # some orders of these are alike
        found = spoken("standard+shuffled_history")(decision, 0)
        assert found.user != standard(decision).user


def seen_by(decision: Decision, name: str, rules: dict[str, Any], *events: Event) -> Decision:
    """The same seat in a game of that name, with other rules and what had happened there."""
    assert decision.game is not None
    game = replace(
        decision.game, id=name, rules={**decision.game.rules, **rules}, events=tuple(events)
    )
    return replace(
        decision, id=f"{name}/1", game=game, at=len(events), participant=name, choice=None
    )


def test_events_of_other_rules_are_told_as_these_would_have_them(
    invented: dict[str, Decision],
) -> None:
    def lines(mine: Decision, other: Decision) -> list[str]:
        found = told("standard+other_history", mine, OtherGames([mine, other]))
        assert found is not None
        return found.user.split("\n")

    def offer(message: str, **data: Any) -> Event:
        return Event("offer", {"player": "Alice", "round": 1, "message": message, **data})

    # $500 to divide here, $10,000 there: 9,000 and 1,000 are 450 and 50.
    first = replace(invented["bargaining"], round=1)
    mine = seen_by(first, "mine", {}, offer("Half?", gains={"Alice": 250, "Bob": 250}))
    rich = {"money": 10_000, "delta": 0.5}
    there = seen_by(first, "there", rich, offer("Fair!", gains={"Alice": 9_000, "Bob": 1_000}))
    assert lines(mine, there)[1:] == [
        "Alice offered: $50 for you, $450 for Alice.",
        'Alice wrote: "Fair!"',
    ]
    for message in ("I keep 9000", "I keep Nine Thousand"):  # no such amount is here
        number = seen_by(first, "there", rich, offer(message, gains={"Alice": 9_000, "Bob": 1_000}))
        assert told("standard+other_history", mine, OtherGames([mine, number])) is None
        # With the same rules it may say what it will.
        alike = seen_by(first, "there", {}, offer(message, gains={"Alice": 450, "Bob": 50}))
        assert lines(mine, alike)[2] == f'Alice wrote: "{message}"'
    # Worth 60 to the buyer here, 90 there: 100 is 66.67, to the cent.
    first = replace(invented["negotiation"], round=1)
    mine = seen_by(first, "mine", {}, offer("Well?", price=58))
    dear = seen_by(first, "there", {"value": 90, "other_value": 80}, offer("Please.", price=100))
    assert lines(mine, dear)[1:] == ["Alice offered a price of $66.67.", 'Alice wrote: "Please."']
    # A product of high quality is worth $60 here.
    second = replace(invented["persuasion"], round=2)
    past = [
        Event("recommendation", {"player": "Alice", "round": 1, "message": "Good one."}),
        Event("decision", {"player": "Bob", "round": 1, "choice": "no"}),
        Event("quality", {"round": 1, "quality": "high", "worth": 900}),
        Event("recommendation", {"player": "Alice", "round": 2, "message": "Good again."}),
    ]
    other = {"price": 450, "worth_high": 900, "p": 0.2}
    mine = seen_by(second, "mine", {}, *second.game.events[:3], past[-1]) if second.game else second
    assert "It was of high quality, worth $60 to you." in lines(
        mine, seen_by(second, "there", other, *past)
    )


def test_points_of_other_payoffs_are_those_of_this_game() -> None:
    double = {"a": {"a": [16, 16], "b": [1, 20]}, "b": {"a": [20, 1], "b": [9, 9]}}
    mine, other = play("g1", "aabb", "p1"), play("g2", "baab", "p2", payoffs=double)
    found = told("standard+other_history", mine[2], OtherGames([*mine, *other]))
    assert found is not None and found.user.split("\n")[1:4:2] == [
        "You chose F, the other player chose J. You got 10 points, the other player got 0.",
        "You chose J, the other player chose J. You got 8 points, the other player got 8.",
    ]


def test_of_a_one_shot_game_and_a_lottery_the_payoffs_are_another_ones(
    everything: list[Decision], others: OtherGames
) -> None:
    for name in ("lottery", "one_shot_matrix"):
        some = [d for d in everything if d.family == name]
        tables = {standard(d).user: d.cluster for d in some}
        pool, count = OtherGames(some), 0
        for decision in some:
            found = told("standard+other_history", decision, pool)
            if found is None:
                continue
            assert tables[found.user] != decision.cluster
            assert found.system == standard(decision).system
            count += 1
        assert count > 100
    words = {"text_a": "26 for sure", "text_b": "a die"}
    gamble = next(d for d in everything if d.family == "lottery")
    text = replace(gamble, id="text", game=None, rules=words)
    assert told("standard+other_history", text, others) is None  # none is told in words there
    again = replace(text, id="again", rules={**words, "text_a": "27 for sure"})
    found = told("standard+other_history", text, OtherGames([text, again]))
    assert found is not None and "27 for sure" in found.user


def test_names_are_exchanged_in_any_case(invented: dict[str, Decision]) -> None:
    game = invented["bargaining"].game
    assert game is not None
    offer = replace(game.events[0], data={**game.events[0].data, "message": "bob, BOB! Bobby?"})
    spoke = replace(invented["bargaining"], game=replace(game, events=(offer, *game.events[1:])))
    found = told("standard+renamed", spoke)
    assert found is not None and '"tomas, TOMAS! Bobby?"' in found.user
    hundred = replace(game.events[0], data={**game.events[0].data, "message": "a hundred is fair"})
    spoke = replace(spoke, game=replace(game, events=(hundred, *game.events[1:])))
    assert told("standard+renamed", spoke) is None
