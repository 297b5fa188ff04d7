"""Folds that never split a person or a game, the same on every machine."""

from __future__ import annotations

import zlib

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tremble.stats.frames.clusters import person


def folds_of(decisions: pl.DataFrame, folds: int) -> pl.DataFrame:
    """decision, fold (0 to `folds` - 1), by a hash of the unit's smallest cluster name.

    A unit is whatever hangs together through games (`cluster`) and people (`participant` within
    `dataset`): a game of two people, and every other game of either, lie in one fold.
    """
    frame = decisions.select(
        "decision",
        "cluster",
        game=pl.col("cluster").rank("dense") - 1,
        person=person().rank("dense") - 1,
    )
    games = int(frame["game"].max() or 0) + 1  # type: ignore[arg-type]
    people = int(frame["person"].max() or 0) + 1  # type: ignore[arg-type]
    links = frame.select("game", "person").drop_nulls().unique()
    size = games + people
    a, b = links["game"].to_numpy(), links["person"].to_numpy() + games
    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(size, size))
    unit = connected_components(graph, directed=False)[1]
    frame = frame.with_columns(unit=pl.Series(unit[frame["game"].to_numpy()], dtype=pl.Int64))
    names = frame.group_by("unit").agg(pl.col("cluster").min().alias("name"))
    hashed = [zlib.crc32(str(name).encode()) % folds for name in names["name"]]
    return frame.join(
        names.with_columns(fold=pl.Series(hashed, dtype=pl.Int64)), on="unit", maintain_order="left"
    ).select("decision", "fold")
