"""Raw GLEE games for the tests: made up, or those of the source named by TREMBLE_DATA."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tremble.datasets.base import Notes, source
from tremble.decisions.record import Decision
from tremble.prompts.conversation import NotApplicable
from tremble.prompts.formulations import FORMULATIONS, standard

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(
    not DATA, reason="TREMBLE_DATA is not set: GLEE's source files are not at hand"
)
Cells = dict[str, str]

ARGS: dict[str, dict[str, Any]] = {
    "bargaining": {
        "money_to_divide": 10000,
        "max_rounds": 12,
        "complete_information": True,
        "messages_allowed": True,
        "delta_1": 0.9,
        "delta_2": 0.8,
    },
    "negotiation": {
        "seller_value": 0.8,
        "buyer_value": 1.5,
        "product_price_order": 100,
        "max_rounds": 10,
        "messages_allowed": True,
        "complete_information": True,
    },
    "persuasion": {
        "p": 0.333333333,
        "v": 4.0,
        "c": 0.25,
        "product_price": 100,
        "is_seller_know_cv": True,
        "seller_message_type": "binary",
        "is_myopic": False,
        "total_rounds": 20,
        "is_buyer_know_p": True,
        "allow_buyer_message": False,
    },
}
TABLE = {  # two rounds each, the raw text of a game.csv but for its line ends
    "bargaining": """alice_gain,bob_gain,message,player,round,decision
6000.0,4000.0,none,Alice,1,None
,,None,Bob,1,reject
4500.0,5500.0,"two lines:
{""so"": 'fair'}",Bob,2,None
,,None,Alice,2,accept
""",
    "negotiation": """message,product_price,player,round,decision
take it,120.0,Alice,1,
,,Bob,1,RejectOffer
none,85.5,Bob,2,
,,Alice,2,SellToJhon
""",
    "persuasion": """round_quality,product_worth,player,round,message,decision
high-quality,400.0,Nature,1,,
,,Alice,1,,no
,,Bob,1,,no
low-quality,25.0,Nature,2,,
,,Alice,2,,yes
,,Bob,2,,yes
""",
}


def make(
    root: Path,
    family: str,
    human: str,
    table: str | bytes | None = None,
    deltas: tuple[float, float] | None = None,
    **changed: Any,
) -> Path:
    """A made-up game under `root`/human_vs_llm; returns its folder. None takes an argument out."""
    folder = root / "human_vs_llm" / family / "A" / "B" / "C" / "ABC0000000000001"
    folder.mkdir(parents=True, exist_ok=True)
    args = {k: v for k, v in {**ARGS[family], **changed}.items() if v is not None}
    config: dict[str, Any] = {"game_type": family, "game_args": args, "participation_fee": 0.1}
    for n, name in enumerate(("Alice", "Bob"), 1):
        config[f"player_{n}_type"] = "otree" if name == human else "otree_LLM"
        config[f"player_{n}_args"] = {"public_name": name}
        if deltas:
            config[f"player_{n}_args"]["delta"] = deltas[n - 1]
    (folder / "config.json").write_text(json.dumps(config))
    text = TABLE[family] if table is None else table
    raw = text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode()
    (folder / "game.csv").write_bytes(raw)
    return folder


def imported(path: Path) -> list[Decision]:
    return list(source("glee").decisions(path, Notes()))


def prompts(path: Path) -> dict[str, str]:
    return {decision.id: standard(decision).plain() for decision in imported(path)}


def worded(path: Path) -> Iterator[dict[str, str]]:
    """Of each decision the text in every wording that fits, made when it is asked for."""
    for decision in imported(path):
        found = {}
        for name, words in FORMULATIONS.items():
            with suppress(NotApplicable):
                found[name] = words(decision, 0).plain()
        yield found


def source_games() -> list[Path]:
    """The folders of the sample's games."""
    return sorted(file.parent for file in Path(DATA or "").glob("glee/human_vs_llm/*/*/*/*/*/c*"))


def read(folder: Path) -> tuple[dict[str, Any], list[Cells]]:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    text = (folder / "game.csv").read_bytes().decode("utf-8")
    return config, list(csv.DictReader(io.StringIO(text, newline="")))


def write(root: Path, folder: Path, config: dict[str, Any], cells: list[Cells]) -> Path:
    """The game as it would lie under `root`, in place of the one that lies there; its folder."""
    target = root.joinpath("human_vs_llm", *folder.parts[-5:])
    target.mkdir(parents=True, exist_ok=True)
    (target / "config.json").write_text(json.dumps(config), encoding="utf-8")
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(cells[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(cells)
    (target / "game.csv").write_bytes(out.getvalue().encode("utf-8"))
    return target


def person(config: dict[str, Any]) -> str:
    return "Alice" if config["player_1_type"] == "otree" else "Bob"


DECIDING = {"accept", "reject", "yes", "no", "AcceptOffer", "RejectOffer"} | {
    "SellToJhon",
    "BuyFromJhon",
}


def decided(config: dict[str, Any], cells: list[Cells]) -> list[int]:
    """Where, in the raw table, the person's scored decisions stand."""
    human = person(config)
    return [
        n for n, row in enumerate(cells) if row["player"] == human and row["decision"] in DECIDING
    ]


def other_word(row: Cells, family: str) -> str:
    """Another decision the same player could have taken."""
    if family == "bargaining":
        return "reject" if row["decision"] == "accept" else "accept"
    if family == "persuasion":
        return "no" if row["decision"] == "yes" else "yes"
    return "RejectOffer" if row["decision"] == "AcceptOffer" else "AcceptOffer"


def changed_row(row: Cells, family: str, config: dict[str, Any]) -> Cells:
    """The row with everything in it replaced that its kind of row can hold."""
    new = dict(row)
    if row["decision"] in DECIDING:
        new["decision"] = other_word(row, family)
    if row["message"] not in ("", "None", "nan"):
        new["message"] = "something else entirely"
    if row.get("alice_gain"):
        new["alice_gain"], new["bob_gain"] = "37.0", "41.0"
    if row.get("product_price"):
        new["product_price"] = "37.25"
    if row["player"] == "Nature":
        args, high = config["game_args"], row["round_quality"] == "low-quality"
        new["round_quality"] = "high-quality" if high else "low-quality"
        new["product_worth"] = str(args["product_price"] * args["v" if high else "c"])
    return new


UNTOLD = 20  # from 21 rounds on nobody is told how many there are


_NO = {"bargaining": "reject", "negotiation": "RejectOffer", "persuasion": "no"}


def settled(config: dict[str, Any], cells: list[Cells], at: int) -> list[Cells]:
    """The game with the decision at `at` and everything after it changed, and a row more."""
    family = config["game_type"]
    later = [changed_row(row, family, config) for row in cells[at:]]
    rival = "Alice" if person(config) == "Bob" else "Bob"
    extra = {"player": rival, "round": "98", "decision": _NO[family]}
    return [*cells[:at], *later, {**dict.fromkeys(cells[0], ""), **extra}]


def hidden(config: dict[str, Any]) -> dict[str, Any]:
    """The config with everything replaced that this person was not told."""
    human, args = person(config), dict(config["game_args"])
    new = config | {"participation_fee": 77.7, "name": "zz", "title": "zz", "description": "zz"}
    new |= {"qualification_id": "zz", "qualification_base": "zz", "commit": "zz", "game_args": args}
    rival = {"Alice": 2, "Bob": 1}[human]
    players = {n: dict(config[f"player_{n}_args"], model_name="zz") for n in (1, 2)}
    if args.get("max_rounds", 0) > UNTOLD:
        args["max_rounds"] = 57
    if args.get("complete_information") is False:
        if config["game_type"] == "negotiation":
            args["buyer_value" if rival == 2 else "seller_value"] = 1.37
        elif "delta_1" in args:
            args[f"delta_{rival}"] = 0.77
        else:
            players[rival]["delta"] = 0.77
    if human == "Alice" and args.get("is_seller_know_cv") is False:
        args |= {"v": 7.7, "c": 0.3}
    return new | {f"player_{n}_args": players[n] for n in (1, 2)}
