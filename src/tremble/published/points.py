"""The published pairs as a cloud of points, and a user's own study laid over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from tremble.published.figures import PUBLISHED_NAME, Entry, entries
from tremble.published.pairs import Pair, catalogue, family_of_pair, pair_of, params_of

_FIGURES = ("mass_base", "mass_aligned", "r_base", "r_aligned")
CLOUD = pl.Schema(
    {
        "number": pl.Int64(),
        "model_family": pl.String(),
        "params_b": pl.Float64(),
        "games": pl.String(),
        **dict.fromkeys(_FIGURES, pl.Float64()),
    }
)
OVERLAY = pl.Schema(
    {
        "source": pl.String(),
        "number": pl.Int64(),
        "base": pl.String(),
        "aligned": pl.String(),
        "model_family": pl.String(),
        "params_b": pl.Float64(),
        "games": pl.String(),
        "mode": pl.String(),
        "formulation": pl.String(),
        **dict.fromkeys(_FIGURES, pl.Float64()),
        "published_r_base": pl.Float64(),
        "published_r_aligned": pl.Float64(),
    }
)


def _values(entry: Entry) -> dict[str, float]:
    return {name: getattr(entry, name) / 100 for name in _FIGURES}


def _published_rows() -> list[dict[str, Any]]:
    pairs = {pair.number: pair for pair in catalogue()}
    rows = []
    for entry in entries():
        pair = pairs[entry.number]
        rows.append(
            {
                "number": pair.number,
                "base": pair.base,
                "aligned": pair.aligned,
                "model_family": pair.family,
                "params_b": pair.params_b,
                "games": entry.games,
                **_values(entry),
            }
        )
    return rows


def cloud() -> pl.DataFrame:
    """One row per published pair and family of games: 720 rows, columns as in `CLOUD`.

    params_b in billions; mass and r with the two decimals they are printed in.
    """
    return pl.DataFrame([{k: row[k] for k in CLOUD} for row in _published_rows()], schema=CLOUD)


def overlay(pairs_rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """The published points and a study's own in one frame, columns as in `OVERLAY`.

    `pairs_rows` are rows of a study's pair table (`stats.tables.pairs.pair_table`): base,
    aligned, family, r and mass of both, and where they have them mode and formulation. `source`
    is "published" or "study". Families of games bear their published names (matrix, one_shot);
    those that Shapira et al. (2026) do not have keep their own. For a pair of the catalogue, known
    by the names behind the slash, the published r of the same games stand beside the study's;
    where only one of two models is known, its family is shown and no number. What the study could
    not measure stays null. mode and formulation are null for published rows.
    """
    rows = [{"source": "published", **row} for row in _published_rows()]
    printed = {(entry.number, entry.games): _values(entry) for entry in entries()}
    for row in pairs_rows:
        pair = pair_of(row["base"], row["aligned"])
        games = PUBLISHED_NAME.get(row["family"], row["family"])
        beside = {} if pair is None else printed.get((pair.number, games), {})
        rows.append(
            {
                "source": "study",
                "base": row["base"],
                "aligned": row["aligned"],
                **_about(pair, row["base"], row["aligned"]),
                "games": games,
                "mode": row.get("mode"),
                "formulation": row.get("formulation"),
                **{name: row[name] for name in _FIGURES},
                "published_r_base": beside.get("r_base"),
                "published_r_aligned": beside.get("r_aligned"),
            }
        )
    return pl.DataFrame([{k: row.get(k) for k in OVERLAY} for row in rows], schema=OVERLAY)


def _about(pair: Pair | None, base: str, aligned: str) -> dict[str, Any]:
    """Number, family and size of a study's pair, as far as the catalogue knows its models."""
    if pair is not None:
        return {
            "number": pair.number,
            "model_family": pair.family,
            "params_b": pair.params_b,
        }
    family = family_of_pair((base, aligned))
    sizes = {size for size in map(params_of, (base, aligned)) if size is not None}
    return {
        "number": None,
        "model_family": family,
        "params_b": sizes.pop() if len(sizes) == 1 and family is not None else None,
    }
