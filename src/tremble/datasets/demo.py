"""The embedded data: real people's choices, small enough to travel with the package.

Four files in `embedded/` hold numbers only, in this project's own compact form, each with its
source in `SOURCES` and in NOTICE; `scripts/embed_figures.py` wrote them. One row is one play,
one view of a game, one problem or one game of GLEE:

- `repeated.csv` participant, game, then a character per round: `chosen` and `other` (1 the
  target, 0 the other option, ? where choice and points contradict each other), and `points`;
- `one_shot.csv` study, game, player, `own` and `other` payoffs (own options separated by ;, the
  other's by spaces), `rates` per own option as printed, `n` (empty where not printed);
- `lotteries.csv` problem, gambles `a` and `b` as probability:payoff, n people, choices each
  (`trials`), `rate_b` and `sd_b`, its standard deviation between people;
- `glee.jsonl` a game of GLEE without free text: see `glee_record`.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from tremble.datasets import akata2025, glee
from tremble.datasets.base import Card, Notes, Part
from tremble.datasets.rated_lottery import rated_lottery
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.games import one_shot_matrix

NAME = "demo"
Row = Mapping[str, str]

SOURCES = {
    "repeated_matrix": akata2025.CITATION,
    "stahlwilson1994": "D. O. Stahl, P. W. Wilson (1994). Experimental evidence on players' "
    "models of other players. Journal of Economic Behavior & Organization 25.",
    "stahlwilson1995": "D. O. Stahl, P. W. Wilson (1995). On players' models of other players: "
    "theory and experimental evidence. Games and Economic Behavior 10.",
    "haruvystahl1998": "E. Haruvy, D. O. Stahl (1998). An empirical model of equilibrium "
    "selection in symmetric normal-form games. Working paper, University of Texas.",
    "haruvyetal2001": "E. Haruvy, D. O. Stahl, P. W. Wilson (2001). Modeling and testing for "
    "heterogeneity in observed strategic behavior. Review of Economics and Statistics 83.",
    "rydvalortmann2005": "O. Rydval, A. Ortmann (2005). Loss avoidance as selection principle: "
    "evidence from simple stag-hunt games. Economics Letters 88.",
    "haruvystahl2007": "E. Haruvy, D. O. Stahl (2007). Equilibrium selection and bounded "
    "rationality in symmetric normal-form games. Journal of Economic Behavior & Organization 62.",
    "stahlharuvy2008": "D. O. Stahl, E. Haruvy (2008). Level-n bounded rationality and dominated "
    "strategies in normal-form games. Journal of Economic Behavior & Organization 66.",
    "rogersetal2009": "B. W. Rogers, T. R. Palfrey, C. F. Camerer (2009). Heterogeneous quantal "
    "response equilibrium and cognitive hierarchies. Journal of Economic Theory 144.",
    "lottery": "J. C. Peterson, D. D. Bourgin, M. Agrawal, D. Reichman, T. L. Griffiths (2021). "
    "Using large-scale experiments and machine learning to discover theories of human "
    "decision-making. Science 372.",
    "glee": glee.CARD.citation,
}

CARD = Card(
    name=NAME,
    title="Embedded data: seven families of real people's decisions",
    citation=" ".join(SOURCES.values()),
    licence="repeated matrix games: MIT; the others: not stated (figures only, no text)",
    size=(
        "1,200 choices in repeated matrix games (60 people), 121 views of 117 one-shot games, "
        "400 lotteries, and in GLEE 24 choices in bargaining, 6 in negotiation, 60 by buyers and "
        "100 by sellers in persuasion"
    ),
    one_decision=(
        "one person's choice in a repeated game or in GLEE; the choice rates of one view of a "
        "one-shot game; the choice rate of one lottery problem"
    ),
    files="none: the data come with the package",
    notes=(
        "GLEE: human buyers said yes 60 of 60 times, so r is undefined for them, and negotiation "
        "has six decisions, too few for any r.",
        "Three rows of the repeated games contradict the payoffs: there, the other player's move "
        "is unknown.",
        "One-shot games: the source does not give n for five views; the rates of two games of "
        "Haruvy et al. "
        "(2001) add up to .983 and 1.091 as printed, and are not rescaled.",
        "Lotteries: the probabilities of 13 gambles add up to 1 only within 4e-6, as printed; "
        "five choices per person, without feedback.",
    ),
    embedded=True,
    parts=(
        Part("repeated games", akata2025.CARD.public_since, akata2025.CARD.public_note),
        Part("one-shot games", "1994", "printed in papers of 1994 to 2009"),
        Part(
            "lotteries",
            "2019",
            "first described in 2019 (Bourgin et al., ICML); published in Science in June 2021",
        ),
        Part("GLEE", glee.CARD.public_since, glee.CARD.public_note),
    ),
)

UNKNOWN = "?"


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """All embedded decisions, in a fixed order: the four files, each from its top.

    `path` is ignored. What is odd in the sources is said in `notes.odd`.
    """
    yield from repeated(rows_of("repeated.csv"), notes)
    yield from one_shot(rows_of("one_shot.csv"), notes)
    yield from lotteries(rows_of("lotteries.csv"), notes)
    yield from glee_games(map(json.loads, _text("glee.jsonl").splitlines()))


def sample(
    decisions: Iterable[Decision], per_family: Mapping[str, int], seed: int
) -> list[Decision]:
    """A random subset of whole clusters, in the order of `decisions`.

    A cluster is everything of one participant, else one game, else one problem. Per family,
    clusters are drawn until at least `per_family` decisions are in (or all of them are); a family
    not named gives none. A family's draw depends on `seed` and on its own decisions alone, and a
    smaller sample is part of a larger one. Raises UserError for a family without decisions and for
    a negative size.
    """
    given = list(decisions)
    clusters: dict[str, dict[tuple[str, str], list[str]]] = {}
    for decision in given:
        key = (decision.participant or "", "" if decision.participant else decision.cluster)
        clusters.setdefault(decision.family, {}).setdefault(key, []).append(decision.id)
    drawn: set[str] = set()
    for family, size in per_family.items():
        if family not in clusters:
            raise UserError(
                f"There are no decisions of the family {family!r} to sample; the data have "
                f"{', '.join(sorted(clusters)) or 'none'}."
            )
        if size < 0:
            raise UserError(f"Cannot sample {size} decisions of {family!r}; ask for 0 or more.")
        order = sorted(clusters[family])
        random.Random(f"{seed}/{family}").shuffle(order)
        taken: list[str] = []
        for key in order:
            if len(taken) >= size:
                break
            taken += clusters[family][key]
        drawn.update(taken)
    return [decision for decision in given if decision.id in drawn]


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of one embedded CSV file, every cell as text."""
    return list(csv.DictReader(_text(name).splitlines()))


def _text(name: str) -> str:
    return files("tremble.datasets").joinpath("embedded", name).read_text(encoding="utf-8")


def repeated(rows: Iterable[Row], notes: Notes) -> Iterator[Decision]:
    """The decisions of plays of ten rounds, one per row."""
    for row in rows:
        game = row["game"]
        keys = {"1": akata2025.OPTIONS[game][0].key, "0": akata2025.OPTIONS[game][1].key}
        moves = [
            akata2025.Move(keys[own], int(points), None if other == UNKNOWN else keys[other])
            for own, other, points in zip(
                row["chosen"], row["other"], row["points"].split(), strict=True
            )
        ]
        person = row["participant"]
        id_ = f"{NAME}/repeated_matrix/{person}/{game}"
        decisions = akata2025.play(NAME, id_, person, game, moves, {"study": "akata2025"})
        for decision, move in zip(decisions, moves, strict=True):
            if move.other is None:
                notes.odd.append(akata2025.odd_move(decision, move))
            yield decision


def one_shot(rows: Iterable[Row], notes: Notes) -> Iterator[Decision]:
    """The problems of one-shot games, one view of a game per row.

    Rates are kept as printed; a sum that rounding to two decimals cannot explain is said in
    `notes.odd`, and so is an n that was not printed.
    """
    games: dict[str, dict[str, Decision]] = {}
    for row in rows:
        id_ = f"{NAME}/one_shot_matrix/{row['study']}/{row['game']}"
        games.setdefault(id_, {})[row["player"]] = _one_shot_view(row, id_, notes)
    for id_, views in games.items():
        yield from one_shot_matrix.in_one_game(id_, views)


def _one_shot_view(row: Row, game: str, notes: Notes) -> Decision:
    own, other = _matrix(row["own"]), _matrix(row["other"])
    rates = [float(rate) for rate in row["rates"].split()]
    options = one_shot_matrix.options(len(own))
    id_ = f"{game}/{row['player']}"
    total = sum(rates)
    if abs(total - 1) > 0.005 * len(rates) + 1e-9:
        notes.odd.append(f"{id_}: the rates add up to {total:.3f} as printed; not rescaled.")
    if not row["n"]:
        notes.odd.append(f"{id_}: the number of people is not reported.")
    return Decision(
        id=id_,
        dataset=NAME,
        family="one_shot_matrix",
        options=options,
        target=options[0].key if len(options) == 2 else None,
        rates={option.key: rate for option, rate in zip(options, rates, strict=True)},
        n=int(row["n"]) if row["n"] else None,
        rules={"own_payoffs": own, "other_payoffs": other},
        config={
            "study": row["study"],
            "game": row["game"],
            "player": row["player"],
            "size": f"{len(own)}x{len(own[0])}",
        },
    )


def lotteries(rows: Iterable[Row], notes: Notes) -> Iterator[Decision]:
    """The problems of choices between two gambles, one per row; the target is gamble b."""
    for row in rows:
        gambles = {f"gamble_{key}": _gamble(row[key]) for key in ("a", "b")}
        id_ = f"{NAME}/lottery/{row['problem']}"
        for name, gamble in gambles.items():
            total = sum(chance for chance, _ in gamble)
            if abs(total - 1) > 1e-9:
                notes.odd.append(f"{id_}: the probabilities of {name} add up to {total:.6f}.")
        yield rated_lottery(
            id_,
            NAME,
            float(row["rate_b"]),
            n=int(row["n"]),
            rate_sd=float(row["sd_b"]),
            choices_each=int(row["trials"]),
            rules=gambles,
            config={"study": "peterson2021", "trials": int(row["trials"])},
        )


def glee_games(records: Iterable[Mapping[str, Any]]) -> Iterator[Decision]:
    """The decisions of games of GLEE, one compact record per game, ids under `demo/`."""
    for record in records:
        decisions = glee.from_numeric(glee_record(record), NAME)
        if not decisions or decisions[0].game is None:
            continue
        game = replace(decisions[0].game, id=f"{NAME}/{decisions[0].family}/{record['game']}")
        for decision in decisions:
            yield replace(decision, id=f"{game.id}/r{decision.round}", game=game)


def glee_record(compact: Mapping[str, Any]) -> dict[str, Any]:
    """A compact game in the form that `glee.from_numeric` reads.

    In place of `events` it has `rounds`. Bargaining and negotiation: [Alice's amount, Bob's,
    answer] or [price, answer] per round, Alice offering in odd rounds. Persuasion: three letters
    per round, the quality (h or l), Alice's recommendation and Bob's purchase (y or n); `worth`
    holds what low and high quality are worth to the buyer.
    """
    events: list[dict[str, Any]] = []
    if compact["family"] == "persuasion":
        says = {"y": "yes", "n": "no"}
        low, high = compact["worth"]
        for number, (quality, advice, answer) in enumerate(compact["rounds"].split(), start=1):
            drawn = (
                {"round_quality": "high-quality", "product_worth": high}
                if quality == "h"
                else {"round_quality": "low-quality", "product_worth": low}
            )
            events += [
                {**drawn, "player": "Nature", "round": number},
                {"player": "Alice", "round": number, "decision": says[advice]},
                {"player": "Bob", "round": number, "decision": says[answer]},
            ]
    else:
        names = (
            ("alice_gain", "bob_gain") if compact["family"] == "bargaining" else ("product_price",)
        )
        for number, (*amounts, answer) in enumerate(compact["rounds"], start=1):
            offers, answers = ("Alice", "Bob") if number % 2 else ("Bob", "Alice")
            offer = dict(zip(names, amounts, strict=True))
            events += [
                {**offer, "player": offers, "round": number},
                {"player": answers, "round": number, "decision": answer},
            ]
    record = {key: compact[key] for key in ("game", "family", "human", "params", "delta")}
    return {**record, "events": events}


def _matrix(text: str) -> list[list[float]]:
    return [[float(cell) for cell in row.split()] for row in text.split(";")]


def _gamble(text: str) -> list[list[float]]:
    return [[float(part) for part in outcome.split(":")] for outcome in text.split()]
