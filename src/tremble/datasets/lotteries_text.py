"""Lotteries described in words, with choice rates: a file of the user's, CSV or JSON lines.

One record per problem: `problem` (its name), `option_a` and `option_b` (what people read, in the
words they read), `rate_b` (share of choices of option b, the target), and optional `n` (people),
`rate_sd` (standard deviation of the rate between people), `study`, and `gamble_a` with `gamble_b`,
lists of [probability, payoff]. The numbers serve theory and baselines and never reach a prompt.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import Any, NoReturn

from tremble.datasets.base import Card, Notes
from tremble.datasets.csv_rows import exactly, read_rows
from tremble.datasets.rated_lottery import rated_lottery
from tremble.decisions.files import parsed, text_of
from tremble.decisions.lines import LARGEST
from tremble.decisions.record import Decision
from tremble.disk.paths import is_file, is_folder
from tremble.errors import UserError
from tremble.text import as_written, did_you_mean

CARD = Card(
    name="lotteries_text",
    title="Lotteries described in words, with choice rates",
    citation=(
        "your own; designed for problems such as those of E. Marantz, O. Plonsky (2025), "
        "lotteries in "
        "words with 28 to 31 people each"
    ),
    licence="not stated",
    size="any; 1,001 problems in Shapira et al. (2026)",
    one_decision="a pair of options in words with the share of choices of option b, the target",
    files="a .csv file with a header, or a .jsonl file; its schema is in docs/data.md",
    notes=(
        "Columns: problem, option_a, option_b, rate_b; optional n, rate_sd, study, gamble_a, "
        "gamble_b. Nothing is dropped: an incomplete record is an error.",
        "The texts are shown unchanged, in both orders, after the letter A or B: do not put your "
        "own letters into them.",
        "Without gamble_a and gamble_b there is no normative prediction and no baseline from "
        "prospect theory.",
    ),
    manual="the file is your own; its columns are described in docs/data.md",
    public_note="your own: only you know",
)

_NEEDED = ("problem", "option_a", "option_b", "rate_b")
_OPTIONAL = ("n", "rate_sd", "study", "gamble_a", "gamble_b")
_CURE = "correct the file"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?P<percent> *%)?", re.ASCII)


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The problems of one file, in its order.

    Raises UserError, with file and line, for the first record that is not as described.
    """
    if not is_file(path):
        what = "is a folder" if is_folder(path) else "does not exist"
        raise UserError(f"{str(path)!r} {what}; name the .csv or .jsonl file of your lotteries.")
    if path.suffix not in (".csv", ".jsonl"):
        raise UserError(
            f"{str(path)!r} ends in {path.suffix!r}; give lotteries in words as a .csv or .jsonl "
            "file."
        )
    seen: set[str] = set()
    for line, values in _from_csv(path) if path.suffix == ".csv" else _from_lines(path):
        record = _Record(f"{path}, line {line}", values)
        decision = record.decision(line)
        if decision.id in seen:
            record.fail(
                f"problem {values['problem']!r} appears twice; give each problem its own name"
            )
        seen.add(decision.id)
        yield decision


def _from_csv(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows as JSON would hold them: empty cells are left out, gambles are read."""
    for line, cells in read_rows(file, exactly(_NEEDED, _OPTIONAL, _CURE), _CURE):
        values: dict[str, Any] = {key: cell for key, cell in cells.items() if cell.strip()}
        for key in ("gamble_a", "gamble_b"):
            if key in values:
                values[key] = _gamble(values[key])
        yield line, values


def _gamble(cell: str) -> Any:
    """A cell as JSON, or as JSON but for numbers that JSON writes otherwise; as it stands where it
    is neither, for the check that comes."""
    for text in (cell, _NUMBER.sub(lambda match: json.dumps(match.group()), cell)):
        with suppress(UserError):
            return parsed(text, "", "")
    return cell


def _number(value: Any, share: bool = False) -> float | None:
    """The finite number that a value is or that a text holds, as ".45", "1." or "+3", and for a
    share "45 %"; None where it is none."""
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value.strip())) is not None:
        digits = value.strip().rstrip("% ")
        if not match["percent"]:
            value = float(digits)
        elif share:
            with suppress(DecimalException):  # its exponent is out of reach
                value = float(Decimal(digits) / 100)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) + 0.0 if abs(value) <= LARGEST else None  # -0.0 becomes 0.0


def _from_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    empty = True
    for line, text in enumerate(text_of(file).split("\n"), start=1):
        if not text.strip():
            continue
        empty = False
        record = parsed(text, str(file), "write one JSON object per line", line)
        if not isinstance(record, dict):
            raise UserError(
                f"{file}, line {line}: {text[:100]!r} is not a JSON object; write one per line."
            )
        for key in record:
            if key not in (*_NEEDED, *_OPTIONAL):
                known = did_you_mean(key, [*_NEEDED, *_OPTIONAL])
                raise UserError(f"{file}, line {line}: unknown key {key!r}{known}")
        yield line, {key: value for key, value in record.items() if value is not None}
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
        text = self.values.get(key)
        if key in ("problem", "study") and type(text) is int:
            return str(text)
        if not isinstance(text, str) or not text.strip():
            self.fail(f"{key} is {as_written(text)}, not a text")
        return text.strip()

    def number(self, key: str, most: float) -> float:
        number = _number(self.values.get(key), share=key != "n")
        if number is None or not 0 <= number <= most:
            self.fail(
                f"{key} is {as_written(self.values.get(key))[:100]}, not a number from 0 to "
                f"{most:g}"
            )
        return number

    def gamble(self, key: str) -> list[list[float]]:
        numbers = []
        try:
            for chance, payoff in self.values.get(key) or ():
                numbers.append((_number(chance, share=True), _number(payoff)))
        except (TypeError, ValueError):
            numbers = []
        sound = [
            [chance, payoff]
            for chance, payoff in numbers
            if chance is not None and payoff is not None and 0 <= chance <= 1
        ]
        total = sum(chance for chance, _ in sound)
        if len(sound) < len(numbers) or not math.isclose(total, 1, abs_tol=1e-4):
            self.fail(
                f"{key} is {as_written(self.values[key])[:100]}, not a list of [probability, "
                "payoff] whose probabilities add up to 1"
            )
        return sound

    def decision(self, line: int) -> Decision:
        texts = {f"text_{key}": self.text(f"option_{key}") for key in ("a", "b")}
        if texts["text_a"] == texts["text_b"]:
            self.fail(f"both options read {texts['text_a'][:100]!r}")
        given = [key for key in ("gamble_a", "gamble_b") if key in self.values]
        if len(given) == 1:
            self.fail(f"{given[0]} is given alone; give the numbers of both options or of neither")
        rate = self.number("rate_b", 1)
        n = self.number("n", 1e9) if "n" in self.values else None
        if n is not None and (n < 1 or n != int(n)):
            self.fail(f"n is {as_written(self.values['n'])}, not a whole number from 1")
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
