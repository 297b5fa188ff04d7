"""choices13k: 13,006 choices between two gambles, as rates over 15 to 33 people each.

`c13k_selections.csv` has a row per problem and kind (with feedback or without);
`c13k_problems.json` has the gambles, under the number of the ROW, counted from 0, not under
`Problem`. A problem is one game, so that its two rows are one cluster. Of an ambiguous problem the
person was not told the chances of gamble B: they are not part of the rules, and its amounts stand
in ascending order, each once, because their order in the file follows from the chances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isclose, isfinite
from pathlib import Path
from typing import Any, NoReturn

from tremble.datasets.base import Card, Download, Notes, find_file
from tremble.datasets.csv_rows import exactly, read_rows
from tremble.datasets.rated_lottery import rated_lottery
from tremble.decisions.files import FRESH, json_of
from tremble.decisions.record import Decision, Game
from tremble.disk.paths import is_file
from tremble.errors import UserError

SELECTIONS, PROBLEMS = "c13k_selections.csv", "c13k_problems.json"
TRIALS = 5
CARD = Card(
    name="choices13k",
    title="choices13k: choices between two gambles",
    citation=(
        "J. C. Peterson, D. D. Bourgin, M. Agrawal, D. Reichman, T. L. Griffiths (2021). Using "
        "large-scale experiments and machine learning to discover theories of human "
        "decision-making. Science 372, 1209-1214."
    ),
    licence="not stated",
    size="14,568 decisions (problem and kind of feedback) over 13,006 problems",
    one_decision="a pair of gambles with the share of choices of gamble B, the target",
    files=f"{SELECTIONS} and {PROBLEMS} in the same folder, or any folder above them",
    notes=(
        "Columns used: Problem, Feedback, n, Block, Amb, Corr, bRate, bRate_std; the columns that "
        "describe the gambles (Ha, pHa, La, Hb, pHb, Lb) are compared with the JSON file.",
        "Nothing is dropped. 1,562 problems have two rows, with feedback and without; each row "
        "has its own rate, and both belong to the same cluster.",
        "A rate averages n people with five choices each. In the 12,188 rows with feedback, "
        "people saw after each choice what the gambles had paid, so the rate includes choices "
        "made after feedback that no prompt shows; break results down by `feedback`.",
        "bRate_std is the standard deviation of the rate between people: the noise in a rate is "
        "bRate_std^2 / n.",
        "2,809 rows are ambiguous: people saw the amounts of gamble B without their "
        "probabilities. Prompts show only the amounts, in ascending order, and there is no "
        "normative prediction.",
        "Outcomes of probability 0 are not shown. Outcomes with the same amount stay separate, as "
        "in the file; for an ambiguous gamble each amount is listed once.",
    ),
    sources=(
        Download(
            url=(
                "https://raw.githubusercontent.com/jcpeterson/choices13k/"
                "ef7adfeeffb00f9ae0ac21e7b1e644df30a0388d/c13k_selections.csv"
            ),
            filename=SELECTIONS,
            sha256="e21941718b83fd97a5997545489a66ce27bec3b3f62700a0774fb5f997fea5c7",
            size=1_179_986,
        ),
        Download(
            url=(
                "https://raw.githubusercontent.com/jcpeterson/choices13k/"
                "c47edaeef25d450f6edd4882451c4de21b8a28ee/c13k_problems.json"
            ),
            filename=PROBLEMS,
            sha256="c6bdb0ae7e0d0ca127b649b4996a7a49b3d0c4c43e5f9a851677fe4527276632",
            size=1_681_916,
        ),
    ),
    manual=f"take {SELECTIONS} and {PROBLEMS} from https://github.com/jcpeterson/choices13k",
    public_since="2019",
    public_note="first described in 2019 (Bourgin et al., ICML); published in Science in June 2021",
)

_COLUMNS = (
    *("Problem", "Feedback", "n", "Block", "Ha", "pHa", "La", "Hb", "pHb", "Lb"),
    *("LotShapeB", "LotNumB", "Amb", "Corr", "bRate", "bRate_std"),
)
_WORDS = {"True": "yes", "False": "no"}
_CLOSE = 1e-6  # relative; chances in the JSON file carry rounding errors of about 1e-13
Gamble = list[list[float]]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the table; `where` names it in errors."""

    where: str
    cells: Mapping[str, str]

    def fail(self, message: str) -> NoReturn:
        raise UserError(f"{self.where}: {message}; {FRESH}.")

    def number(self, column: str, least: float = -1e9, most: float = 1e9) -> float:
        """The number in a cell. Raises UserError where it is none from `least` to `most`."""
        try:
            number = float(self.cells[column])
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            self.fail(
                f"{column} is {self.cells[column][:100]!r}, not a number from {least:g} to {most:g}"
            )
        return number

    def whole(self, column: str, least: float, most: float = 1e9) -> int:
        number = self.number(column, least, most)
        if number != int(number):
            self.fail(f"{column} is {self.cells[column][:100]!r}, not a whole number")
        return int(number)

    def word(self, column: str) -> str:
        """yes or no."""
        if self.cells[column] not in _WORDS:
            self.fail(f"{column} is {self.cells[column][:100]!r}, not True or False")
        return _WORDS[self.cells[column]]


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The decisions, row by row.

    Raises UserError, with file and line, for files that are not choices13k's or that disagree.
    """
    if is_file(path) and path.name == PROBLEMS:
        path = path.with_name(SELECTIONS)
    table = find_file(path, SELECTIONS)
    file = table.with_name(PROBLEMS)
    if not is_file(file):
        raise UserError(
            f"There is no {PROBLEMS} next to {str(table)!r}; put it in the same folder."
        )
    gambles = json_of(file)
    if not isinstance(gambles, dict):
        raise UserError(f"{file}: a JSON {type(gambles).__name__}, not an object; {FRESH}.")
    games: dict[int, Game] = {}
    kinds: set[str] = set()
    count = 0
    for key, (line, cells) in enumerate(read_rows(table, exactly(_COLUMNS))):
        count += 1
        row = _Row(f"{table}, line {line}", cells)
        if str(key) not in gambles:
            row.fail(f"{PROBLEMS} has no key {str(key)!r} for this row (keys count rows from 0)")
        game = _game(row, _gambles(f"{file}, key {str(key)!r}", gambles[str(key)]))
        problem = row.whole("Problem", 1)
        if games.setdefault(problem, game) != game:
            row.fail(f"problem {problem} has gambles different from those in its previous row")
        decision = _decision(row, games[problem], line)
        if decision.id in kinds:
            row.fail(f"problem {problem} appears again with Feedback {cells['Feedback']!r}")
        kinds.add(decision.id)
        yield decision
    if len(gambles) != count:
        raise UserError(f"{file}: {len(gambles)} keys, but {SELECTIONS} has {count} rows; {FRESH}.")


def _game(row: _Row, gambles: Mapping[str, Gamble]) -> Game:
    """The problem as people saw it."""
    _agree(row, gambles)
    shown: dict[str, list[list[float | None]]] = {
        "gamble_a": [list(outcome) for outcome in gambles["A"] if outcome[0]],
        "gamble_b": [list(outcome) for outcome in gambles["B"] if outcome[0]],
    }
    ambiguous = row.word("Amb")
    if ambiguous == "yes":
        amounts = sorted({payoff for chance, payoff in gambles["B"] if chance})
        if len(amounts) < 2:
            row.fail(f"Amb is 'True' for a gamble that pays {amounts!r} for certain")
        shown["gamble_b"] = [[None, payoff] for payoff in amounts]
    return Game(
        id=f"{CARD.name}/{row.whole('Problem', 1)}",
        dataset=CARD.name,
        family="lottery",
        rules=shown,
        events=(),
        config={
            "study": "peterson2021",
            "ambiguity": ambiguous,
            "correlation": row.whole("Corr", -1, 1),
        },
    )


def _decision(row: _Row, game: Game, line: int) -> Decision:
    feedback = row.word("Feedback")
    return rated_lottery(
        f"{game.id}/{'feedback' if feedback == 'yes' else 'no feedback'}",
        CARD.name,
        row.number("bRate", 0, 1),
        n=row.whole("n", 1),
        rate_sd=row.number("bRate_std", 0, 1),
        choices_each=TRIALS,
        game=game,
        config={"feedback": feedback, "block": row.whole("Block", 1, 5), "trials": TRIALS},
        line=line,
    )


def _gambles(where: str, value: Any) -> dict[str, Gamble]:
    """Both gambles of a key of the JSON file, checked."""
    if not isinstance(value, dict) or set(value) != {"A", "B"}:
        raise UserError(f"{where}: {str(value)[:100]!r} is not an object of A and B; {FRESH}.")
    for name, gamble in value.items():
        try:
            numbers = [(float(chance), float(payoff)) for chance, payoff in gamble]
        except (TypeError, ValueError, OverflowError):
            numbers = []
        sound = all(0 <= chance <= 1 and isfinite(payoff) for chance, payoff in numbers)
        if not sound or not isclose(sum(chance for chance, _ in numbers), 1, abs_tol=_CLOSE):
            raise UserError(
                f"{where}: {name} is {str(gamble)[:100]!r}, not a list of [probability, payoff] "
                f"whose probabilities add up to 1; {FRESH}."
            )
    return {name: [[float(part) for part in o] for o in value[name]] for name in ("A", "B")}


def _agree(row: _Row, gambles: Mapping[str, Gamble]) -> None:
    """Both files describe one problem: gamble A outcome by outcome, gamble B, whose better outcome
    may be a lottery of its own, by what it pays on average."""
    for name in ("A", "B"):
        high, low = (row.number(f"{part}{name.lower()}") for part in "HL")
        chance = row.number(f"pH{name.lower()}", 0, 1)
        stated = chance * high + (1 - chance) * low
        computed = sum(share * payoff for share, payoff in gambles[name])
        same = isclose(stated, computed, rel_tol=_CLOSE, abs_tol=_CLOSE)
        if name == "A":
            same = same and {payoff for share, payoff in gambles["A"] if share} == {
                payoff for share, payoff in ((chance, high), (1 - chance, low)) if share
            }
        if not same:
            row.fail(
                f"gamble {name} pays {stated:g} on average here and {computed:g} in {PROBLEMS} "
                "(its keys count rows from 0)"
            )
