"""Shapira et al. (2025): people who read one hotel review a round and go to the hotel or stay.

`games_clean_Y.csv` has a row per decision, in order; the review that was read stands in
`game_reviews/<hotelId>.csv`, which has no header. What came of a round is taken from the points
with which the next round begins, so nothing of a row that was known only after its decision (the
hotel's score, whether the person won, the time taken) is read at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tremble.datasets.base import Card, Notes
from tremble.datasets.csv_rows import needs, number, read_rows, whole
from tremble.decisions.files import FRESH, text_of
from tremble.decisions.record import Decision, Event, Game, Option
from tremble.disk.paths import is_file, is_folder
from tremble.errors import UserError
from tremble.text import one_line

FILES = {"games_clean_X.csv": "X", "games_clean_Y.csv": "Y"}  # one for each group of people
REVIEWS = "game_reviews"
GOOD_FROM = 8  # the mean score from which going is right
OPTIONS = (Option("go", "go"), Option("stay", "stay"))
COLUMNS = (
    *("user_id", "strategy_id", "gameId", "roundNum", "hotelId", "reviewId", "didGo"),
    *("user_points", "bot_points"),
)
CARD = Card(
    name="human_choice_prediction",
    title="Shapira et al.: going to a hotel after one review that an expert chose",
    citation=(
        "E. Shapira, O. Madmon, R. Apel, M. Tennenholtz, R. Reichart (2025). Human choice "
        "prediction in language-based persuasion games: Simulation-based off-policy evaluation. "
        "Transactions of the Association for Computational Linguistics 13: 980-1006."
    ),
    licence="not stated",
    size=(
        "9,610 decisions of 25 people in the 1,326 games of one games_clean_Y.csv; the other group "
        "(games_clean_X.csv) has 210 people"
    ),
    one_decision="one person's answer to one review: go to the hotel, or stay",
    files=(
        f"data/games_clean_Y.csv, games_clean_X.csv or both, with the folder {REVIEWS} beside "
        "them; or any folder above"
    ),
    notes=(
        f"Columns read: {', '.join(COLUMNS)}; of the reviews the two texts. Not read, because "
        "nobody knew it before deciding: hotelScore, didWin, correctAnswers, reaction_time, the "
        "score of the review. last_... repeats earlier rows and is not needed.",
        "What a round came to is the difference between the points with which it and the next "
        "round begin; of a game's last round it is not known and appears in no prompt.",
        "The instructions that people read are not in the files. The prompt states what the source "
        f"says of the game: going is right from a mean score of {GOOD_FROM}, a right decision is a "
        "point for the person, going a point for the expert. (In the last round of 304 games "
        "somebody stays away from a hotel below 8 and has not won; no prompt shows it.) The expert "
        "is one of six programs (config.expert). The number of rounds is not stated: ten at most, "
        "fewer once the points suffice or no longer can.",
        "config.game counts a person's games in time, from 0. An expert is met again until it is "
        "beaten, so people with many games are those who failed more often.",
        "Decisions taken in less than half a second occur in runs (clicking through); they are "
        "not left out.",
        "A game is one cluster; what a person did in other games is not part of its history.",
    ),
    manual="take the folder data from https://github.com/eilamshapira/HumanChoicePrediction",
    public_since="2023-05",
    public_note=(
        "the month of the preprint's first version, arXiv:2305.10361; the data became public "
        "later, on an unknown date"
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One decision: who, in which game and round, after which review, with how many points
    before it (`points` of the person, `expert_points`). `line` is that of the file."""

    person: str
    expert: str
    game: int
    round: int
    review: tuple[str, str]
    went: bool
    points: int
    expert_points: int
    line: int


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The decisions, game by game, in the order of the file. `Decision.line` is that of the file.

    Raises UserError, with file, line and value, for files that are not those of the source, and
    where a review that was read is not there.
    """
    for file, group in _tables(path):
        reviews = Reviews(file.parent / REVIEWS)
        rows: list[Row] = []
        done: set[tuple[str, int]] = set()
        for row in _rows(file, reviews):
            if rows and (row.person, row.game) != (rows[0].person, rows[0].game):
                yield from _game(rows, group)
                done.add((rows[0].person, rows[0].game))
                rows = []
            if (row.person, row.game) in done:
                raise UserError(
                    f"{file}, line {row.line}: game {row.game} of person {row.person} goes on "
                    f"after another game; {FRESH}."
                )
            _check(file, rows, row)
            rows.append(row)
        yield from _game(rows, group)


def _tables(path: Path) -> list[tuple[Path, str]]:
    """The tables at `path`, each with the letter of its group."""
    if is_file(path) and path.name in FILES:
        return [(path, FILES[path.name])]
    if not is_folder(path):
        raise UserError(
            f"There is no folder {str(path)!r}, and no {' or '.join(FILES)}; check the path."
        )
    found = []
    for name, group in FILES.items():
        files = sorted(path.rglob(name))
        if len(files) > 1:
            raise UserError(
                f"{len(files)} files called {name} under {str(path)!r}; name one, "
                f"for example {str(files[0])!r}."
            )
        found += [(file, group) for file in files]
    if not found:
        raise UserError(
            f"No {' or '.join(FILES)} in or under {str(path)!r}; give the source's folder data."
        )
    return found


class Reviews:
    """The reviews in a folder with a file per hotel, which is read when the hotel first comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._of: dict[int, dict[str, tuple[str, str]]] = {}

    def get(self, hotel: int, review: str, where: str) -> tuple[str, str]:
        """The positive and the negative part. Raises UserError, with `where`, for none."""
        if hotel not in self._of:
            file = self.folder / f"{hotel}.csv"
            if not is_file(file):
                raise UserError(
                    f"{where}: there is no {str(file)!r}, which has the review {review} that was "
                    f"read; put the source's folder {REVIEWS} beside the table."
                )
            self._of[hotel] = dict(_reviews(file))
        parts = self._of[hotel].get(review)
        if parts is None:
            raise UserError(
                f"{where}: {self.folder / f'{hotel}.csv'} has no review {review}; {FRESH}."
            )
        return parts


def _reviews(file: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Number and both parts of every review; name and score of the hotel are not kept."""
    reader = csv.reader(io.StringIO(text_of(file), newline=""), strict=True)
    try:
        for cells in reader:
            if len(cells) != 5 or whole(cells[0]) is None or number(cells[4]) is None:
                raise UserError(
                    f"{file}, line {reader.line_num}: {','.join(cells)[:100]!r} is not number, "
                    f"hotel, positive part, negative part and score of a review; {FRESH}."
                )
            yield cells[0], (_lines(cells[2]), _lines(cells[3]))
    except csv.Error as error:
        raise UserError(
            f"{file}, line {reader.line_num}: not CSV ({one_line(error)}); {FRESH}."
        ) from error


def _lines(text: str) -> str:
    """A text with its line breaks as everywhere else."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _rows(file: Path, reviews: Reviews) -> Iterator[Row]:
    check = needs(COLUMNS, "give the table of Shapira et al. as downloaded")
    for line, cells in read_rows(file, check):
        where = f"{file}, line {line}"
        counts: dict[str, int] = {}
        for column in COLUMNS:
            value = whole(cells[column])
            if column != "didGo" and value is None:
                raise UserError(
                    f"{where}: {column} is {cells[column][:100]!r}, not a whole number; {FRESH}."
                )
            counts[column] = value or 0
        if cells["didGo"] not in ("True", "False"):
            raise UserError(
                f"{where}: didGo is {cells['didGo'][:100]!r}, not True or False; {FRESH}."
            )
        yield Row(
            person=str(counts["user_id"]),
            expert=str(counts["strategy_id"]),
            game=counts["gameId"],
            round=counts["roundNum"],
            review=reviews.get(counts["hotelId"], cells["reviewId"], where),
            went=cells["didGo"] == "True",
            points=counts["user_points"],
            expert_points=counts["bot_points"],
            line=line,
        )


def _check(file: Path, before: Sequence[Row], row: Row) -> None:
    """Raises UserError where a row cannot follow those of its game before it."""
    where = f"{file}, line {row.line}: person {row.person}, game {row.game}"
    if row.round != len(before) + 1:
        raise UserError(f"{where} has round {row.round} where {len(before) + 1} comes; {FRESH}.")
    if not before:
        if row.points or row.expert_points:
            raise UserError(f"{where} begins with points; {FRESH}.")
        return
    last = before[-1]
    if row.expert != last.expert:
        raise UserError(
            f"{where}: strategy_id turns from {last.expert} into {row.expert} within the same "
            f"game; {FRESH}."
        )
    gained = row.points - last.points
    if gained not in (0, 1) or row.expert_points - last.expert_points != last.went:
        raise UserError(
            f"{where}: user_points {row.points} and bot_points {row.expert_points} cannot follow "
            f"{last.points} and {last.expert_points}; {FRESH}."
        )


def _game(rows: Sequence[Row], group: str) -> Iterator[Decision]:
    first = rows[0]
    person = f"{group}{first.person}"
    events: list[Event] = []
    for at, row in enumerate(rows):
        positive, negative = row.review
        shown = {"round": row.round, "positive": positive, "negative": negative}
        events.append(Event("review", shown))
        decided = {"round": row.round, "choice": _key(row.went)}
        if at + 1 < len(rows):  # the next round begins with what came of this one
            after = rows[at + 1]
            decided["points"] = after.points - row.points
            decided["expert_points"] = after.expert_points - row.expert_points
        events.append(Event("decision", decided))
    game = Game(
        id=f"{CARD.name}/{person}/{first.game}",
        dataset=CARD.name,
        family="persuasion_review",
        rules={"good_from": GOOD_FROM},
        events=tuple(events),
        config={"group": group, "game": first.game, "expert": first.expert},
        agents={person: {"kind": "person"}},
    )
    for at, row in enumerate(rows):
        yield Decision(
            id=f"{game.id}/r{row.round}",
            dataset=CARD.name,
            family=game.family,
            options=OPTIONS,
            target=OPTIONS[0].key,
            choice=_key(row.went),
            game=game,
            at=2 * at + 1,
            participant=person,
            round=row.round,
            line=row.line,
        )


def _key(went: bool) -> str:
    return OPTIONS[0 if went else 1].key
