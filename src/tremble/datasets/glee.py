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

from tremble.datasets.base import Card, Notes, Setting
from tremble.datasets.glee_rows import (
    FAMILIES,
    MODELS_ROOT,
    PLAYERS,
    ROOT,
    Row,
    find_games,
    read_config,
    read_rows,
    row_of,
    section,
    settings_of,
)
from tremble.datasets.glee_sides import (
    BOTH,
    PEOPLE,
    SIDES,
    Seat,
    agents_of,
    offers_of,
    people_of,
    seats_of,
)
from tremble.datasets.glee_told import asymmetry, config_of, rules_for, rules_for_both
from tremble.decisions.record import Decision, Event, Game, Offer, Option
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
        "With sides=models or sides=both the other side decides as well, and offers in bargaining "
        "(the proposer's own part, from 0 to the money) and negotiation (the price, from 0 to "
        "twice the scale of the values) are read, in dollars. The model that played against "
        "people is one agent, otree_LLM, which the files do not name. In llm_vs_llm agents have "
        "the source's names; their base is that name without provider and version. What models "
        "read is not in these files: prompts have the words of people's. A persuasion game is two "
        "records, one for each side's family.",
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
    options=(
        Setting(
            "sides",
            SIDES,
            "whose decisions are read; with models or both also offers, and games of models "
            "against models (llm_vs_llm)",
        ),
    ),
)

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


def load(path: Path, notes: Notes) -> Iterator[Decision | Offer]:
    """The decisions of every game at `path`, game by game, sorted by family and game.

    `path` is GLEE's `human_vs_llm`, any folder above it, or a part of it. Where models are asked
    for (`CARD.options`), `llm_vs_llm` is read as well, and the sides' offers come along. Games
    without any of these are counted in `notes.dropped`. Raises UserError for files that are not
    GLEE's.
    """
    sides = notes.options.get("sides", PEOPLE)
    for folder in find_games(path, (ROOT,) if sides == PEOPLE else (ROOT, MODELS_ROOT)):
        file, table = folder / "config.json", folder / "game.csv"
        config = read_config(file)
        family = config["game_type"]
        people = people_of(config)
        if sides == PEOPLE and len(people) != 1:
            notes.dropped[f"games with {len(people)} people (GLEE games have one)"] += 1
            continue
        deltas = [section(config, f"player_{n}_args", str(file)).get("delta") for n in (1, 2)]
        settings = settings_of(family, section(config, "game_args", str(file)), deltas, str(file))
        rows = read_rows(table, family, settings)
        if sides != PEOPLE:
            seats = seats_of(config, str(file))
            chosen = [seat for seat in seats if sides in (seat.side, BOTH)]
            sitting = Sitting(folder.name, family, settings, rows, seats, chosen, str(table))
            yield from build_sides(sitting, notes)
            continue
        decisions = build(Play(folder.name, family, people[0], settings, rows), where=str(table))
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
    name = _name(family, human)
    game = Game(
        id=f"glee/{name}/{id_}",
        dataset=dataset,
        family=name,
        rules=rules_for(name, human, settings),
        events=tuple(_event(rows, index, name) for index in range(len(rows))),
        config=config_of(family, settings),
    )
    config = asymmetry(settings) if family == "negotiation" else {}
    return _decided(game, rows, Seat(human, None), config, where)


class Sitting(NamedTuple):
    """One game with all who sat in it: as `Play`, with both `seats`, those whose decisions are
    wanted (`chosen`), and what errors call it."""

    id: str
    family: str
    settings: Mapping[str, Any]
    rows: Sequence[Row]
    seats: Sequence[Seat]
    chosen: Sequence[Seat]
    where: str


def build_sides(sitting: Sitting, notes: Notes) -> list[Decision | Offer]:
    """The decisions and offers of the chosen seats of one game, in order. A persuasion game is two,
    one in the family of either side, and both say who played. Raises what `build` raises."""
    by_name: dict[str, list[Seat]] = {}
    for seat in sitting.chosen:
        reason = unscored(sitting.family, seat.role, sitting.settings)
        if reason is not None:
            notes.dropped[f"{reason.replace('human ', '')} ({seat.side})"] += 1
        else:
            by_name.setdefault(_name(sitting.family, seat.role), []).append(seat)
    played: list[Decision | Offer] = []
    for name, seats in by_name.items():
        found = _of_seats(name, seats, sitting, notes)
        if not found:
            notes.dropped["games that ended before the chosen sides had to decide"] += 1
        played += found
    return played


def _of_seats(
    name: str, seats: Sequence[Seat], sitting: Sitting, notes: Notes
) -> list[Decision | Offer]:
    _, family, settings, rows, both, *_ = sitting
    two_sided = family != "persuasion"
    game = Game(
        id=f"glee/{name}/{sitting.id}",
        dataset=CARD.name,
        family=name,
        rules=(
            rules_for_both(name, settings)
            if two_sided
            else rules_for(name, seats[0].role, settings)
        ),
        events=tuple(_event(rows, index, name) for index in range(len(rows))),
        config=config_of(family, settings),
        agents=agents_of(both),
    )
    config = asymmetry(settings) if family == "negotiation" else {}
    played: list[Decision | Offer] = []
    for seat in seats:
        played += _decided(game, rows, seat, config, sitting.where)
    if two_sided:
        played += offers_of(game, rows, seats, settings, notes.dropped)
    return sorted(played, key=lambda one: one.at)


def _name(family: str, role: str) -> str:
    """tremble's family of one side of a game: in persuasion the sides have one each."""
    return "persuasion_seller" if (family, role) == ("persuasion", "Alice") else family


def _decided(
    game: Game, rows: Sequence[Row], seat: Seat, config: Mapping[str, Any], where: str
) -> list[Decision]:
    """The decisions of one side of a game, in order. Raises UserError where it decides twice in a
    round, or on nothing."""
    deciding, on = _DECIDING.get(game.family, ("decision", "offer"))
    decisions: list[Decision] = []
    decided: set[int] = set()
    for at, row in enumerate(rows):
        if row.kind != deciding or row.player != seat.role:
            continue
        before = rows[at - 1] if at else None
        known = before is not None and (before.kind, before.round) == (on, row.round)
        if row.round in decided or not known or (before and before.player == seat.role):
            what = "twice" if row.round in decided else "on nothing"
            raise UserError(
                f"{where}: {seat.role} decides {what} in round {row.round}; restore the game from "
                "a fresh copy of GLEE."
            )
        decided.add(row.round)
        decisions.append(
            Decision(
                id=f"{game.id}/r{row.round}",
                dataset=game.dataset,
                family=game.family,
                options=OPTIONS[game.family],
                target=OPTIONS[game.family][0].key,
                choice=row.choice,
                game=game,
                at=at,
                participant=seat.agent,
                round=row.round,
                role=seat.role,
                config=config,
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
