"""The embedded figures, read. `figures/` holds numbers and names, and a few words on what each
wording changes (column `modification` of `prompt_variants.csv`).

`per_pair.csv` has a line per pair and a column per family of games, each cell the mass of base
and of aligned and the r of base and of aligned in hundredths, the precision they are printed in;
`-0` is a printed -0.00. The other tables are as printed, an empty cell where nothing is.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

CITATION = (
    "E. Shapira, M. Tennenholtz, R. Reichart (2026). Alignment Makes Language Models Normative, "
    "Not Descriptive. arXiv:2603.17218v2, CC BY 4.0."
)
FOUR = ("bargaining", "persuasion", "negotiation", "matrix")
GAMES = (*FOUR, "one_shot", "lottery")
ALL = "all"
# What tremble calls a family of games, where the study has another word for it.
PUBLISHED_NAME = {"repeated_matrix": "matrix", "one_shot_matrix": "one_shot"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Tables 10 and 11, one pair in one family of games: mass and r, in hundredths as printed."""

    number: int
    games: str
    mass_base: int
    mass_aligned: int
    r_base: int
    r_aligned: int


@lru_cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of one embedded table, every cell as text."""
    path = files("tremble").joinpath("published", "figures", f"{name}.csv")
    return tuple(csv.DictReader(path.read_text("utf-8").splitlines()))


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """720 entries: 120 pairs by number, each in six families of games."""
    return tuple(
        Entry(int(row["number"]), games, *map(int, row[games].split()))
        for row in table("per_pair")
        for games in GAMES
    )


def entries_of(games: str, numbers: Iterable[int] | None = None) -> list[Entry]:
    """The entries of one family of games, or of the four repeated ones for "all"."""
    wanted = FOUR if games == ALL else (games,)
    chosen = None if numbers is None else set(numbers)
    return [
        entry
        for entry in entries()
        if entry.games in wanted and (chosen is None or entry.number in chosen)
    ]
