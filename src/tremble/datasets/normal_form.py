"""117 normal-form games compiled from eight papers, with what people chose in each.

`games.csv` has a row per game. `matrixrow` holds the row player's points, rows apart by `;`;
`matrixcol` the column player's at the same places, empty where the game is symmetric. A choice
cell holds, per option, `count of` (people) or a share; shares come with `subjects`. A game that is
not symmetric was played from both sides and gives two views.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from tremble.datasets.base import Card, Notes, find_file
from tremble.datasets.csv_rows import needs, number, rate, read_rows, whole
from tremble.decisions.files import FRESH
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.games import one_shot_matrix

FILE = "games.csv"
COLUMNS = (
    *("paper", "game", "matrixrow", "matrixcol", "choicerow", "choicecol"),
    *("shape", "symmetric", "subjects", "unique"),
)
CARD = Card(
    name="normal_form",
    title="117 normal-form games with choice rates, from eight papers",
    citation=(
        "Stahl & Wilson (1994), JEBO 25; Stahl & Wilson (1995), GEB 10; Haruvy & Stahl (1998), "
        "working paper, University of Texas; Haruvy, Stahl & Wilson (2001), REStat 83; Rydval & "
        "Ortmann (2005), Economics Letters 88; Haruvy & Stahl (2007), JEBO 62; Stahl & Haruvy "
        "(2008), JEBO 66; Rogers, Palfrey & Camerer (2009), JET 144."
    ),
    licence="not stated",
    size="121 views of 117 games, 2x2 to 5x4",
    one_decision="the choice rates of one side of a game",
    files=f"{FILE}, or any folder above it",
    notes=(
        f"Columns: {', '.join(COLUMNS)}. `unique` says how many games of the file have these "
        "points; it is config.same_payoffs, since the same game in several papers is not "
        "independent evidence.",
        "No row is dropped. Four games are not symmetric: each side is a separate view.",
        "Games with more than two options have no target; r then has one point per option.",
        "n is not in the file for five games (Rydval & Ortmann 2005). The rates of Haruvy et al. "
        "(2001), games 6 and 11, add up to .983 and 1.091; nothing is rescaled. In game 11 one "
        "count is out of 35, the others out of 58: n is 58.",
        "The data embedded in `demo` are the same games: do not pool the two.",
    ),
    manual="ask the authors of the compilation for games.csv of the 117 games; there is no "
    "reliable download address",
    public_since="1994",
    public_note="the year of the earliest paper; the latest is of 2009",
)
Matrix = list[list[float]]


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The views, in the order of the file, the row player's first.

    What the file leaves open or contradicts is named in `notes.odd`. Raises UserError, with file
    and line, for a file that is not this `games.csv`.
    """
    file = find_file(path, FILE)
    seen: set[str] = set()
    for line, cells in read_rows(file, needs(COLUMNS, f"give the {FILE} of the 117 games")):
        row = _Row(file, line, cells)
        views = {decision.breakdown["player"]: decision for decision in row.views(notes)}
        id_ = f"{CARD.name}/{cells['paper']}/{cells['game']}"
        for decision in one_shot_matrix.in_one_game(id_, views):
            if decision.id in seen:
                row.fail("game", f"a new game of {cells['paper']}")
            seen.add(decision.id)
            yield decision


class _Row:
    """One game of the file, with its checks."""

    def __init__(self, file: Path, line: int, cells: dict[str, str]) -> None:
        self.file, self.line, self.cells = file, line, cells

    def fail(self, column: str, wanted: str) -> NoReturn:
        raise UserError(
            f"{self.file}, line {self.line}: {column} is {self.cells[column][:100]!r}, not "
            f"{wanted}; {FRESH}."
        )

    def views(self, notes: Notes) -> Iterator[Decision]:
        for column in ("paper", "game"):
            if not self.cells[column].strip():
                self.fail(column, "a name")
        mine = self._matrix("matrixrow")
        shape = f"{len(mine)} {len(mine[0])}"
        if self.cells["shape"] != shape:
            self.fail("shape", f"{shape} as matrixrow has")
        symmetric = self.cells["symmetric"] == "1"
        if self.cells["symmetric"] not in ("0", "1"):
            self.fail("symmetric", "0 or 1")
        if symmetric and len(mine) != len(mine[0]):
            self.fail("symmetric", f"0 as a game of {shape} options must be")
        if symmetric != (not self.cells["matrixcol"]):
            self.fail("matrixcol", "a value that is empty only for a symmetric game")
        if symmetric:
            yield self._view("row", mine, _turned(mine), notes)
            return
        theirs = self._matrix("matrixcol")
        if [len(cells) for cells in theirs] != [len(cells) for cells in mine]:
            self.fail("matrixcol", f"a matrix of {shape} as matrixrow is")
        yield self._view("row", mine, theirs, notes)
        yield self._view("column", _turned(theirs), _turned(mine), notes)

    def _view(self, player: str, own: Matrix, other: Matrix, notes: Notes) -> Decision:
        cells = self.cells
        id_ = f"{CARD.name}/{cells['paper']}/{cells['game']}/{player}"
        rates, n = self._people(f"choice{player[:3]}", len(own), id_, notes)
        if n is None:
            notes.odd.append(f"{id_}: the number of people is not in the file.")
        total = sum(rates)
        # Shares of two decimals may add up to 1 +- .005 for each.
        if abs(total - 1) > 0.005 * len(rates) + 1e-9:
            notes.odd.append(f"{id_}: the rates add up to {total:.3f}; not rescaled.")
        options = one_shot_matrix.options(len(own))
        if len(options) != len(own):
            self.fail("shape", f"at most {len(options)} options for each player")
        return Decision(
            id=id_,
            dataset=CARD.name,
            family="one_shot_matrix",
            options=options,
            target=options[0].key if len(options) == 2 else None,
            rates={option.key: share for option, share in zip(options, rates, strict=True)},
            n=n,
            rules={"own_payoffs": own, "other_payoffs": other},
            config={
                "study": cells["paper"],
                "game": cells["game"],
                "player": player,
                "size": f"{len(own)}x{len(own[0])}",
                "symmetric": cells["symmetric"] == "1",
                "same_payoffs": self._whole("unique"),
            },
            line=self.line,
        )

    def _matrix(self, column: str) -> Matrix:
        numbers = [[number(cell) for cell in row.split()] for row in self.cells[column].split(";")]
        table = [[cell for cell in row if cell is not None] for row in numbers]
        if table != numbers or len({len(row) for row in table}) != 1 or len(table[0]) < 2:
            self.fail(column, "rows of points, as many in each, with ';' between the rows")
        if len(table) < 2:
            self.fail(column, "points for two options or more")
        return table

    def _people(
        self, column: str, options: int, id_: str, notes: Notes
    ) -> tuple[list[float], int | None]:
        """The share of each option, and the number of people (None where not in the file)."""
        parts = [part.split() for part in self.cells[column].split(";")]
        if len(parts) != options:
            self.fail(column, f"a share or a count for each of the {options} options")
        if all(len(part) == 1 for part in parts):
            shares = [rate(part[0]) for part in parts]
            sound = [share for share in shares if share is not None]
            if len(sound) != options:
                self.fail(column, "shares from 0 to 1")
            return sound, self._whole("subjects") if self.cells["subjects"] else None
        counts = _pairs(parts)
        if len(counts) != options or any(not 0 <= count <= of for count, of in counts):
            self.fail(column, "counts such as '11 40; 0 40; 29 40'")
        of = sorted({of for _, of in counts}, key=[of for _, of in counts].count)
        if of[-1] == 0:
            self.fail(column, "counts out of at least one person")
        if len(of) > 1:
            notes.odd.append(
                f"{id_}: counts are out of {' and '.join(map(str, of))}; n is {of[-1]}."
            )
        return [count / people for count, people in counts], of[-1]

    def _whole(self, column: str) -> int:
        value = whole(self.cells[column])
        if value is None or value < 1:
            self.fail(column, "a whole number from 1")
        return value


def _pairs(parts: list[list[str]]) -> list[tuple[int, int]]:
    """Those of `parts` that are two whole numbers."""
    numbers = [[whole(word) for word in part] for part in parts]
    pairs = [(one[0], one[1]) for one in numbers if len(one) == 2]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _turned(table: Matrix) -> Matrix:
    return [list(column) for column in zip(*table, strict=True)]
