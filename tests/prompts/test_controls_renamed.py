"""Renamed games are read backwards; no control shows the choice or what came later."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_cases import each, play, told
from tests.support.glee_games import (
    decided,
    hidden,
    imported,
    needs_source,
    person,
    read,
    settled,
    source_games,
    write,
)
from tests.support.wordings import SIZES
from tremble.decisions.record import Decision, Event
from tremble.prompts.asked import Asked
from tremble.prompts.controls import CONTROLS, FACTOR, NAMES
from tremble.prompts.conversation import Conversation, NotApplicable
from tremble.prompts.formulations import spoken, standard
from tremble.prompts.other_games import OtherGames, amounts_in
from tremble.prompts.presentations import COUNTERBALANCES, presentations

AMOUNT = re.compile(r"\$(?P<dollars>[\d,.]*\d)|(?P<points>-?[\d,.]*\d) points?\b")


def backwards(found: Conversation, usual: Conversation) -> str:
    """A renamed text with its old names, letters and amounts, by means of its own."""
    text = found.plain()
    for old, new in NAMES.items():
        text = text.replace(new, old)
    old_label = {o.key: o.label for o in usual.options}
    letters = {o.label: old_label[o.key] for o in found.options}
    text = re.sub(rf"\b({'|'.join(letters)})\b", lambda word: letters[word[0]], text)

    def less(found: re.Match[str]) -> str:
        dollars = found["dollars"] is not None
        value = round(float(found[found.lastgroup or 0].replace(",", "")) / FACTOR, 6)
        if value == int(value):
            number = f"{int(value):,}"
        else:  # dollars with cents, as people write them
            cents = dollars and value == round(value, 2)
            number = f"{value:,.2f}" if cents else f"{value:,.10g}"
        return f"${number}" if dollars else f"{number} point{'s' * (abs(value) != 1)}"

    return AMOUNT.sub(less, text)


def test_renamed_back_is_the_standard_text(
    embedded: list[Decision], invented: dict[str, Decision]
) -> None:
    seen = set()
    for decision, usual, found in each("renamed", [*embedded, *invented.values()]):
        assert found.plain() != usual.plain()
        assert backwards(found, usual) == usual.plain(), decision.id
        assert not re.search(r"\b(Alice|Bob)\b", found.plain())
        seen.add(decision.family)
    assert seen == {*SIZES, "multi_issue"}


@pytest.mark.slow
def test_renamed_letters_follow_every_presentation(embedded: list[Decision]) -> None:
    for decision in embedded:
        for number in presentations(decision, COUNTERBALANCES):
            found = told("standard+renamed", decision, presentation=number)
            if found is not None:
                usual = standard(decision, number)
                assert [o.key for o in found.options] == [o.key for o in usual.options]
                letters = [o.label for o in found.options]
                assert len(set(letters)) == len(letters)
                assert backwards(found, usual) == usual.plain()


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
            name = f"standard+{control}"
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


def test_rounds_that_are_alike_cannot_be_shuffled() -> None:
    with pytest.raises(NotApplicable, match="all earlier rounds are the same"):
        spoken(Asked.parse("standard+shuffled_history"))(play("g1", "aaab", "p1")[3], 0)
    for decision in play("g2", "aabab", "p1")[3:]:  # some orders of these are alike
        found = spoken(Asked.parse("standard+shuffled_history"))(decision, 0)
        assert found.user != standard(decision).user


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


@pytest.mark.parametrize(
    "message", ["Sixteen dollars.", "a dozen", "twenty-one", "One dollar more", "2k", "FOURTEEN"]
)
def test_numbers_in_words_are_numbers(message: str) -> None:
    assert amounts_in(message)
    assert not amounts_in("I am the one who asks for half of it, often, tension")
