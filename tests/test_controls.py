"""Controls: what each takes away and keeps, what it does not fit, and that none leaks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glee_games import decided, imported, needs_source, person, read, source_games, write
from test_glee_leaks import hidden, settled
from test_wordings import LABELS, OWN, SIZES, named, script
from tremble.datasets import Notes
from tremble.datasets.demo import load, sample
from tremble.decisions import Decision, Event, Game, Option
from tremble.errors import UserError
from tremble.games import family
from tremble.prompts import (
    CONTROLS,
    COUNTERBALANCES,
    FORMULATIONS,
    Conversation,
    DoesNotFit,
    OtherGames,
    control_of,
    controlled,
    presentations,
    spoken,
    standard,
    view,
)
from tremble.prompts.controls import FACTOR, NAMES, NEUTRAL, NEUTRAL_ALONE
from tremble.prompts.parts import parts

IN_SIGHT = ("one_shot_matrix", "lottery")  # no history: payoffs are on the table
DEAL = {"Food": 2, "Water": 1, "Firewood": 0}, {"Food": 1, "Water": 2, "Firewood": 3}
CAMP = Game(
    "camp/1",
    "camp",
    "multi_issue",
    {
        "setting": "You are going camping.",
        "items": {"Food": 3, "Water": 3, "Firewood": 3},
        "points": {"High": 5, "Medium": 4, "Low": 3},
        "no_deal": 5,
        "messages": True,
        "private": {
            "a": {
                "priorities": {"High": "Water", "Medium": "Food", "Low": "Firewood"},
                "reasons": {"High": "I run.", "Medium": "We are many.", "Low": "It is warm."},
            }
        },
    },
    (
        Event("message", {"player": "b", "message": "Hello there"}),
        Event("deal", {"player": "b", "gets": {"a": DEAL[1], "b": DEAL[0]}}),
        Event("decision", {"player": "a", "choice": "reject"}),
        Event("message", {"player": "a", "message": "I need 2 more"}),
        Event("deal", {"player": "b", "gets": {"a": DEAL[0], "b": DEAL[1]}}),
        Event("decision", {"player": "a", "choice": "accept"}),
    ),
)
CAMPING = Decision(
    "camp/1/2",
    "camp",
    "multi_issue",
    (Option("accept", "accept"), Option("reject", "reject"), Option("walk away", "walk away")),
    game=CAMP,
    at=5,
    round=2,
    role="a",
    participant="one",
)


@pytest.fixture(scope="module")
def everything() -> list[Decision]:
    return list(load(Path(), Notes()))


@pytest.fixture(scope="module")
def embedded(everything: list[Decision]) -> list[Decision]:
    return [*sample(everything, SIZES, seed=2), CAMPING]


@pytest.fixture(scope="module")
def invented() -> dict[str, Decision]:
    return dict(script().with_messages())


@pytest.fixture(scope="module")
def others(everything: list[Decision], invented: dict[str, Decision]) -> OtherGames:
    return OtherGames([*everything, *invented.values(), *script().others(), CAMPING])


def told(
    name: str, decision: Decision, others: OtherGames | None = None, presentation: int = 0
) -> Conversation | None:
    try:
        return spoken(name, others)(decision, presentation)
    except DoesNotFit:
        return None


def each(
    control: str, decisions: list[Decision], others: OtherGames | None = None
) -> Iterator[tuple[Decision, Conversation, Conversation]]:
    """Decision, standard wording, the same under the control, where it fits."""
    for decision in decisions:
        found = told(controlled("standard", control), decision, others)
        if found is not None:
            yield decision, standard(decision), found


def test_names() -> None:
    assert control_of("naive+renamed") == ("naive", "renamed")
    assert control_of("naive") == ("naive", None)
    with pytest.raises(UserError, match="no control 'no_rule'; did you mean 'no_rules'"):
        spoken("standard+no_rule")
    with pytest.raises(UserError, match="no formulation 'standrd'"):
        spoken("standrd+no_rules")


def test_what_fits(
    everything: list[Decision], invented: dict[str, Decision], others: OtherGames
) -> None:
    families: dict[str, list[Decision]] = {}
    for decision in [*everything, *invented.values(), CAMPING, OWN]:
        families.setdefault(decision.family, []).append(decision)
    never = {
        (name, control)
        for name, some in families.items()
        for control in CONTROLS
        if not any(told(f"standard+{control}", one, others) for one in some)
    }
    history = ("no_history", "shuffled_history", "other_history", "choices_only")
    assert never == {
        *((name, control) for name in IN_SIGHT for control in history),
        *((OWN.family, control) for control in CONTROLS),
        ("multi_issue", "other_history"),  # one dialogue alone
    }
    session = replace(OWN, family="session", prompt=None, history=(Event("text", {"text": "?"}),))
    with pytest.raises(DoesNotFit, match="a prompt of one's own"):
        spoken("standard+no_rules")(session, 0)


def test_first_rounds_have_no_history_to_take(embedded: list[Decision]) -> None:
    first = [d for d in embedded if d.round == 1 and d.family != "multi_issue"]
    assert len({decision.family for decision in first}) == 5
    for decision in first:
        for control in ("no_history", "shuffled_history", "choices_only"):
            assert told(f"standard+{control}", decision) is None, decision.id


def test_no_history_keeps_the_current_round_as_it_was(
    embedded: list[Decision], invented: dict[str, Decision]
) -> None:
    """The text from the heading of the last round on, read off the standard text."""
    count = 0
    for decision, usual, found in each("no_history", [*embedded, *invented.values()]):
        assert found.system == usual.system and found.options == usual.options
        if decision.family == "multi_issue" or "Round " not in usual.user:
            last = usual.user.split("\n")[-len(found.user.split("\n")) :]
            assert found.user == "\n".join(last)
            continue
        place = usual.user.rindex(f"Round {decision.round}")
        assert found.user == usual.user[place:], decision.id
        count += 1
    assert count > 40


def test_no_rules_leaves_the_question_and_the_history(embedded: list[Decision]) -> None:
    for decision, usual, found in each("no_rules", embedded):
        assert found.system == usual.system.split("\n\n")[-1]
        assert found.user == usual.user
        (neutral,) = [one for _, _, one in each("neutral_rules", [decision])]
        sentence = NEUTRAL_ALONE if decision.family == "lottery" else NEUTRAL
        assert neutral == replace(found, system=f"{sentence}\n\n{found.system}")


def test_no_wording_keeps_a_rule(embedded: list[Decision], invented: dict[str, Decision]) -> None:
    for decision in {**{d.family: d for d in embedded}, **invented}.values():
        rules = parts(decision, 0).rules
        for wording in FORMULATIONS:
            text = told(f"{wording}+no_rules", decision)
            if text is not None:
                assert not any(rule in text.plain() for rule in rules), (wording, decision.id)
                assert all(rule in told(wording, decision).plain() for rule in rules)


def pd_rules(found: Conversation) -> list[str]:
    return re.findall(r"you get (\d+) points and the other player gets (\d+)", found.system)


def test_misleading_rules_by_hand(embedded: list[Decision], invented: dict[str, Decision]) -> None:
    def misled(decision: Decision) -> Conversation:
        found = told("standard+misleading_rules", decision)
        assert found is not None
        return found

    game = next(d for d in embedded if d.family == "repeated_matrix")
    table = {"a": {"a": [8, 8], "b": [0, 10]}, "b": {"a": [10, 0], "b": [5, 5]}}
    options = (Option("a", "J"), Option("b", "F"))
    play = replace(game, options=options, game=None, rules={"rounds": 10, "payoffs": table})
    # Rows JJ, JF, FJ, FF: what J paid against J it pays for F against F.
    assert pd_rules(misled(play)) == [("5", "5"), ("10", "0"), ("0", "10"), ("8", "8")]
    same = {"a": {"a": [3, 3], "b": [0, 0]}, "b": {"a": [0, 0], "b": [3, 3]}}
    meet = replace(play, rules={"rounds": 10, "payoffs": same})
    assert pd_rules(misled(meet)) == [("0", "0"), ("3", "3"), ("3", "3"), ("0", "0")]
    # Half of the money is lost where none was; 10% a round become 90%.
    bob = invented["bargaining"]
    assert "with every round that passes, the money is worth 90% less to you" in misled(bob).system
    even = replace(bob, game=replace(bob.game, rules={**bob.game.rules, "delta": 1}))
    assert "the money is worth 50% less to you" in misled(even).system
    # Bob's product was worth $60 to him and $40 to Alice.
    assert "which is worth $40 to you" in misled(invented["negotiation"]).system
    assert "To Alice the product is worth $60" in misled(invented["negotiation"]).system
    untold = {**invented["negotiation"].parameters, "other_value": None}
    price = replace(invented["negotiation"], game=None, rules=untold)
    assert "which is worth $15 to you" in misled(price).system
    assert "high quality is worth $0 and one of low quality $60" in (
        misled(invented["persuasion"]).system
    )
    camp = misled(CAMPING).system
    assert "water 3 points, food 4 points, firewood 5 points" in camp
    gambles = next(d for d in embedded if d.family == "lottery")
    one, two = standard(gambles).user.split("\n")
    swapped = [f"Gamble A{two[8:]}", f"Gamble B{one[8:]}"]
    assert misled(gambles).user.split("\n") == swapped
    flat = {"gamble_a": [[1, 3]], "gamble_b": [[1, 3]]}
    with pytest.raises(DoesNotFit, match="the same the other way round"):
        spoken("standard+misleading_rules")(replace(gambles, game=None, rules=flat), 0)


def test_misleading_rules_leave_what_happened(embedded: list[Decision]) -> None:
    for decision, usual, found in each("misleading_rules", embedded):
        assert (found.system != usual.system) is (decision.family not in IN_SIGHT)
        lost = re.compile(r"^By inflation.*\n?", re.M)  # counted by the reader's own rules
        same = lost.sub("", found.user) == lost.sub("", usual.user)
        assert same is (decision.family not in IN_SIGHT), decision.id


def without_headings(text: str) -> list[str]:
    return [line for line in text.split("\n") if not re.match(r"Round \d+|By inflation", line)]


def test_shuffled_rounds_keep_their_lines_and_the_current_round_its_place(
    embedded: list[Decision], invented: dict[str, Decision]
) -> None:
    moved = count = 0
    for decision, usual, found in each("shuffled_history", [*embedded, *invented.values()]):
        assert found.system == usual.system
        assert Counter(without_headings(found.user)) == Counter(without_headings(usual.user))
        heads = [re.findall(r"^Round \d+.*$", text, re.M) for text in (usual.user, found.user)]
        assert heads[0] == heads[1]  # numbered as before
        current = told("standard+no_history", decision)
        assert current is not None and found.user.endswith(current.user)
        assert told("standard+shuffled_history", decision) == found
        count += 1
        moved += found.user != usual.user
    assert count > 40 and moved > 0.8 * count


def test_choices_only(embedded: list[Decision], invented: dict[str, Decision]) -> None:
    said = {
        "bargaining": [
            "Round 1 of 8:",
            "You rejected Alice's offer.",
            "Round 2 of 8:",
            "Alice rejected your offer.",
        ],
        "negotiation": [
            "Round 1 of 5:",
            "You rejected Alice's offer.",
            "Round 2 of 5:",
            "Alice rejected your offer.",
        ],
        "persuasion": [
            "Round 1 of 20:",
            "You bought the product for $30.",
            "Round 2 of 20:",
            "You did not buy.",
        ],
    }
    for name, lines in said.items():
        found = told("standard+choices_only", invented[name])
        current = told("standard+no_history", invented[name])
        assert found is not None and current is not None
        assert found.user == "\n".join([*lines, current.user])
    for decision, usual, found in each("choices_only", embedded):
        if decision.family == "repeated_matrix":
            assert found.user == re.sub(r" You got .*", "", usual.user)
        if decision.family == "persuasion_seller":
            parts = usual.user.split("\n")
            kept = [line for line in parts[:-1] if "quality" not in line]
            assert found.user.split("\n") == [*kept, parts[-1]]
    camp = told("standard+choices_only", CAMPING)
    assert camp is not None and camp.user.split("\n")[0] == "You rejected the deal."
    assert camp.user.count("\n") == 1 and "2 food, 1 water and 0 firewood for you" in camp.user


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
        Event("moves", {"choice": m, "other": "a", "points": table[m]["a"][0], "other_points": 0})
        for m in moves
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
    other, longer = play("g3", "abab", "p2"), play("g4", "bbaa", "p3", rounds=20)
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
        """Without what follows from the reader's own rules: the price, inflation, rounds to go."""
        return tuple(without_headings(re.sub(r"bought the product for \S+", "bought", found.user)))

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


def test_every_wording_goes_with_every_control(
    embedded: list[Decision], invented: dict[str, Decision], others: OtherGames
) -> None:
    """Each fits where both fit, and names no option that the person did not have."""
    last = {(d.family, d.round and d.round > 2): d for d in embedded}
    for decision in [*last.values(), *invented.values()]:
        for control in CONTROLS:
            if told(f"standard+{control}", decision, others) is None:
                continue
            for wording in FORMULATIONS:
                alone = told(wording, decision)
                found = told(f"{wording}+{control}", decision, others)
                if wording == "numbers_only" and found is None:
                    continue  # without its messages there may be nothing left to take away
                assert (found is None) is (alone is None), (wording, control, decision.id)
                if found is None or alone is None:
                    continue
                assert found.opening == alone.opening
                own = {option.label for option in decision.options}
                assert named(found.plain()) == own & LABELS, (wording, control)
                if control == "renamed":
                    assert not re.search(r"\b(Alice|Bob)\b", found.plain()), wording


def test_every_family_can_be_misled_and_scaled(embedded: list[Decision]) -> None:
    """Whoever adds a family is reminded of both."""
    for decision in {d.family: d for d in embedded}.values():
        words = family(decision.family)
        assert words.misled is not None and words.scaled is not None
        rules = words.scaled(decision.parameters, 2)
        assert rules is not None and words.scaled(rules, 0.5) == decision.parameters
        assert words.misled(view(decision)) != decision.parameters
