"""GLEE: people against language models in three games of words and money.

A game keeps apart what the person was told (`rules`) and the parameters of the experiment
(`config`, for breakdowns): the other side's value or discount factor under incomplete
information and a number of rounds that nobody announced are in `config` only. Events carry
`seen` where somebody learnt of them late: a buyer learns a product's quality by deciding on it.
Every event holds its `round`; those of the decision's own round are what is on the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tremble.datasets.base import Card, Notes
from tremble.datasets.glee_rows import (
    FAMILIES,
    PLAYERS,
    Row,
    find_games,
    read_config,
    read_rows,
    row_of,
    section,
    settings_of,
)
from tremble.decisions.record import Decision, Event, Game, Option
from tremble.errors import UserError

CARD = Card(
    name="glee",
    title="GLEE: people against language models in bargaining, negotiation and persuasion",
    citation=(
        "E. Shapira, O. Madmon, I. Reinman, S. J. Amouyal, R. Reichart, M. Tennenholtz (2024). "
        "GLEE: A Unified Framework and Benchmark for Language-based Economic Environments. "
        "arXiv:2410.05254."
    ),
    licence="not stated",
    size=(
        "1,788 decisions in bargaining, 1,182 in negotiation and 3,180 by buyers in persuasion in "
        "Shapira et al. (2026)"
    ),
    one_decision=(
        "a person's answer to one offer (accept or reject; in negotiation also a deal with "
        "John), to one product (buy or not), or a human seller's recommendation of one product"
    ),
    files="human_vs_llm/<family>/x/y/z/<GAME>/config.json and game.csv; or any folder above them",
    notes=(
        "The source does not identify people, so participant is null and games are the clusters.",
        "Decisions of human sellers who write free text cannot be scored; those games are counted.",
        "People played against language models, whom they knew as Alice or Bob.",
        "If neither side has inflation, people read nothing about it. With incomplete information "
        "the prompt states the participant's loss even then (0%), because leaving it out would "
        "reveal the other side's; the 179 games published with GLEE's sample have no such case.",
    ),
    manual=(
        "take the folder human_vs_llm from the data of https://github.com/eilamshapira/GLEE (a "
        "folder of many small files: clone the repository, or follow the link in its README)"
    ),
    public_since="2024-10",
    public_note="the month of the preprint's first version, arXiv:2410.05254",
)

TOLD_UP_TO = 20  # rounds; GLEE announces a longer horizon to nobody

OPTIONS = {
    "bargaining": (Option("accept", "accept"), Option("reject", "reject")),
    "negotiation": (
        Option("AcceptOffer", "AcceptOffer"),
        Option("RejectOffer", "RejectOffer"),
        Option("DealWithJohn", "DealWithJohn"),
    ),
    "persuasion": (Option("yes", "yes"), Option("no", "no")),
    "persuasion_seller": (Option("yes", "yes"), Option("no", "no")),
}

_DECIDING = {  # the row that is scored, and the row that must stand before it
    "persuasion": ("decision", "recommendation"),
    "persuasion_seller": ("recommendation", "quality"),
}


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The decisions of every game at `path`, game by game, sorted by family and game.

    `path` is GLEE's `human_vs_llm`, any folder above it, or a part of it. Games without a scored
    decision are counted in `notes.dropped`. Raises UserError for files that are not GLEE's.
    """
    for folder in find_games(path):
        file = folder / "config.json"
        config = read_config(file)
        family = config["game_type"]
        people = [
            name
            for name, n in zip(PLAYERS, (1, 2), strict=True)
            if config.get(f"player_{n}_type") == "otree"
        ]
        if len(people) != 1:
            notes.dropped[f"games with {len(people)} people (GLEE games have one)"] += 1
            continue
        deltas = [section(config, f"player_{n}_args", str(file)).get("delta") for n in (1, 2)]
        settings = settings_of(family, section(config, "game_args", str(file)), deltas, str(file))
        table = folder / "game.csv"
        rows = read_rows(table, family, settings)
        play = Play(folder.name, family, people[0], settings, rows)
        decisions = build(play, where=str(table))
        if not decisions:
            reason = unscored(family, people[0], settings)
            notes.dropped[reason or "games that ended before the person had to decide"] += 1
        yield from decisions


def from_numeric(record: Mapping[str, Any], dataset: str) -> list[Decision]:
    """The decisions of one game without free text, given as one JSON object.

    It holds `game`, `family`, `human` (Alice or Bob), `params`, `delta` (of both players, null
    where `params` has them) and `events`, rows under the names of the CSV's columns.
    Raises UserError naming the game when something is missing or makes no sense.
    """
    where = f"GLEE game {record.get('game')}"
    family, human = record.get("family"), record.get("human")
    if family not in FAMILIES or human not in PLAYERS:
        raise UserError(
            f"{where}: family {family!r} with human {human!r}, but GLEE has "
            f"{', '.join(FAMILIES)} and {' or '.join(PLAYERS)}; correct the record."
        )
    deltas, events = record.get("delta", [None, None]), record.get("events")
    if not isinstance(deltas, list) or len(deltas) != 2:
        raise UserError(f"{where}: delta is {deltas!r}, not a list of two; correct the record.")
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise UserError(f"{where}: events must be a list of objects; correct the record.")
    settings = settings_of(family, section(record, "params", where), deltas, where)
    rows = [
        row_of(event, family, settings, f"{where}, event {n}") for n, event in enumerate(events, 1)
    ]
    return build(Play(str(record.get("game")), family, human, settings, rows), dataset, where)


def unscored(family: str, human: str, settings: Mapping[str, Any]) -> str | None:
    """Why no decision of this game is scored, or None where they are."""
    if family != "persuasion":
        return None
    if human == "Alice" and settings["seller_message_type"] == "text":
        return "games of human sellers who write free text"
    if settings["allow_buyer_message"]:
        return "games in which the buyer may write back, which tremble has no prompts for"
    if human == "Bob" and settings["is_myopic"]:
        return "games of short-lived human buyers, which tremble has no prompts for"
    return None


class Play(NamedTuple):
    """One game as the source has it.

    `family` is one of GLEE's three, `human` the person's side; `settings` come from `settings_of`
    and `rows` from `row_of` or `read_rows`.
    """

    id: str
    family: str
    human: str
    settings: Mapping[str, Any]
    rows: Sequence[Row]


def build(play: Play, dataset: str = "glee", where: str | None = None) -> list[Decision]:
    """One game as decisions, in order; none where `unscored` has a reason.

    `where` names the game in errors. Raises UserError when the person decides twice in a round,
    or on nothing.
    """
    id_, family, human, settings, rows = play
    where = where or f"GLEE game {id_}"
    if unscored(family, human, settings):
        return []
    name = "persuasion_seller" if (family, human) == ("persuasion", "Alice") else family
    game = Game(
        id=f"glee/{name}/{id_}",
        dataset=dataset,
        family=name,
        rules=_rules(name, human, settings),
        events=tuple(_event(rows, index, name) for index in range(len(rows))),
        config=_config(family, settings),
    )
    deciding, on = _DECIDING.get(name, ("decision", "offer"))
    decisions: list[Decision] = []
    decided: set[int] = set()
    for at, row in enumerate(rows):
        if row.kind != deciding or row.player != human:
            continue
        before = rows[at - 1] if at else None
        known = before is not None and (before.kind, before.round) == (on, row.round)
        if row.round in decided or not known or (before and before.player == human):
            what = "twice" if row.round in decided else "on nothing"
            raise UserError(
                f"{where}: {human} decides {what} in round {row.round}; restore the game from a "
                "fresh copy of GLEE."
            )
        decided.add(row.round)
        decisions.append(
            Decision(
                id=f"{game.id}/r{row.round}",
                dataset=dataset,
                family=name,
                options=OPTIONS[name],
                target=OPTIONS[name][0].key,
                choice=row.choice,
                game=game,
                at=at,
                round=row.round,
                role=human,
                config=_asymmetry(settings) if family == "negotiation" else {},
            )
        )
    return decisions


def _event(rows: Sequence[Row], index: int, family: str) -> Event:
    row = rows[index]
    data: dict[str, Any] = {"round": row.round}
    if row.kind == "quality":
        data["quality"] = row.quality
        if family == "persuasion":  # a human seller is never shown worths round by round
            data["worth"] = row.worth
        seen = {"Alice": index + 1}
        for later in range(index + 1, len(rows)):
            if (rows[later].kind, rows[later].round) == ("decision", row.round):
                seen["Bob"] = later + 1
        return Event(row.kind, data, seen)
    data["player"] = row.player
    if row.gains is not None:
        data["gains"] = dict(zip(PLAYERS, row.gains, strict=True))
    if row.price is not None:
        data["price"] = row.price
    if row.message is not None:
        data["message"] = row.message
    if row.choice is not None:
        data |= {"choice": row.choice, "raw": row.raw}
    return Event(row.kind, data)


def _rules(family: str, human: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What this person was told, in numbers; None where something was kept from them."""
    first = human == "Alice"
    if family in ("persuasion", "persuasion_seller"):
        buyer, price = family == "persuasion", settings["product_price"]
        knows_worths = buyer or settings["is_seller_know_cv"]
        return {
            "price": price,
            "p": settings["p"] if settings["is_buyer_know_p"] or not buyer else None,
            "worth_high": settings["v"] * price if knows_worths else None,
            "worth_low": settings["c"] * price if knows_worths else None,
            "seller_knows_worths": settings["is_seller_know_cv"],
            "buyer_knows_p": settings["is_buyer_know_p"],
            "messages": settings["seller_message_type"],
            "rounds": settings["total_rounds"],
            "myopic": settings["is_myopic"],
        }
    complete, rounds = settings["complete_information"], settings["max_rounds"]
    announced = {
        "complete_information": complete,
        "messages": settings["messages_allowed"],
        "rounds": rounds if rounds <= TOLD_UP_TO else None,
    }
    if family == "bargaining":
        own, other = ("delta_1", "delta_2") if first else ("delta_2", "delta_1")
        return {
            "money": settings["money_to_divide"],
            "delta": settings[own],
            "other_delta": settings[other] if complete else None,
            **announced,
        }
    own, other = ("seller_value", "buyer_value") if first else ("buyer_value", "seller_value")
    scale = settings["product_price_order"]
    return {
        "value": settings[own] * scale,
        "other_value": settings[other] * scale if complete else None,
        **announced,
    }


def _config(family: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The six parameters that Shapira et al. (2026) break a family down by, as named there."""
    if family == "persuasion":
        return {
            "Quality prob. p": f"{round(settings['p'], 2):g}",
            "Value v": str(settings["v"]),
            "Seller knowledge": "Knows" if settings["is_seller_know_cv"] else "Uninformed",
            "Buyer myopic": "Yes" if settings["is_myopic"] else "No",
            "Message type": settings["seller_message_type"].capitalize(),
            "Price": _stakes(settings["product_price"]),
        }
    shared = {
        "Information": "Complete" if settings["complete_information"] else "Incomplete",
        "Messages": "Allowed" if settings["messages_allowed"] else "Not allowed",
    }
    rounds = settings["max_rounds"]
    if family == "bargaining":
        return {
            "Stakes": _stakes(settings["money_to_divide"]),
            **shared,
            "Discount delta1": str(settings["delta_1"]),
            "Discount delta2": str(settings["delta_2"]),
            "Max rounds": str(rounds) if rounds <= TOLD_UP_TO else "infinite",
        }
    return {
        "Price": _stakes(settings["product_price_order"]),
        **shared,
        "Max rounds": str(rounds),
        "Buyer value": str(settings["buyer_value"]),
        "Seller value": str(settings["seller_value"]),
    }


def _asymmetry(settings: Mapping[str, Any]) -> dict[str, str]:
    """Their seventh cut of negotiation, which follows from two of the six."""
    buyer, seller = settings["buyer_value"], settings["seller_value"]
    which = "Equal" if buyer == seller else "Buyer > Seller" if buyer > seller else "Seller > Buyer"
    return {"Value asymmetry": which}


def _stakes(value: float) -> str:
    """$100, $10K, $1M: an amount as Shapira et al. (2026) write it."""
    for size, letter in ((1e6, "M"), (1e3, "K")):
        if value >= size and value % size == 0:
            return f"${value / size:g}{letter}"
    return f"${value:g}"
