"""Both sides of GLEE: the models' decisions and offers beside the people's, each seeing what its
side could see. Counts are those of the raw tables, read here anew."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake, tremble
from tests.support.glee_games import (
    DATA,
    Cells,
    changed_row,
    make,
    needs_source,
    prompts,
    read,
    source_games,
    write,
)
from tremble.datasets.base import Notes
from tremble.datasets.glee import CARD, load
from tremble.datasets.model_names import base_of_model
from tremble.decisions.record import Decision, Offer
from tremble.errors import UserError
from tremble.prompts.formulations import standard

MODELS = Path(DATA or "") / "glee_llm_vs_llm"


def played(path: Path, sides: str = "both", notes: Notes | None = None) -> list[Decision | Offer]:
    notes = notes or Notes()
    notes.options = {"sides": sides}
    return list(load(path, notes))


def offers(path: Path, sides: str = "both") -> list[Offer]:
    return [one for one in played(path, sides) if isinstance(one, Offer)]


def decisions(path: Path, sides: str = "both") -> list[Decision]:
    return [one for one in played(path, sides) if isinstance(one, Decision)]


def known(one: Decision | Offer) -> str:
    """All that may be told of a decision or an offer before it is made."""
    if isinstance(one, Decision):
        return standard(one).plain()
    return repr((one.parameters, one.range, one.unit, one.at, one.visible()))


def rows_of(folder: Path) -> Iterator[tuple[dict[str, Any], Cells]]:
    """Each row of a raw table with the settings of its game."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    with (folder / "game.csv").open(encoding="utf-8", newline="") as file:
        yield from ((config, row) for row in csv.DictReader(file))


def kind_of(config: dict[str, Any], row: Cells) -> str:
    return str(config[f"player_{('Alice', 'Bob').index(row['player']) + 1}_type"])


def price_of(row: Cells) -> float | None:
    cell = row.get("product_price", "")
    return None if cell in ("", "None", "nan") else float(cell)


@needs_source
def test_the_models_of_the_sample_are_counted_by_hand() -> None:
    notes = Notes()
    found = played(Path(DATA or "") / "glee", "models", notes)
    chosen = Counter((d.family, d.choice) for d in found if isinstance(d, Decision))
    assert {key: n for key, n in chosen.items() if not key[0].startswith("persuasion")} == {
        ("bargaining", "accept"): 20,
        ("bargaining", "reject"): 70,
        ("negotiation", "AcceptOffer"): 6,
        ("negotiation", "RejectOffer"): 17,
        ("negotiation", "DealWithJohn"): 4,
    }
    short_lived = notes.dropped["games of short-lived buyers, which tremble has no prompts for "
                                "(models)"]  # fmt: skip
    advice = sum(n for (family, _), n in chosen.items() if family.startswith("persuasion"))
    assert advice + 20 * short_lived == 640  # rows of yes and no; games have 20 rounds
    assert {one.participant for one in found} == {"otree_LLM"}
    games = {one.game.id: one.game.agents for one in found if one.game}
    assert all(agents == {"otree_LLM": {"kind": "model"}} for agents in games.values())


@needs_source
@pytest.mark.parametrize(("sides", "people", "models"), [("both", 1, 1), ("models", 0, 1)])
def test_offers_are_those_of_the_raw_tables(sides: str, people: int, models: int) -> None:
    found = offers(Path(DATA or "") / "glee", sides)
    made: Counter[tuple[str, str]] = Counter()
    values: list[float] = []
    for folder in source_games():
        for config, row in rows_of(folder):
            family = config["game_type"]
            if family == "persuasion" or row["decision"] not in ("", "None", "nan"):
                continue
            kind = kind_of(config, row)
            made[family, kind] += 1
            own = "alice_gain" if row["player"] == "Alice" else "bob_gain"
            if kind == "otree_LLM" and family == "bargaining":
                values.append(float(row[own]) / config["game_args"]["money_to_divide"])
    assert made == {
        ("bargaining", "otree_LLM"): 119,
        ("negotiation", "otree_LLM"): 32,
        ("bargaining", "otree"): 90,
        ("negotiation", "otree"): 27,
    }
    assert Counter(o.family for o in found) == {
        "bargaining": 90 * people + 119 * models,
        "negotiation": 27 * people + 32 * models,
    }
    shares = [o.share for o in found if o.family == "bargaining" and o.participant]
    assert shares == pytest.approx(values) and sum(shares) / 119 == pytest.approx(0.58, abs=0.005)
    assert {o.unit for o in found} == {"dollars"}


@needs_source
def test_people_are_asked_the_same_beside_models() -> None:
    beside = {d.id: d for d in decisions(Path(DATA or "") / "glee") if d.participant is None}
    alone = prompts(Path(DATA or "") / "glee")
    assert {name: standard(d).plain() for name, d in beside.items()} == alone and len(alone) == 571


@needs_source
def test_models_against_models_have_the_sources_names_and_a_base() -> None:
    found = played(MODELS, "models")
    counts = Counter((one.family, type(one).__name__) for one in found)
    assert counts == {
        ("bargaining", "Decision"): 13,
        ("bargaining", "Offer"): 13,
        ("negotiation", "Decision"): 10,
        ("negotiation", "Offer"): 10,
    }
    for folder in sorted(file.parent for file in MODELS.rglob("config.json")):
        config = json.loads((folder / "config.json").read_text("utf-8"))
        names = [config[f"player_{n}_args"]["model_name"] for n in (1, 2)]
        of_game = [one for one in found if one.game and one.game.id.endswith(folder.name)]
        for one in of_game:
            assert one.participant == names[("Alice", "Bob").index(one.role or "")]
            assert one.game and list(one.game.agents) == names
            assert one.parameters["rounds"] is None  # 99 and 25 are told to nobody
        rows = [row for _, row in rows_of(folder)]
        prices = [price_of(row) for row in rows if price_of(row) is not None]
        if prices:
            assert [one.value for one in of_game if isinstance(one, Offer)] == prices
    bases = {facts["base"] for one in found if one.game for facts in one.game.agents.values()}
    assert not any("/" in base or "@" in base for base in bases)
    notes = Notes()
    assert not list(load(MODELS, notes))  # as before: no people there
    assert notes.dropped == {"games with 0 people (GLEE games have one)": 5}


@needs_source
def test_both_trees_are_read_where_models_are_asked_for() -> None:
    whole = {one.id for one in played(Path(DATA or ""), "models")}
    parts = [
        {one.id for one in played(path, "models")} for path in (MODELS, MODELS.parent / "glee")
    ]
    assert whole == parts[0] | parts[1] and not parts[0] & parts[1]
    assert {one.id for one in load(Path(DATA or ""), Notes())} == set(
        prompts(MODELS.parent / "glee")
    )


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("vertex_ai/claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet"),
        ("vertex_ai/claude-3-7-sonnet@20250219", "claude-3-7-sonnet"),
        ("xai/grok-2-1212", "grok-2"),
        ("vertex_ai/meta/llama-3.1-405b-instruct-maas", "llama-3.1-405b-instruct"),
        ("vertex_ai/gemini-1.5-flash", "gemini-1.5-flash"),
        ("o3-mini", "o3-mini"),
        ("claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gemini-3-flash-preview", "gemini-3-flash"),
    ],
)
def test_the_base_is_the_name_without_provider_and_version(name: str, base: str) -> None:
    assert base_of_model(name) == base


@pytest.mark.parametrize("human", ["Alice", "Bob"])
def test_a_made_up_game_by_hand(tmp_path: Path, human: str) -> None:
    make(tmp_path, "bargaining", human)
    first, answer, second, last = played(tmp_path)
    assert isinstance(first, Offer) and isinstance(second, Offer)
    assert (first.value, first.range, first.role, first.at) == (6000, (0, 10000), "Alice", 0)
    assert (second.value, second.role, second.at) == (5500, "Bob", 2)
    assert [one.id.rpartition("/")[2] for one in (first, answer, second, last)] == [
        *("o1", "r1", "o2", "r2"),
    ]
    names = {human: None, {"Alice": "Bob", "Bob": "Alice"}[human]: "otree_LLM"}
    assert [one.participant for one in played(tmp_path)] == [
        names[role] for role in ("Alice", "Bob", "Bob", "Alice")
    ]
    assert {one.participant for one in played(tmp_path, "models")} == {"otree_LLM"}
    make(tmp_path, "negotiation", human)
    low, high = (one for one in offers(tmp_path) if one.family == "negotiation")
    assert (low.value, low.range, high.value) == (120.0, (0, 200), 85.5)
    assert [one.parameters["value"] for one in (low, high)] == [80, 150]


def test_persuasion_is_a_game_of_each_family_that_says_who_played(tmp_path: Path) -> None:
    make(tmp_path, "persuasion", "Alice")
    found = decisions(tmp_path)
    assert Counter((d.family, d.participant, d.role) for d in found) == {
        ("persuasion_seller", None, "Alice"): 2,
        ("persuasion", "otree_LLM", "Bob"): 2,
    }
    assert {d.game.id: list(d.game.agents) for d in found if d.game} == {
        "glee/persuasion/ABC0000000000001": ["otree_LLM"],
        "glee/persuasion_seller/ABC0000000000001": ["otree_LLM"],
    }
    assert offers(tmp_path) == []


def test_offers_that_no_range_holds_are_counted(tmp_path: Path) -> None:
    table = "message,product_price,player,round,decision\nhi,200.5,Alice,1,\n,,Bob,1,RejectOffer\n"
    make(tmp_path, "negotiation", "Bob", table)
    notes = Notes()
    (only,) = played(tmp_path, "both", notes)
    assert isinstance(only, Decision)
    assert list(notes.dropped.values()) == [1] and "offers outside" in next(iter(notes.dropped))


def changed(path: Path, **values: Any) -> None:
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, **values}))


def test_a_model_without_a_name_is_one_sentence(tmp_path: Path) -> None:
    folder = make(tmp_path, "bargaining", "Alice")
    changed(folder, player_2_type="litellm")
    with pytest.raises(UserError, match=r"player_2_args.model_name is missing, but GLEE names the"):
        played(tmp_path)


def test_the_column_of_messages_may_be_missing_only_where_nobody_may_write(tmp_path: Path) -> None:
    table = "product_price,player,round,decision\n90.0,Alice,1,\n,Bob,1,RejectOffer\n"
    folder = make(tmp_path, "negotiation", "Bob", table, messages_allowed=False)
    assert len(played(folder)) == 2
    make(tmp_path, "negotiation", "Bob", table, messages_allowed=True)
    with pytest.raises(UserError, match="the columns are"):
        played(folder)


def at_row(one: Decision | Offer) -> int:
    """Where in the raw table a decision or offer stands: events are rows."""
    return one.at


@needs_source
def test_nothing_is_known_of_its_own_choice_or_of_anything_later(tmp_path: Path) -> None:
    """For both sides; the control: whatever was changed shows in what comes after."""
    checked = shown = 0
    for folder in source_games():
        config, cells = read(folder)
        original = {one.id: one for one in played(folder)}
        for at in sorted({at_row(one) for one in original.values()}):
            later = [changed_row(row, config["game_type"], config) for row in cells[at:]]
            found = played(write(tmp_path, folder, config, [*cells[:at], *later]))
            for one in found:
                same = known(one) == known(original[one.id])
                if at_row(one) <= at:
                    assert same, one.id
                    checked += 1
                else:
                    shown += not same
    assert checked > 1000 and shown > 1000


@needs_source
def test_nothing_is_known_of_the_other_sides_private_facts_or_of_who_it_is(tmp_path: Path) -> None:
    """Each side in turn keeps its own facts; the control: the other's texts change."""
    private, told = 0, 0
    for folder in source_games():
        config, cells = read(folder)
        args = config["game_args"]
        original = {one.id: known(one) for one in played(folder)}
        for number, role in ((1, "Alice"), (2, "Bob")):
            renamed = {f"player_{n}_args": {**config[f"player_{n}_args"], "model_name": "zz"}
                       for n in (1, 2)}  # fmt: skip
            new = {**config, **renamed, "game_args": dict(args)}
            if args.get("complete_information") is False:
                key = (f"delta_{number}" if config["game_type"] == "bargaining"
                       else ("seller_value", "buyer_value")[number - 1])  # fmt: skip
                new["game_args"][key] = 0.77
            for one in played(write(tmp_path, folder, new, cells)):
                if one.role == role:
                    told += known(one) != original[one.id]
                else:
                    assert known(one) == original[one.id], one.id
                    private += 1
    assert private > 1000 and told > 100


def test_options_of_the_importer(tmp_path: Path) -> None:
    make(tmp_path, "bargaining", "Alice")
    out = tmp_path / "out.jsonl"
    start = ("data", "import", "glee", tmp_path, "--out", out, "--option")
    assert "sides must be people or models or both." in mistake(*start, "sides=all")
    assert mistake(*start, "side=both").endswith("no option 'side'; did you mean 'sides'?")
    twice = mistake(*start, "sides=both", "--option", "sides=people")
    assert twice.endswith("--option sides is given as 'both' and 'people'.")
    none = mistake("data", "import", "casino", tmp_path, "--out", out, "--option", "sides=both")
    assert none.endswith("'casino' has no option 'sides'; it has none.")
    assert not out.exists()
    code, said, _ = tremble(*start, "sides=both")
    assert code == 0 and "bargaining: 2 offers" in said
    found = json.loads(tremble("data", "list", "--json")[1])
    assert {"sides": ["people", "models", "both"]} in [card["options"] for card in found]
    assert "sides" in tremble("data", "list")[1]
    assert "sides = people or models or both" in tremble("data", "show", "glee")[1]
    assert CARD.chosen(()) == {"sides": "people"}


def test_records_of_both_sides_come_back(tmp_path: Path) -> None:
    make(tmp_path, "negotiation", "Alice")
    out = tmp_path / "out.jsonl"
    tremble("data", "import", "glee", tmp_path, "--out", out, "--option", "sides=both")
    from tremble.decisions import jsonl

    again = [replace(one, line=None) for one in jsonl.read_all(out)]
    assert again == played(tmp_path)
