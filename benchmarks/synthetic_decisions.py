"""Write synthetic decisions as JSON lines: a file of any size, to show that reading it streams.

    python benchmarks/synthetic_decisions.py OUT.jsonl [--decisions 1000000] [--seed 0]

Games of the repeated_matrix family, ten decisions each: the line of a game, then those of its
decisions. Two simple simulated players, so that the choices depend on the history; every person
plays one prisoner's dilemma and one battle of the sexes. About one round in a thousand lacks the
other player's move, as real records do. One game is in memory at a time. The same seed gives the
same bytes. A million decisions are about 410 MB.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROUNDS = 10
MISSING = 0.001
DATASET = "synthetic"

# Own first or second option -> other's -> points of (own, other). The first is the target:
# cooperate, and the other's favourite.
GAMES = {
    "PD": (((8, 8), (0, 10)), ((10, 0), (5, 5))),
    "BoS": (((7, 10), (0, 0)), ((0, 0), (10, 7))),
}


def records(decisions: int, seed: int) -> Iterator[dict[str, Any]]:
    """The records in file order: `decisions` decisions, and a game before every ten of them."""
    draw = random.Random(seed)
    names = list(GAMES)
    for number in range(-(-decisions // ROUNDS)):
        person, which = divmod(number, len(names))
        wanted = min(ROUNDS, decisions - number * ROUNDS)
        yield from one_game(draw, f"p{person:06d}", names[which], wanted)


def one_game(
    draw: random.Random, participant: str, name: str, wanted: int
) -> Iterator[dict[str, Any]]:
    """A game of ten rounds, then its first `wanted` decisions."""
    # Which letter stands for the target is drawn per game, as counterbalancing does.
    letters = draw.choice((("J", "F"), ("F", "J")))
    table = GAMES[name]
    payoffs = {
        letters[own]: {letters[other]: list(table[own][other]) for other in (0, 1)}
        for own in (0, 1)
    }
    events = []
    # Each player repeats the other's last move more often than not; a person has a leaning.
    leaning = draw.random()
    own_last = other_last = 0
    for _ in range(ROUNDS):
        follows = draw.random() < 0.6
        own = other_last if follows else int(draw.random() < leaning)
        other = own_last if draw.random() < 0.7 else draw.randrange(2)
        points, other_points = table[own][other]
        lost = draw.random() < MISSING
        events.append(
            {
                "type": "moves",
                "choice": letters[own],
                "other": None if lost else letters[other],
                "points": points,
                "other_points": None if lost else other_points,
            }
        )
        own_last, other_last = own, other
    game = f"{DATASET}/{participant}/{name}"
    yield {
        "schema": 1,
        "kind": "game",
        "id": game,
        "dataset": DATASET,
        "family": "repeated_matrix",
        "rules": {"rounds": ROUNDS, "payoffs": payoffs},
        "events": events,
        "person": {},
        "config": {"game": name},
    }
    for at in range(wanted):
        yield {
            "schema": 1,
            "kind": "decision",
            "id": f"{game}/r{at + 1}",
            "dataset": DATASET,
            "family": "repeated_matrix",
            "game": game,
            "at": at,
            "participant": participant,
            "round": at + 1,
            "options": [{"key": letter, "label": letter} for letter in sorted(letters)],
            "target": letters[0],
            "choice": events[at]["choice"],
        }


def main() -> None:
    parser = argparse.ArgumentParser(description="Write synthetic decisions as JSON lines.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.decisions < 1:
        parser.error(f"--decisions is {arguments.decisions}; ask for at least one.")
    if not arguments.out.parent.is_dir():
        parser.error(f"there is no folder {str(arguments.out.parent)!r}; make it first.")
    with arguments.out.open("w", encoding="utf-8") as out:
        for record in records(arguments.decisions, arguments.seed):
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
