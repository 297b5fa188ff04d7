"""Lotteries described in words, with choice rates: a file of the user's, CSV or JSON lines.

One record per problem: `problem` (its name), `option_a` and `option_b` (what people read, in the
words they read), `rate_b` (share of choices of option b, the target), and optional `n` (people),
`rate_sd` (standard deviation of the rate between people), `study`, and `gamble_a` with `gamble_b`,
lists of [probability, payoff]. The numbers serve theory and baselines and never reach a prompt.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from tremble.datasets import Card, Notes
from tremble.datasets.csv_rows import exactly, read_rows
from tremble.datasets.rated_lottery import rated_lottery
from tremble.datasets.reading import parsed, text_of
from tremble.decisions import Decision
from tremble.errors import UserError, did_you_mean

_CURE = "see docs/data.md"
CARD = Card(
    name="lotteries_text",
    title="Lotteries described in words, with choice rates",
    citation=(
        "your own; made for problems such as those of E. Marantz, O. Plonsky (2025), lotteries in "
        "words with 28 to 31 people each"
    ),
    licence="not stated",
    size="any; 1,001 problems in the core study",
    one_decision="a pair of options in words with the share of choices of option b, the target",
    files="a .csv file with a header, or a .jsonl file; its schema is in docs/data.md",
    notes=(
        "Columns: problem, option_a, option_b, rate_b; optional n, rate_sd, study, gamble_a, "
        "gamble_b. Nothing is dropped: a record that is not whole is an error.",
        "The words are shown as they stand, in both orders, after the letter A or B: leave letters "
        "of your own out of them.",
        "Without gamble_a and gamble_b there is no normative prediction, and no baseline for it.",
    ),
    manual="the file is your own; its columns are described in docs/data.md",
    public_note="your own: only you know",
)

_NEEDED = ("problem", "option_a", "option_b", "rate_b")
_OPTIONAL = ("n", "rate_sd", "study", "gamble_a", "gamble_b")
_CURE = "correct the file"


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The problems of one file, in its order.

    Raises UserError, with file and line, for the first record that is not as described.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"{str(path)!r} {what}; name the .csv or .jsonl file of your lotteries.")
    if path.suffix not in (".csv", ".jsonl"):
        raise UserError(
            f"{str(path)!r} ends in {path.suffix!r}; lotteries in words are a .csv or .jsonl file."
        )
    seen: set[str] = set()
    for line, values in _from_csv(path) if path.suffix == ".csv" else _from_lines(path):
        record = _Record(f"{path}, line {line}", values)
        found = record.decision(line)
        if found.id in seen:
            record.fail(f"problem {values['problem']!r} appears again; give each a name of its own")
        seen.add(found.id)
        yield found


def _from_csv(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows as JSON would hold them: empty cells are left out, numbers and gambles are read."""
    for line, cells in read_rows(file, exactly(_NEEDED, _OPTIONAL, _CURE), _CURE):
        values: dict[str, Any] = {key: cell for key, cell in cells.items() if cell.strip()}
        for key in ("rate_b", "n", "rate_sd", "gamble_a", "gamble_b"):
            if key in values:
                values[key] = _cell(values[key])
        yield line, values


def _cell(cell: str) -> Any:
    """A cell as JSON; as it stands where it is not, for the check that comes."""
    try:
        return json.loads(cell)
    except (json.JSONDecodeError, RecursionError):
        return cell


def _from_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    empty = True
    for line, text in enumerate(text_of(file).split("\n"), start=1):
        if not text.strip():
            continue
        empty = False
        found = parsed(text, str(file), "write one JSON object a line", line)
        if not isinstance(found, dict):
            raise UserError(
                f"{file}, line {line}: {text[:100]!r} is not a JSON object; one object a line."
            )
        for key in found:
            if key not in (*_NEEDED, *_OPTIONAL):
                known = did_you_mean(key, [*_NEEDED, *_OPTIONAL])
                raise UserError(f"{file}, line {line}: unknown key {key!r}{known}")
        yield line, {key: value for key, value in found.items() if value is not None}
    if empty:
        raise UserError(f"{file} is empty; write one problem a line (docs/data.md).")


class _Record:
    """One problem, checked."""

    def __init__(self, where: str, values: Mapping[str, Any]) -> None:
        self.where = where
        self.values = values

    def fail(self, message: str) -> NoReturn:
        raise UserError(f"{self.where}: {message}; {_CURE}.")

    def text(self, key: str) -> str:
        found = self.values.get(key)
        if key in ("problem", "study") and type(found) is int:
            return str(found)
        if not isinstance(found, str) or not found.strip():
            self.fail(f"{key} is {found!r}, not a text")
        return found.strip()

    def number(self, key: str, most: float) -> float:
        found: Any = self.values.get(key)
        number = isinstance(found, int | float) and not isinstance(found, bool)
        if not number or not 0 <= found <= most:
            self.fail(f"{key} is {found!r}, not a number from 0 to {most:g}")
        return float(found)

    def gamble(self, key: str) -> list[list[float]]:
        found = self.values.get(key)
        try:
            numbers = [[float(chance), float(payoff)] for chance, payoff in found or ()]
        except (TypeError, ValueError, OverflowError):
            numbers = []
        sound = all(0 <= chance <= 1 and math.isfinite(payoff) for chance, payoff in numbers)
        if not sound or not math.isclose(sum(chance for chance, _ in numbers), 1, abs_tol=1e-4):
            self.fail(
                f"{key} is {found!r}, not a list of [probability, payoff] whose probabilities add "
                "up to 1"
            )
        return numbers

    def decision(self, line: int) -> Decision:
        texts = {f"text_{key}": self.text(f"option_{key}") for key in ("a", "b")}
        if texts["text_a"] == texts["text_b"]:
            self.fail(f"both options read {texts['text_a'][:100]!r}")
        given = [key for key in ("gamble_a", "gamble_b") if key in self.values]
        if len(given) == 1:
            self.fail(f"{given[0]} stands alone; give the numbers of both options or of neither")
        rate = self.number("rate_b", 1)
        n = self.number("n", 1e9) if "n" in self.values else None
        if n is not None and (n < 1 or n != int(n)):
            self.fail(f"n is {self.values['n']!r}, not a whole number from 1")
        return rated_lottery(
            f"{CARD.name}/{self.text('problem')}",
            CARD.name,
            rate,
            n=None if n is None else int(n),
            rate_sd=self.number("rate_sd", 1) if "rate_sd" in self.values else None,
            rules=texts | {key: self.gamble(key) for key in given},
            config={"study": self.text("study")} if "study" in self.values else {},
            line=line,
        )
