"""What is resampled: units whose decisions belong together; how often a resample has each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from scipy import sparse

# Resamples per step. Fixed, so that a seed gives the same resamples whatever else is computed.
STEP = 200


def person() -> pl.Expr:
    """The participant of a decision, null where not known. Equal names in two data sets are two
    people: columns dataset and participant."""
    return pl.when(pl.col("participant").is_not_null()).then(
        pl.concat_str(
            pl.col("dataset").cast(pl.String).fill_null(""),
            pl.col("participant").cast(pl.String),
            separator="/",
        )
    )


def cluster_codes(participants: Sequence[str | None], games: Sequence[str]) -> list[np.ndarray]:
    """Codes (0, 1, ...) of the participant and of the game of every decision, two 1-d arrays.

    `participants` are named as by `person`. A decision whose participant is not known stands for
    a participant of its game alone.
    """
    people = [
        f"g{game}" if who is None else f"p{who}"
        for who, game in zip(participants, games, strict=True)
    ]
    return [np.unique(np.asarray(names), return_inverse=True)[1] for names in (people, games)]


def top_levels(clusters: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The kinds of cluster that none of the others holds, coded 0, 1, ... without gaps.

    Where every game belongs to one participant only participants are left: resampling whole
    participants takes the games along. Kinds that cross are all kept.
    """
    kept = [np.unique(codes, return_inverse=True)[1].ravel() for codes in clusters]
    index = 0
    while index < len(kept):
        others = kept[:index] + kept[index + 1 :]
        if any(_nested(kept[index], other) for other in others):
            kept = others
        else:
            index += 1
    return kept


def _nested(inner: np.ndarray, outer: np.ndarray) -> bool:
    """Whether every cluster of `inner` lies within one cluster of `outer`."""
    both = inner * (int(outer.max()) + 1) + outer
    return len(np.unique(both)) == int(inner.max()) + 1


def effective(codes: np.ndarray) -> float:
    """How many equal clusters weigh as much: (sum of sizes)^2 / sum of squared sizes.

    The G* of Carter, Schnepel and Steigerwald (2017, Review of Economics and Statistics 99) with
    every cluster as variable as any other. One participant with half of all decisions leaves
    fewer than four, however many others there are.
    """
    sizes = np.bincount(codes).astype(float)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def summed(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`values` (points, columns) added up within clusters: (clusters, columns)."""
    points = len(codes)
    member = sparse.csr_array(
        (np.ones(points), (codes, np.arange(points))), shape=(int(codes.max()) + 1, points)
    )
    return np.asarray(member @ values)


def weights(counts: Sequence[int], seed: int, resamples: int) -> Iterator[list[np.ndarray]]:
    """How often each resample has each cluster: arrays (step, count), one per kind of cluster.

    As many clusters are drawn with replacement as there are, each kind on its own (for two kinds
    that cross: the pigeonhole bootstrap, Owen 2007, Annals of Applied Statistics 1).
    """
    generators = [np.random.default_rng([seed, kind]) for kind in range(len(counts))]
    for start in range(0, resamples, STEP):
        step = min(STEP, resamples - start)
        yield [
            _draw(generator, count, step)
            for generator, count in zip(generators, counts, strict=True)
        ]


def _draw(generator: np.random.Generator, count: int, step: int) -> np.ndarray:
    drawn = generator.integers(count, size=(step, count)) + count * np.arange(step)[:, None]
    return np.bincount(drawn.ravel(), minlength=step * count).reshape(step, count).astype(float)
