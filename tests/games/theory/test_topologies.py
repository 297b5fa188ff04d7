"""The twelve topologies: textbook games by hand, all ordinal games, and a published list."""

from __future__ import annotations

import csv
import os
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from tremble.games.theory.topologies import TOPOLOGIES, topologies, topology

DATA = os.environ.get("TREMBLE_DATA")
ROWS = ["chicken", "leader", "hero", "compromise", "deadlock", "dilemma"]
ROWS += ["staghunt", "assurance", "safecoord", "peace", "harmony", "concord"]
REPEATED = {*range(17, 25), *range(58, 61), 83, 84, 95, 96}  # rows of the file with a rank twice


@pytest.mark.parametrize(
    ("own", "name"),
    [
        # [[reward, sucker], [temptation, punishment]] of symmetric games, as in Rapoport & Guyer.
        ([[3, 0], [5, 1]], "dilemma"),  # T > R > P > S
        ([[3, 1], [5, 0]], "chicken"),  # T > R > S > P: the crash is worst
        ([[1, 3], [5, 0]], "leader"),  # T > S > R > P
        ([[0, 3], [5, 1]], "hero"),  # T > S > P > R
        ([[0, 1], [5, 3]], "compromise"),  # T > P > S > R
        ([[1, 0], [5, 3]], "deadlock"),  # T > P > R > S: both prefer that neither gives in
        ([[5, 0], [3, 1]], "staghunt"),  # R > T > P > S: hunting together best, alone worst
        ([[5, 0], [1, 3]], "assurance"),  # R > P > T > S
        ([[5, 1], [0, 3]], "safecoord"),  # R > P > S > T
        ([[5, 3], [0, 1]], "peace"),  # R > S > P > T
        ([[5, 3], [1, 0]], "harmony"),  # R > S > T > P
        ([[5, 1], [3, 0]], "concord"),  # R > T > S > P
    ],
)
def test_symmetric_games_by_hand(own: list[list[int]], name: str) -> None:
    other = [list(column) for column in zip(*own, strict=True)]
    assert topologies(own, other) == (name, name)
    # Other names for the options change nothing: rows swapped, columns swapped, both.
    for rows in (slice(None), slice(None, None, -1)):
        for columns in (slice(None), slice(None, None, -1)):
            mine, theirs = ([row[columns] for row in table[rows]] for table in (own, other))
            assert topologies(mine, theirs) == (name, name)


def test_battle_of_the_sexes_without_ties() -> None:
    """Own concert 4, the other's 3; apart at one's own 2, apart at the other's 1 (leader is 2 where
    each insists; hero is 2 where each gives in)."""
    assert topologies([[4, 2], [1, 3]], [[3, 2], [1, 4]]) == ("hero", "hero")
    assert topologies([[4, 1], [2, 3]], [[3, 1], [2, 4]]) == ("leader", "leader")


def test_all_ordinal_games() -> None:
    """24 x 24 games of ranks: each of the 12 x 12 pairs is met 4 times, once for each naming."""
    count: Counter[tuple[str | None, str | None]] = Counter()
    for a in permutations((1, 2, 3, 4)):
        for b in permutations((1, 2, 3, 4)):
            count[topologies([a[:2], a[2:]], [b[:2], b[2:]])] += 1
    assert count == {(one, two): 4 for one in ROWS for two in ROWS}
    assert sorted(TOPOLOGIES.values()) == sorted(ROWS)


def test_ties() -> None:
    assert topology([[7, 0], [0, 10]], [[10, 0], [0, 7]]) is None  # own
    assert topology([[3, 0], [5, 1]], [[3, 3], [0, 1]]) == "dilemma"  # the other's best: upper row
    assert topology([[3, 0], [5, 1]], [[3, 0], [0, 3]]) is None  # in both rows
    assert topologies([[3, 0], [5, 1]], [[3, 3], [0, 1]]) == ("dilemma", None)
    assert topology([[3, 0], [5, 5]], [[1, 2], [3, 4]]) is None


def test_other_sizes_have_none() -> None:
    assert topology([[1, 2, 3], [4, 5, 6]], [[1, 2, 3], [4, 5, 6]]) is None
    assert topologies([[1], [2]], [[1], [2]]) == (None, None)


@pytest.mark.skipif(not DATA, reason="TREMBLE_DATA is not set: the list of games is not at hand")
def test_the_published_list_of_144_games() -> None:
    agreed = 0
    file = Path(DATA or "") / "akata2025" / "144_games_info.csv"
    for row in csv.DictReader(file.open(encoding="utf-8-sig"), delimiter=";"):
        cells = [[f"r{r}_c{c}" for c in (1, 2)] for r in (1, 2)]
        own, other = ([[int(row[f"{c}_p{n}"]) for c in line] for line in cells] for n in (1, 2))
        found = topologies(own, other)
        tied = any(len({*table[0], *table[1]}) < 4 for table in (own, other))
        assert tied == (int(row["game_number"]) in REPEATED)
        if not tied:
            expected = ROWS[int(row["game_row"]) - 1], ROWS[12 - int(row["game_col"])]
            assert found == expected, row["game_number"]
            agreed += 1
    assert agreed == 129
