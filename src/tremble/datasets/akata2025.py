"""Akata et al. (2025): 195 people, each playing two 2x2 games for ten rounds.

`repgames.csv` has one row per choice, in round order within a play: `action` (1 is the target)
and the person's own `score`. The other player's move is not in the file; it follows from action
and score wherever the two agree with the payoffs. One game is one play of ten rounds: what the
same person did in the other game is not part of its history.

The source does not say which letter stood for which option; here J is the option listed first
(cooperate; the other's favourite) and F the second, in the file's codes 1 and 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tremble.datasets.base import Card, Download, Notes, find_file
from tremble.datasets.csv_rows import read_rows
from tremble.decisions.files import FRESH
from tremble.decisions.record import Decision, Event, Game, Option
from tremble.errors import UserError
from tremble.games.base import amount

FILE = "repgames.csv"
ROUNDS = 10
CITATION = (
    "E. Akata, L. Schulz, J. Coda-Forno, S. J. Oh, M. Bethge, E. Schulz (2025). Playing repeated "
    "games with large language models. Nature Human Behaviour 9."
)
CARD = Card(
    name="akata2025",
    title="Akata et al.: the prisoner's dilemma and the battle of the sexes, ten rounds each",
    citation=CITATION,
    licence="MIT",
    size="3,900 decisions: 195 people, two games, ten rounds",
    one_decision="one person's move in one round",
    files=f"{FILE}, or any folder above it",
    notes=(
        "The other player's move is derived from action and score. Four rows contradict the "
        "payoffs: their choice is kept, and the other player's move is treated as unknown.",
        "Target: cooperate in the prisoner's dilemma, the other's favourite in the battle of the "
        "sexes. The source does not say which letter stood for which option; here J "
        "is always the target and always first, so a preference for a letter or a position is "
        "part of the results unless labels are counterbalanced.",
        "Only 1,202 of the 3,900 histories are distinct.",
        "Both games of a person have the same `participant`. `guess` (human or machine) was given "
        "after playing, so it is not a parameter.",
    ),
    sources=(
        Download(
            url=(
                "https://raw.githubusercontent.com/eliaka/repeatedgames/"
                "224a605a21127cac69763f990e077f7b05abd422/human_experiment/analysis/repgames.csv"
            ),
            filename=FILE,
            sha256="f3c3d46a2e34f85f950bfdffd0d04d6c6fc748268c14e5700646e44b2d42d11a",
            size=97_945,
        ),
    ),
    manual=f"take human_experiment/analysis/{FILE} from https://github.com/eliaka/repeatedgames",
    public_since="2023-05",
    public_note=(
        "the month of the preprint's first version, arXiv:2305.16867; the data of the "
        "participants were added in a later version, on an unknown date"
    ),
)

# First the target (the file's action 1), then the other option (action 0).
OPTIONS = {
    "PD": (Option("cooperate", "J"), Option("defect", "F")),
    "BoS": (Option("other's favourite", "J"), Option("own favourite", "F")),
}
# Own option -> other's option -> [own points, other's points]; in the battle of the sexes both
# options are named from the reader's side: both on my favourite is 10 for me and 7 for the other.
PAYOFFS: dict[str, dict[str, dict[str, list[int]]]] = {
    "PD": {
        "cooperate": {"cooperate": [8, 8], "defect": [0, 10]},
        "defect": {"cooperate": [10, 0], "defect": [5, 5]},
    },
    "BoS": {
        "other's favourite": {"other's favourite": [7, 10], "own favourite": [0, 0]},
        "own favourite": {"other's favourite": [0, 0], "own favourite": [10, 7]},
    },
}

_VALUES = {  # what a cell may hold; None is checked by pattern
    "id": None,
    "game": tuple(OPTIONS),
    "action": ("0", "1"),
    "score": None,
    "opponent": ("Base", "Prompted"),
    "guess": ("LLM", "Human"),
    "coordination": ("0", "1"),
}


@dataclass(frozen=True, slots=True)
class Move:
    """One round of one person: the option chosen, the points recorded, the file's line.

    `other` is the other player's option, None where choice and points contradict the payoffs."""

    choice: str
    points: int
    other: str | None
    line: int | None = None


def other_move(game: str, choice: str, points: int) -> str | None:
    """The other player's option that gives `points` for `choice`; None where none does."""
    matches = [key for key, cell in PAYOFFS[game][choice].items() if cell[0] == points]
    return matches[0] if len(matches) == 1 else None


def play(
    dataset: str,
    id_: str,
    participant: str,
    game: str,
    moves: Sequence[Move],
    config: Mapping[str, Any],
) -> list[Decision]:
    """One play (`game` is PD or BoS) as a decision per move; `id_` is the game's id."""
    events = []
    for move in moves:
        other_points = None if move.other is None else PAYOFFS[game][move.choice][move.other][1]
        data = {
            "choice": move.choice,
            "other": move.other,
            "points": move.points,
            "other_points": other_points,
        }
        events.append(Event("moves", data))
    played = Game(
        id=id_,
        dataset=dataset,
        family="repeated_matrix",
        rules={"rounds": ROUNDS, "payoffs": PAYOFFS[game]},
        events=tuple(events),
        config={"game": game, **config},
    )
    return [
        Decision(
            id=f"{id_}/r{at + 1}",
            dataset=dataset,
            family=played.family,
            options=OPTIONS[game],
            target=OPTIONS[game][0].key,
            choice=move.choice,
            game=played,
            at=at,
            participant=participant,
            round=at + 1,
            line=move.line,
        )
        for at, move in enumerate(moves)
    ]


def odd_move(decision: Decision, move: Move) -> str:
    """The line of `notes.odd` for a move whose points contradict the payoffs."""
    return (
        f"{decision.id}: {move.choice} with {amount(move.points)} points contradicts the payoffs; "
        "the choice is kept, and the other player's move is unknown in later rounds."
    )


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The decisions, play by play, in the order in which plays begin in the file.

    Rows that contradict the payoffs are named in `notes.odd`. Raises UserError, with file and
    line, for a file that is not `repgames.csv`.
    """
    file = find_file(path, FILE)
    plays: dict[tuple[str, str], list[Move]] = {}
    opponents: dict[tuple[str, str], str] = {}
    for line, row in _rows(file):
        key = (row["id"], row["game"])
        moves = plays.setdefault(key, [])
        if len(moves) == ROUNDS:
            raise UserError(
                f"{file}, line {line}: person {key[0]} plays {key[1]} for an {ROUNDS + 1}th round "
                f"where a play has {ROUNDS}; remove the repeated rows, or {FRESH}."
            )
        if opponents.setdefault(key, row["opponent"]) != row["opponent"]:
            raise UserError(
                f"{file}, line {line}: the opponent of person {key[0]} in {key[1]} turns from "
                f"{opponents[key]!r} into {row['opponent']!r} within the same play; {FRESH}."
            )
        choice = OPTIONS[key[1]][0 if row["action"] == "1" else 1].key
        points = int(row["score"])
        moves.append(Move(choice, points, other_move(key[1], choice, points), line))
    for (person, game), moves in plays.items():
        if len(moves) != ROUNDS:
            raise UserError(
                f"{file}, line {moves[-1].line}: person {person} plays {game} for {len(moves)} "
                f"rounds where a play has {ROUNDS}; {FRESH}."
            )
        id_ = f"{CARD.name}/{person}/{game}"
        config = {"opponent": opponents[person, game]}
        for decision, move in zip(
            play(CARD.name, id_, person, game, moves, config), moves, strict=True
        ):
            if move.other is None:
                notes.odd.append(odd_move(decision, move))
            yield decision


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and checked cells of every row."""
    for line, cells in read_rows(file, _check_header):
        yield line, _checked(file, line, cells)


def _check_header(file: Path, line: int, header: list[str]) -> None:
    if sorted(header) != sorted(_VALUES):
        shown = ",".join(header)[:200]
        raise UserError(
            f"{file}, line {line}: the columns are {shown!r}, not {','.join(_VALUES)!r}; give the "
            f"{FILE} of Akata et al. as downloaded."
        )


def _checked(file: Path, line: int, cells: dict[str, str]) -> dict[str, str]:
    for column, allowed in _VALUES.items():
        value = cells[column]
        if allowed is not None and value not in allowed:
            raise UserError(
                f"{file}, line {line}: {column} is {value[:100]!r}, not "
                f"{' or '.join(allowed)}; {FRESH}."
            )
    if not re.fullmatch(r"[1-9][0-9]{0,8}", cells["id"]):
        raise UserError(
            f"{file}, line {line}: id is {cells['id'][:100]!r}, not a whole number from 1; {FRESH}."
        )
    # Contradictions between choice and points are kept; points no cell of the game pays are not.
    payable = sorted({cell[0] for own in PAYOFFS[cells["game"]].values() for cell in own.values()})
    if cells["score"] not in map(str, payable):
        raise UserError(
            f"{file}, line {line}: score is {cells['score'][:100]!r}, not "
            f"{' or '.join(map(str, payable))} as {cells['game']} pays; {FRESH}."
        )
    return cells
