"""Zhu et al. (2025): procedurally generated 2x2 games, played once, as choice rates.

`games2p2k_main.csv` has a row per game and role. `row_form_matrix` holds eight points: four of one
player, row by row, then the other's four at the same places. Whose come first in the rows of the
column player the columns do not say; where both rows of a game are there they show it. Either they
are alike (the game as the row player sees it), or the second is the first seen from the other side
(whoever decides is the row player, as people saw it); the whole file must be of one kind.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tremble.datasets.base import Card, Notes, find_file
from tremble.datasets.csv_rows import needs, number, rate, read_rows
from tremble.decisions.files import FRESH
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.games import one_shot_matrix
from tremble.games.theory.topologies import topologies

FILE = "games2p2k_main.csv"
COLUMNS = ("unique_id", "game_id", "row_form_matrix", "topology", "role", "up_choice")
ROLES = ("rowplayer", "colplayer")
CARD = Card(
    name="games2p2k",
    title="Zhu et al.: 2,416 one-shot games of two by two, as choice rates",
    citation=(
        "J.-Q. Zhu, J. C. Peterson, B. Enke, T. L. Griffiths (2025). Capturing the complexity of "
        "human strategic decision-making with machine learning. Nature Human Behaviour 9. "
        "osf.io/xrvaw."
    ),
    licence="not stated",
    size="2,416 problems and about 93,000 choices in Shapira et al. (2026)",
    one_decision="the share of people in one role of one game who chose the first option",
    files=f"{FILE}, or any folder above it",
    notes=(
        f"Columns read: {', '.join(COLUMNS)}; other columns are ignored. No row is dropped.",
        "The number of people per row is not in the file, so n and the noise ceiling are unknown "
        "(null).",
        "The target is the first option (up). Each game is shown with its rows in both orders.",
        "topology is kept as the file states it. Rows whose points imply a different topology, or "
        "none because two points are tied, are counted when the file is read.",
    ),
    manual=f"take {FILE} from the folder of human data at https://osf.io/xrvaw",
    public_since="2024",
    public_note="the year of the preprint",
)
Cells = tuple[float, ...]  # the decider's four points, row by row, then the other's


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    id: str
    game: str
    role: str
    cells: Cells
    stated: tuple[str, str]
    up: float


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The problems, game by game, in the order in which games begin in the file.

    Topologies other than the points have are counted in `notes.odd`. Raises UserError, with file
    and line, for a file that is not `games2p2k_main.csv`.
    """
    file = find_file(path, FILE)
    rows = list(_rows(file))
    turns = _of_the_row_player(file, rows, notes)
    differ: Counter[str] = Counter()
    first: dict[str, str] = {}
    games: dict[str, dict[str, Decision]] = {}
    for row in rows:
        cells = _turned(row.cells) if turns and row.role == "colplayer" else row.cells
        decision, odd = _decision(row, cells)
        if odd is not None:
            differ[odd] += 1
            first.setdefault(odd, f"line {row.line}, {' and '.join(row.stated)}")
        games.setdefault(row.game, {})[row.role] = decision
    for game, views in games.items():
        yield from one_shot_matrix.in_one_game(f"{CARD.name}/{game}", views)
    for odd, count in differ.items():
        notes.odd.append(
            f"{count:,} of {len(rows):,} rows state a topology, but {odd} (the first: "
            f"{first[odd]}); the stated topology is kept."
        )


def _decision(row: _Row, cells: Cells) -> tuple[Decision, str | None]:
    """The problem, and what its topology contradicts."""
    own, other = ([list(four[:2]), list(four[2:])] for four in (cells[:4], cells[4:]))
    computed = topologies(own, other)
    stated = row.stated
    # The pair is the row player's, then the column player's, of the game or of the row.
    if stated != computed and stated[::-1] == computed and row.role == "colplayer":
        stated = computed
    odd = None
    if None in computed:
        odd = "points are tied, so there is none"
    elif stated != computed:
        odd = "the points imply a different one"
    options = one_shot_matrix.options(2)
    decision = Decision(
        id=f"{CARD.name}/{row.id}/{row.role}",
        dataset=CARD.name,
        family="one_shot_matrix",
        options=options,
        target=options[0].key,
        rates={options[0].key: row.up, options[1].key: round(1 - row.up, 10)},
        rules={"own_payoffs": own, "other_payoffs": other},
        config={
            "game": row.game,
            "player": row.role,
            "topology": stated[0],
            "other_topology": stated[1],
        },
        line=row.line,
    )
    return decision, odd


def _of_the_row_player(file: Path, rows: Sequence[_Row], notes: Notes) -> bool:
    """Whether the rows of column players hold the points as the row player sees them.

    Raises UserError where some games say so and others the contrary.
    """
    by_role: dict[str, dict[str, _Row]] = {role: {} for role in ROLES}
    for row in rows:
        by_role[row.role].setdefault(row.game, row)
    alike: list[_Row] = []
    turned: list[_Row] = []
    for game, theirs in by_role["colplayer"].items():
        mine = by_role["rowplayer"].get(game)
        if mine is None or _turned(mine.cells) == mine.cells:
            continue
        if theirs.cells == mine.cells:
            alike.append(theirs)
        elif theirs.cells == _turned(mine.cells):
            turned.append(theirs)
    if alike and turned:
        raise UserError(
            f"{file}, line {turned[0].line}: row_form_matrix of game {turned[0].game!r} is "
            f"written from the column player's view, but that of game {alike[0].game!r} in line "
            f"{alike[0].line} is "
            f"not; {FRESH}."
        )
    if by_role["colplayer"] and not alike and not turned:
        notes.odd.append(
            "No game shows whose points come first in the rows of column players; the first "
            "points are read as those of the person who decides."
        )
    return bool(alike)


def _turned(cells: Cells) -> Cells:
    """The game from the other side: its four points first, rows and columns exchanged."""
    a, b, c, d, *others = cells
    e, f, g, h = others
    return (e, g, f, h, a, c, b, d)


def _rows(file: Path) -> Iterator[_Row]:
    seen: set[tuple[str, str]] = set()
    give = f"give the {FILE} of Zhu et al. as downloaded"
    for line, cells in read_rows(file, needs(COLUMNS, give)):
        row = _checked(file, line, cells)
        if (row.id, row.role) in seen:
            raise UserError(
                f"{file}, line {line}: unique_id {row.id!r} already has a {row.role}; {FRESH}."
            )
        seen.add((row.id, row.role))
        yield row


def _checked(file: Path, line: int, cells: dict[str, str]) -> _Row:
    def fail(column: str, wanted: str) -> NoReturn:
        raise UserError(
            f"{file}, line {line}: {column} is {cells[column][:100]!r}, not {wanted}; {FRESH}."
        )

    for column in ("unique_id", "game_id"):
        if not cells[column].strip():
            fail(column, "an identifier")
    if cells["role"] not in ROLES:
        fail("role", " or ".join(ROLES))
    inner = re.fullmatch(r"\s*\[(.*)\]\s*", cells["row_form_matrix"], re.DOTALL)
    points = [number(point) for point in inner[1].split()] if inner else []
    sound = tuple(point for point in points if point is not None)
    if len(points) != 8 or len(sound) != 8:
        fail("row_form_matrix", "eight points such as '[21 10 24 17 2 19 6 4]'")
    stated = re.fullmatch(r"\(\s*'([^']+)'\s*,\s*'([^']+)'\s*\)", cells["topology"].strip())
    if stated is None:
        fail("topology", "a pair such as \"('dilemma', 'hero')\"")
    up = rate(cells["up_choice"])
    if up is None:
        fail("up_choice", "a share from 0 to 1")
    return _Row(
        line=line,
        id=cells["unique_id"].strip(),
        game=cells["game_id"].strip(),
        role=cells["role"],
        cells=sound,
        stated=(stated[1], stated[2]),
        up=up,
    )
