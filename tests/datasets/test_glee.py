"""GLEE's importer: counts that can be looked up, traps of the raw files, and every bad input."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.glee_games import (
    ARGS,
    DATA,
    TABLE,
    imported,
    make,
    needs_source,
    person,
    read,
    source_games,
)
from tests.support.round_trip import come_back
from tremble.datasets.base import Notes, source
from tremble.datasets.glee import CARD, from_numeric, load
from tremble.errors import UserError
from tremble.prompts.formulations import standard

SIX = {
    "bargaining": {
        "Stakes": {"$100", "$10K", "$1M"},
        "Information": {"Complete", "Incomplete"},
        "Messages": {"Allowed", "Not allowed"},
        "Discount delta1": {"0.8", "0.9", "0.95", "1.0"},
        "Discount delta2": {"0.8", "0.9", "0.95", "1.0"},
        "Max rounds": {"12", "infinite"},
    },
    "persuasion": {
        "Quality prob. p": {"0.33", "0.5", "0.8"},
        "Value v": {"1.2", "1.25", "2.0", "3.0", "4.0"},
        "Seller knowledge": {"Knows", "Uninformed"},
        "Buyer myopic": {"Yes", "No"},
        "Message type": {"Text", "Binary"},
        "Price": {"$100", "$10K", "$1M"},
    },
    "negotiation": {
        "Price": {"$100", "$10K", "$1M"},
        "Information": {"Complete", "Incomplete"},
        "Messages": {"Allowed", "Not allowed"},
        "Max rounds": {"10", "30"},
        "Buyer value": {"0.8", "1.0", "1.2", "1.5"},
        "Seller value": {"0.8", "1.0", "1.2", "1.5"},
    },
}


@needs_source
def test_the_sample_has_the_decisions_counted_by_hand() -> None:
    notes = Notes()
    found = list(source("glee").decisions(Path(DATA or ""), notes))
    assert Counter(d.family for d in found) == {
        "bargaining": 119,
        "negotiation": 32,
        "persuasion": 320,
        "persuasion_seller": 100,
    }
    assert Counter(d.family for d in found if d.choice == d.target) == {
        "bargaining": 83,
        "negotiation": 19,
        "persuasion": 281,
        "persuasion_seller": 55,
    }
    assert len({d.id for d in found}) == len(found)
    played = {d.cluster for d in found}
    assert len(played) + sum(notes.dropped.values()) == len(source_games()) == 179
    assert notes.dropped["games of human sellers who write free text"] == 24


@needs_source
def test_the_config_has_the_six_parameters_of_the_study_in_its_spelling() -> None:
    for decision in imported(Path(DATA or "")):
        assert decision.game is not None
        six = SIX[decision.family.removesuffix("_seller")]
        assert set(decision.game.config) == set(six)
        assert all(decision.game.config[key] in six[key] for key in six), decision.id


@needs_source
def test_any_folder_will_do_and_games_come_sorted() -> None:
    root = Path(DATA or "") / "glee"
    whole = [d.id for d in imported(root.parent)]
    assert [d.id for d in imported(root)] == whole
    assert [d.id for d in imported(root / "human_vs_llm")] == whole
    parts = [imported(root / "human_vs_llm" / f) for f in ("bargaining", "negotiation")]
    assert [d.id for part in parts for d in part] == whole[:151]
    folder = source_games()[0]
    assert {d.cluster for d in imported(folder)} == {f"glee/bargaining/{folder.name}"}
    assert imported(folder / "game.csv") == imported(folder)


@needs_source
def test_json_form_equals_csv_form() -> None:
    """Games without free text, written as numbers here, come out as their raw files do."""
    compared = 0
    for folder in source_games():
        config, cells = read(folder)
        family, args = config["game_type"], config["game_args"]
        if args.get("messages_allowed") or args.get("seller_message_type") == "text":
            continue
        events = []
        for row in cells:
            event: dict[str, Any] = {"player": row["player"], "round": int(row["round"])}
            for key in ("alice_gain", "bob_gain", "product_price", "product_worth"):
                if row.get(key):
                    event[key] = float(row[key])
            for key in ("round_quality", "decision"):
                if row.get(key) not in (None, "", "None"):
                    event[key] = row[key]
            events.append(event)
        record = {
            "game": folder.name,
            "family": family,
            "human": person(config),
            "params": args,
            "delta": [config[f"player_{n}_args"].get("delta") for n in (1, 2)],
            "events": events,
        }
        assert from_numeric(json.loads(json.dumps(record)), "glee") == imported(folder)
        compared += 1
    assert compared == 26  # 15 of bargaining, 3 of negotiation, 8 of persuasion


def test_a_decision_says_who_decided_what_and_where_it_stands(tmp_path: Path) -> None:
    (decision,) = imported(make(tmp_path, "negotiation", "Alice"))
    assert decision.id == "glee/negotiation/ABC0000000000001/r2"
    assert decision.cluster == "glee/negotiation/ABC0000000000001"
    assert (decision.participant, decision.role, decision.round) == (None, "Alice", 2)
    assert (decision.choice, decision.target, decision.at) == ("DealWithJohn", "AcceptOffer", 3)
    assert [o.key for o in decision.options] == ["AcceptOffer", "RejectOffer", "DealWithJohn"]
    assert decision.game is not None
    assert decision.game.events[3].data["raw"] == "SellToJhon"
    assert decision.breakdown["Value asymmetry"] == "Buyer > Seller"


def test_sellers_and_buyers_of_the_same_game_are_different_families(tmp_path: Path) -> None:
    buyer = imported(make(tmp_path / "b", "persuasion", "Bob"))
    seller = imported(make(tmp_path / "s", "persuasion", "Alice"))
    assert [(d.family, d.choice, d.at) for d in buyer] == [
        ("persuasion", "no", 2),
        ("persuasion", "yes", 5),
    ]
    assert [(d.family, d.choice, d.at) for d in seller] == [
        ("persuasion_seller", "no", 1),
        ("persuasion_seller", "yes", 4),
    ]


def test_none_is_a_message_where_messages_are_possible_and_nothing_else(tmp_path: Path) -> None:
    spoken = imported(make(tmp_path / "a", "bargaining", "Alice"))[0].game
    silent = imported(make(tmp_path / "b", "bargaining", "Alice", messages_allowed=False))[0].game
    assert spoken is not None and silent is not None
    assert spoken.events[0].data["message"] == "none"
    assert spoken.events[2].data["message"] == "two lines:\n{\"so\": 'fair'}"
    assert not any("message" in event.data for event in silent.events)
    assert [event.type for event in spoken.events] == ["offer", "decision"] * 2


def test_discount_factors_are_read_in_either_place(tmp_path: Path) -> None:
    there = imported(make(tmp_path / "a", "bargaining", "Alice"))
    players = make(
        tmp_path / "b", "bargaining", "Alice", deltas=(0.9, 0.8), delta_1=None, delta_2=None
    )
    assert imported(players) == there
    assert there[0].parameters["delta"] == 0.9
    assert there[0].breakdown["Discount delta2"] == "0.8"


def test_nothing_untold_and_nothing_of_the_future_is_in_the_rules(tmp_path: Path) -> None:
    kept: dict[str, Any] = {"complete_information": False, "max_rounds": 99}
    (one,) = imported(make(tmp_path / "a", "bargaining", "Alice", **kept))
    (two,) = imported(make(tmp_path / "b", "negotiation", "Alice", **kept))
    three = imported(make(tmp_path / "c", "persuasion", "Alice", is_seller_know_cv=False))
    assert one.parameters["other_delta"] is one.parameters["rounds"] is None
    assert two.parameters["other_value"] is two.parameters["rounds"] is None
    assert three[0].parameters["worth_high"] is three[0].parameters["worth_low"] is None
    assert not any("worth" in event.data for event in three[0].visible())
    short = TABLE["bargaining"].replace("accept", "reject")  # a game that goes on elsewhere
    (other,) = imported(make(tmp_path / "d", "bargaining", "Alice", table=short, **kept))
    assert (other.parameters, other.breakdown) == (one.parameters, one.breakdown)


@needs_source
def test_decisions_survive_being_written_and_read(tmp_path: Path) -> None:
    come_back(imported(Path(DATA or "")), tmp_path)


def test_games_without_a_scored_decision_are_counted(tmp_path: Path) -> None:
    make(tmp_path / "a", "bargaining", "nobody")
    notes = Notes()
    assert list(load(tmp_path / "a", notes)) == []
    text = "round_quality,product_worth,player,round,message,decision\n"
    text += "low-quality,25.0,Nature,1,,\n,,Alice,1,,\n,,Bob,1,,no\n"
    words: dict[str, Any] = {"table": text, "seller_message_type": "text"}
    make(tmp_path / "b", "persuasion", "Alice", **words)
    assert list(load(tmp_path / "b", notes)) == []
    assert list(notes.dropped.values()) == [1, 1]
    (silent,) = imported(make(tmp_path / "c", "persuasion", "Bob", **words))
    assert "Alice sent no message." in standard(silent).user


BAD_TABLES: dict[str, tuple[str | bytes, str, str]] = {
    "an unknown word": (TABLE["bargaining"].replace("reject", "maybe"), "line 3", "maybe"),
    "after a long message": (TABLE["bargaining"].replace("accept", "okay"), "line 6", "okay"),
    "a player": (TABLE["bargaining"].replace("Bob,1", "Carol,1"), "line 3", "Carol"),
    "a number": (TABLE["bargaining"].replace("4500.0", "lots"), "line 4", "lots"),
    "a round": (TABLE["bargaining"].replace("Alice,1", "Alice,0"), "line 2", "'0'"),
    "half an offer": (TABLE["bargaining"].replace("5500.0", ""), "line 4", "bob_gain"),
    "columns": (TABLE["negotiation"], "line 1", "product_price"),
    "a cell too many": (TABLE["bargaining"].replace("reject", "reject,"), "line 3", "7 cells"),
    "an open quote": (TABLE["bargaining"].replace("'fair'}\"", "'fair'}"), "line 4", "end of data"),
    "no rows": (TABLE["bargaining"].splitlines()[0] + "\n", "game.csv", "no round"),
    "nothing": ("", "game.csv", "empty"),
    "Latin-1": (TABLE["bargaining"].replace("none", "né").encode("latin-1"), "byte", "UTF-8"),
    "a second header": (TABLE["bargaining"] * 2, "line 7", "round is"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_named_with_its_line_and_the_cure(tmp_path: Path, name: str) -> None:
    table, place, value = BAD_TABLES[name]
    file = make(tmp_path, "bargaining", "Alice", table=table) / "game.csv"
    assert_one_sentence(tmp_path, str(file), place, value, "fresh copy of GLEE")


def test_deciding_twice_or_on_nothing_is_an_error(tmp_path: Path) -> None:
    lines = TABLE["bargaining"].splitlines(keepends=True)
    file = make(tmp_path / "a", "bargaining", "Bob", table="".join([*lines[:3], *lines[1:3]]))
    assert_one_sentence(tmp_path / "a", str(file / "game.csv"), "twice in round 1")
    make(tmp_path / "b", "bargaining", "Bob", table="".join([lines[0], lines[2]]))
    assert_one_sentence(tmp_path / "b", "on nothing in round 1")


BAD_ARGS: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"money_to_divide": None}, "money_to_divide"),
    "no discount anywhere": ({"delta_1": None}, "delta_1"),
    "a discount above 1": ({"delta_2": 1.2}, "1.2"),
    "not a flag": ({"complete_information": "yes"}, "complete_information"),
    "rounds": ({"max_rounds": 1.5}, "1.5"),
    "too big": ({"money_to_divide": 10**400}, "money_to_divide"),
}


@pytest.mark.parametrize("name", BAD_ARGS)
def test_a_bad_parameter_is_named(tmp_path: Path, name: str) -> None:
    changed, value = BAD_ARGS[name]
    file = make(tmp_path, "bargaining", "Alice", **changed) / "config.json"
    assert_one_sentence(tmp_path, str(file), value)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"", "empty"),
        (b"{'game_type': 1}", "JSON"),
        (b"[]", "game_type"),
        (b'{"game_type": "chess"}', "chess"),
        (b'{"game_type": "\xe9"}', "UTF-8"),
        (b"[" * 100_000, "JSON"),
        (b'{"game_type": "bargaining", "player_1_type": "otree"}', "player_1_args"),
        (None, "config.json"),
    ],
)
def test_a_bad_config_is_named(tmp_path: Path, raw: bytes | None, value: str) -> None:
    file = make(tmp_path, "bargaining", "Alice") / "config.json"
    file.unlink()
    if raw is not None:
        file.write_bytes(raw)
    assert_one_sentence(tmp_path, str(file), value, "fresh copy of GLEE")


def test_a_wrong_folder_says_which_one_is_right(tmp_path: Path) -> None:
    assert_one_sentence(tmp_path / "nowhere", "nowhere", "check the path")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    assert_one_sentence(tmp_path, str(tmp_path), "human_vs_llm")
    assert_one_sentence(tmp_path / "model" / "config.json", "human_vs_llm")
    for copy in ("one", "two"):
        make(tmp_path / copy, "bargaining", "Alice")
    assert_one_sentence(tmp_path, "2 folders", str(tmp_path / "one"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("family", "chess"),
        ("human", "Carol"),
        ("events", None),
        ("events", [1]),
        ("params", None),
        ("delta", 0.9),
        ("events", [{"player": "Alice", "round": 1, "decision": "maybe"}]),
    ],
)
def test_a_bad_record_names_the_game(key: str, value: Any) -> None:
    record = {
        "game": "G7",
        "family": "bargaining",
        "human": "Alice",
        "params": ARGS["bargaining"],
        "delta": [None, None],
        "events": [],
    }
    assert from_numeric(record, "glee") == []
    with pytest.raises(UserError, match="G7"):
        from_numeric(record | {key: value}, "glee")


def assert_one_sentence(path: Path, *parts: str) -> None:
    with pytest.raises(UserError) as caught:
        imported(path)
    text = str(caught.value)
    assert all(part in text for part in parts), text
    assert "\n" not in text and text.endswith("."), text


def test_the_card_claims_no_licence() -> None:
    assert CARD.name == "glee" and CARD.licence == "not stated" and not CARD.embedded
