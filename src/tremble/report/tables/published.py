"""The catalogue and the recounted wins as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tremble.published.figures import PUBLISHED_NAME
from tremble.published.pairs import Pair
from tremble.report.tables.table import Column, Section, Table, family_name
from tremble.text import decimal

Row = dict[str, Any]
WINS = ("Base", "Aligned", "Ties", "Base can be", "Aligned can be")
CAN_BE = (
    "How often does base or aligned win? Base, aligned and ties: counted from the printed two "
    "decimals. Base can be and aligned can be: the possible range if every printed mass and r may "
    "be off by .005."
)
_OURS = {published: own for own, published in PUBLISHED_NAME.items()}


def games_name(games: str) -> str:
    """A published family of games as people read it: matrix is "repeated matrix", all "all four
    repeated"."""
    return family_name(_OURS.get(games, games))


def pair_table(pairs: Sequence[Pair]) -> Table:
    """The catalogue."""
    rows = [
        [
            *(pair.family, pair.base, pair.aligned, str(pair.number), pair.size_label),
            *(pair.hub_org, pair.licence),
        ]
        for pair in pairs
    ]
    columns = [Column(name) for name in ("Family", "Base", "Aligned")]
    columns += [Column("No.", number=True), Column("Size", number=True)]
    columns += [Column("Hub (not verified)"), Column("Licence")]
    return Table(
        "pairs",
        "The 120 model pairs of Shapira et al. (2026)",
        "",
        columns,
        [Section("", rows)],
        "",
    )


def filter_text(value: float | None) -> str:
    """A threshold, or none."""
    return "none" if value is None else decimal(value, max(2, len(repr(value).partition(".")[2])))


def bounds(row: Row, side: str) -> str:
    """The fewest and most wins of one side."""
    return f"{row[f'{side}_min']} to {row[f'{side}_max']}"


def wins_table(rows: Sequence[Row]) -> Table:
    """A row per family of games where there is one filter, else a section for each family."""
    filters = {(row["mass"], row["min_corr"]) for row in rows}
    sections: dict[str, list[list[str]]] = {}
    for row in rows:
        family = games_name(row["games"])
        about = [filter_text(row["mass"]), filter_text(row["min_corr"])]
        alone = len(filters) == 1
        sections.setdefault("" if alone else family, []).append(
            [*([family] if alone else about), *wins_cells(row)]
        )
    first = ("Family",) if len(filters) == 1 else ("Minimum mass", "Minimum r")
    return Table(
        "wins",
        "Wins among the 120 published pairs",
        " ".join(filter(None, (_filter_words(filters), CAN_BE))),
        [Column(name, number=len(first) > 1) for name in first]
        + [Column(name, number=True) for name in WINS],
        [Section(name, lines) for name, lines in sections.items()],
        "",
    )


def wins_cells(row: Row) -> list[str]:
    """The cells of `WINS`."""
    counts = [str(row[name]) for name in ("base", "aligned", "ties")]
    return [*counts, bounds(row, "base"), bounds(row, "aligned")]


def _filter_words(filters: set[tuple[float | None, float | None]]) -> str:
    if len(filters) > 1:
        return ""
    ((mass, min_corr),) = filters
    return (
        f"Filters: minimum mean mass of both models {filter_text(mass)}; minimum r of the better "
        "one "
        f"{filter_text(min_corr)}."
    )
