"""Folds that never split a person, a game or an item, the same on every machine."""

from __future__ import annotations

import zlib

import polars as pl

from tremble.stats.frames.clusters import linked, person


def folds_of(decisions: pl.DataFrame, folds: int) -> pl.DataFrame:
    """decision, fold (0 to `folds` - 1), by a hash of the unit's smallest cluster name.

    A unit is whatever hangs together through games (`cluster`) and people (`participant` within
    `dataset`): a game of two people, and every other game of either, lie in one fold.
    """
    unit = linked(decisions["cluster"], decisions.select(person()).to_series())
    frame = decisions.select("decision", "cluster").with_columns(unit=pl.Series(unit))
    names = frame.group_by("unit").agg(pl.col("cluster").min().alias("name"))
    hashed = [zlib.crc32(str(name).encode()) % folds for name in names["name"]]
    return frame.join(
        names.with_columns(fold=pl.Series(hashed, dtype=pl.Int64)), on="unit", maintain_order="left"
    ).select("decision", "fold")


def dealt(units: pl.DataFrame, folds: int) -> pl.DataFrame:
    """unit, fold: units with a `name` and a `stratum` dealt out in turn, stratum after stratum, in
    the order of a hash of their names. Folds differ by one unit at most, within strata as well,
    so that few units leave no fold, and no fold without others of a stratum."""
    hashed = [zlib.crc32(str(name).encode()) for name in units["name"]]
    ordered = units.with_columns(hash=pl.Series(hashed, dtype=pl.UInt32)).sort(
        "stratum", "hash", "name"
    )
    return ordered.select("unit", fold=pl.int_range(pl.len()) % folds)
