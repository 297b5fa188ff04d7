"""Leaks, looked for at the source: the raw files of every sample game are changed, imported again
and rendered, all decisions in the standard wording and some in every one. Each test has a control
that shows it would notice."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from tests.support.glee_games import (
    UNTOLD,
    Cells,
    changed_row,
    decided,
    hidden,
    needs_source,
    person,
    prompts,
    read,
    settled,
    source_games,
    worded,
    write,
)
from tremble.prompts.formulations import FORMULATIONS


@needs_source
def test_no_prompt_depends_on_its_own_decision_or_on_anything_later(tmp_path: Path) -> None:
    checked = 0
    for folder in source_games():
        config, cells = read(folder)
        original = prompts(folder)
        for k, at in enumerate(decided(config, cells) if original else []):
            for rows in (settled(config, cells, at), cells[: at + 1]):
                found = prompts(write(tmp_path, folder, config, rows))
                assert list(found.items())[: k + 1] == list(original.items())[: k + 1]
            checked += 1
    assert checked == 119 + 32 + 320 + 100


@needs_source
def test_every_prompt_depends_on_what_was_seen_before_it(tmp_path: Path) -> None:
    """The control of the test above: change the first row the person saw, and every prompt of
    the game changes; change a decision that was taken, and every later prompt does."""
    for folder in source_games():
        config, cells = read(folder)
        original = prompts(folder)
        family, human = config["game_type"], person(config)
        if not original:
            continue
        first = 1 if (family, human) == ("persuasion", "Bob") else 0
        rows = [*cells]
        rows[first] = changed_row(cells[first], family, config)
        found = prompts(write(tmp_path, folder, config, rows))
        assert all(found[key] != text for key, text in original.items()), folder.name
        at = decided(config, cells)[0]
        rows = [*cells]
        rows[at] = changed_row(cells[at], family, config)
        found = prompts(write(tmp_path, folder, config, rows))
        differs = [found[key] != text for key, text in original.items()]
        assert differs == [False] + [True] * (len(original) - 1), folder.name


def with_worths(config: dict[str, Any], new: dict[str, Any], cells: list[Cells]) -> list[Cells]:
    """The rows with the worths of the `new` config, which a seller is not shown round by round."""
    args, rows = new["game_args"], [dict(row) for row in cells]
    if config["game_type"] == "persuasion" and person(config) == "Alice":
        for row in rows:
            if row["player"] == "Nature":
                high = row["round_quality"] == "high-quality"
                row["product_worth"] = str(args["product_price"] * args["v" if high else "c"])
    return rows


@needs_source
def test_no_prompt_depends_on_what_the_person_could_not_know(tmp_path: Path) -> None:
    for folder in source_games():
        config, cells = read(folder)
        original, new = prompts(folder), hidden(config)
        rows = with_worths(config, new, cells)
        assert prompts(write(tmp_path, folder, new, rows)) == original, folder.name


@needs_source
def test_a_buyers_prompt_depends_on_no_quality_not_yet_learnt(tmp_path: Path) -> None:
    learnt = 0
    for folder in source_games():
        config, cells = read(folder)
        if config["game_type"] != "persuasion" or person(config) == "Alice":
            continue
        original = prompts(folder)
        for k in range(1, 21):
            rows = [
                changed_row(row, "persuasion", config)
                if row["player"] == "Nature" and int(row["round"]) >= k
                else row
                for row in cells
            ]
            found = prompts(write(tmp_path, folder, config, rows))
            same = [found[key] == text for key, text in original.items()]
            assert same == [True] * k + [False] * (20 - k)
            learnt += same.count(False)
    assert learnt == 16 * 190  # and it shows in every later prompt: the control


KNOWN: dict[str, list[tuple[str, Callable[[Any], Any]]]] = {
    "bargaining": [
        ("money_to_divide", lambda x: x * 2),
        ("messages_allowed", lambda x: not x),
        ("complete_information", lambda x: not x),
    ],
    "negotiation": [
        ("product_price_order", lambda x: x * 2),
        ("messages_allowed", lambda x: not x),
        ("complete_information", lambda x: not x),
    ],
    "persuasion": [
        ("p", lambda x: x / 2),
        ("product_price", lambda x: x * 2),
        ("is_seller_know_cv", lambda x: not x),
        ("total_rounds", lambda x: x + 1),
    ],
}


def told(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Configs in which one thing is changed that this person was told."""
    args, human = config["game_args"], person(config)
    changes = [{key: change(args[key])} for key, change in KNOWN[config["game_type"]]]
    if args.get("max_rounds", 99) <= UNTOLD:
        changes.append({"max_rounds": args["max_rounds"] + 1})
    if config["game_type"] == "negotiation":
        own, others = ("seller", "buyer") if human == "Alice" else ("buyer", "seller")
        changes.append({f"{own}_value": 1.37})
        if args["complete_information"]:
            changes.append({f"{others}_value": 1.37})
    if config["game_type"] == "bargaining":
        n = 1 if human == "Alice" else 2
        changes.append({f"delta_{n}": 0.77})
        if args["complete_information"]:
            changes.append({f"delta_{3 - n}": 0.77})
        # In either place; those in game_args go first.
        args = {f"delta_{n}": config[f"player_{n}_args"].get("delta") for n in (2, 1)} | args
    if config["game_type"] == "persuasion" and (human == "Bob" or args["is_seller_know_cv"]):
        changes += [{"v": 7.7}, {"c": 0.3}]
    return [config | {"game_args": {**args, **change}} for change in changes]


@needs_source
def test_every_prompt_depends_on_what_the_person_was_told(tmp_path: Path) -> None:
    """The control of the tests above."""
    for folder in source_games():
        config, cells = read(folder)
        original = prompts(folder)
        for new in told(config):
            found = prompts(write(tmp_path, folder, new, cells))
            assert all(found[key] != text for key, text in original.items()), folder.name


# In every wording.


@needs_source
def test_no_wording_depends_on_the_decision_on_later_ones_or_on_what_was_hidden(
    tmp_path: Path,
) -> None:
    """Of every game the first decisions, up to the fourth."""
    checked = 0
    for folder in source_games():
        config, cells = read(folder)
        places = decided(config, cells)
        middle = min(len(places) // 2, 3)
        original = list(islice(worded(folder), middle + 1))
        if not original:
            continue
        changed = settled(config, cells, places[middle])
        found = islice(worded(write(tmp_path, folder, config, changed)), middle + 1)
        assert list(found) == original, folder.name
        new = hidden(config)
        rows = with_worths(config, new, cells)
        found = islice(worded(write(tmp_path, folder, new, rows)), middle + 1)
        assert list(found) == original, folder.name
        checked += len(original)
    assert checked > 200


@needs_source
def test_a_buyers_wordings_depend_on_no_quality_not_yet_learnt(tmp_path: Path) -> None:
    """Round 4's quality and all later ones are changed: up to round 4 nothing shows, then all."""
    games = 0
    for folder in source_games():
        config, cells = read(folder)
        if config["game_type"] != "persuasion" or person(config) == "Alice":
            continue
        rows = [
            changed_row(row, "persuasion", config)
            if row["player"] == "Nature" and int(row["round"]) >= 4
            else row
            for row in cells
        ]
        original = list(islice(worded(folder), 6))
        found = islice(worded(write(tmp_path, folder, config, rows)), 6)
        for place, (before, after) in enumerate(zip(original, found, strict=True)):
            same = {before[name] == after[name] for name in FORMULATIONS}
            assert same == {place < 4}, (folder.name, place)
        games += 1
    assert games == 16


@needs_source
def test_every_wording_depends_on_what_was_on_the_table_and_on_what_was_told(
    tmp_path: Path,
) -> None:
    """The control: the first row the person saw, and the config. A message that is dropped does
    not show."""
    for folder in source_games()[::7]:
        config, cells = read(folder)
        before = next(worded(folder), None)
        if before is None:
            continue
        family = config["game_type"]
        first = 1 if (family, person(config)) == ("persuasion", "Bob") else 0
        rows: list[Cells] = [*cells]
        rows[first] = changed_row(cells[first], family, config)
        after = next(worded(write(tmp_path, folder, config, rows)))
        same = {wording for wording in before if before[wording] == after[wording]}
        text = (family, config["game_args"].get("seller_message_type")) == ("persuasion", "text")
        assert same == ({"numbers_only"} if text else set()), folder.name
        for new in told(config):
            after = next(worded(write(tmp_path, folder, new, cells)))
            assert all(before[wording] != after[wording] for wording in before), folder.name
