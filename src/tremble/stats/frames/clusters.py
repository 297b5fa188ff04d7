"""What is resampled: units whose decisions belong together; how often a resample has each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from tremble.decisions.record import READ
from tremble.store.schemas import with_columns

# Families without a history, in which people with the same numbers read the same.
_ON_THE_TABLE = ("one_shot_matrix", "lottery")
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


def each_apart(decisions: pl.DataFrame) -> pl.DataFrame:
    """The decisions with a participant each where none is named: nobody made two."""
    return decisions.with_columns(participant=pl.coalesce("participant", "decision"))


def unnamed() -> pl.Expr:
    """Whether a decision is a single choice of which neither the participant nor the game is known:
    columns choice, participant and game."""
    names = ("participant", "game")
    return pl.col("choice").is_not_null() & pl.all_horizontal(pl.col(*names).is_null())


def own_numbers() -> pl.Expr:
    """`numbers` of a record with a prompt of its own, null for all others: a hash of its text, and
    what else is known of it."""
    numbers = pl.col("numbers")
    return pl.when(numbers.str.starts_with(f'{{"{READ}":')).then(numbers)


def own_read() -> pl.Expr:
    """The hash of the text of a prompt of the user's own, null elsewhere. Only these short texts
    are read as JSON: a game's numbers hold its whole history."""
    return own_numbers().str.json_path_match(f"$.{READ}")


def units(decisions: pl.DataFrame) -> pl.DataFrame:
    """What each decision is a unit of: decision, cluster (the play, else the decision), person
    (`person`), item and unnamed.

    - item: what the person read. Of a record with a prompt of its own what hangs together by the
      item that it names (within its data set) or by its text and options: one text under several
      names is one item, and so are several texts under one name. Without a name, for a single
      choice, the hash of its text; of a single choice where all stands on the table
      (`_ON_THE_TABLE`) its numbers. Null elsewhere: a problem with rates whose record names no item
      stays a problem, a play a play.
    - unnamed: see there; several may be one person's.
    """
    decisions = with_columns(decisions, "numbers", "item", "choice", "game", "family", "role")
    numbers, single = pl.col("numbers"), pl.col("choice").is_not_null()
    on_the_table = pl.col("family").is_in(_ON_THE_TABLE) & pl.col("game").is_null()
    situation = pl.concat_str("family", pl.col("role").fill_null(""), numbers, separator=" ")
    read = own_read()
    named = pl.concat_str(pl.lit("item "), _within(), pl.lit("/"), "item")
    made = decisions.select(
        "decision",
        "cluster",
        person=person(),
        item=pl.coalesce(
            named,
            pl.when(single).then("text " + read),
            pl.when(single & on_the_table).then(pl.format("situation {}", situation.rank("dense"))),
        ),
        unnamed=unnamed(),
    )
    if decisions["item"].null_count() == decisions.height:
        return made
    options = pl.col("keys").list.sort().list.join("\x1f") if "keys" in decisions else pl.lit("")
    texts = decisions.select(pl.concat_str(_within(), read, options, separator="\x1e")).to_series()
    return made.with_columns(item=_one_name(made["item"], texts))


def _within() -> pl.Expr:
    return pl.col("dataset").cast(pl.String).fill_null("")


def _one_name(names: pl.Series, texts: pl.Series) -> pl.Series:
    """For each row the first name, by the alphabet, of all that hang together with its own through
    equal texts; null for a row without a name, which joins nothing."""
    known = names.is_not_null()
    unit = np.full(len(names), -1)
    unit[known.to_numpy()] = linked(names.filter(known), texts.filter(known))
    rows = pl.DataFrame({"name": names, "unit": unit})
    return rows.select(pl.when(known).then(pl.col("name").min().over("unit"))).to_series()


def linked(names: pl.Series, others: pl.Series) -> np.ndarray:
    """The unit of each row, numbers from 0 (rows): rows with an equal name, or an equal other name,
    are one unit, and so is what hangs together through several. Other names may be null."""
    links = pl.DataFrame({"a": names.rank("dense") - 1, "b": others.rank("dense") - 1})
    first, second = (int(links[side].max() or 0) + 1 for side in "ab")  # type: ignore[arg-type]
    both = links.drop_nulls().unique()
    places = both["a"].to_numpy(), both["b"].to_numpy() + first
    size = first + second
    graph = sparse.coo_array((np.ones(both.height, dtype=np.int8), places), shape=(size, size))
    unit = connected_components(graph, directed=False)[1].astype(np.int64)
    return np.asarray(unit[links["a"].to_numpy()])


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of cluster: `codes` (points), 0, 1, ...; `of` says what such clusters are: people
    (or games, or problems) or items. Of people (points): `unnamed`, whose decision it is is not
    known; `named`, it is known."""

    codes: np.ndarray
    of: Literal["people", "items"] = "people"
    unnamed: np.ndarray | None = None
    named: np.ndarray | None = None

    def at(self, points: np.ndarray) -> Kind:
        """At some of the points: a mask, or their numbers."""
        unnamed, named = (
            None if each is None else each[points] for each in (self.unnamed, self.named)
        )
        return replace(self, codes=self.codes[points], unnamed=unnamed, named=named)


def kinds_of(points: pl.DataFrame) -> list[Kind]:
    """The kinds of cluster of some points, a row each with the columns of `units`: participants,
    and plays; items in place of plays where the points have them."""
    people, plays = cluster_codes(points["person"].to_list(), points["cluster"].to_list())
    named = points["person"].is_not_null().to_numpy()
    made = [Kind(people, unnamed=points["unnamed"].to_numpy(), named=named)]
    if points["item"].null_count() == points.height:
        return [*made, Kind(plays)]
    # A play among items is a unit of its own; what is not all items is judged as people are.
    names = points.select(pl.coalesce("item", "cluster")).to_series().to_list()
    codes = np.unique(np.asarray(names), return_inverse=True)[1]
    return [*made, Kind(codes, "people" if points["item"].null_count() else "items")]


def as_kinds(clusters: Sequence[np.ndarray | Kind]) -> list[Kind]:
    """Kinds of cluster, where some are given as their codes alone."""
    return [one if isinstance(one, Kind) else Kind(one) for one in clusters]


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


def top_levels(kinds: Sequence[Kind]) -> list[Kind]:
    """The kinds of cluster that none of the others holds, coded 0, 1, ... without gaps.

    Where every game belongs to one participant only participants are left: resampling whole
    participants takes the games along. Kinds that cross are all kept.
    """
    kept = [replace(one, codes=_without_gaps(one.codes)) for one in kinds]
    index = 0
    while index < len(kept):
        others = kept[:index] + kept[index + 1 :]
        if any(_nested(kept[index].codes, other.codes) for other in others):
            kept = others
        else:
            index += 1
    return kept


def resampled(kinds: Sequence[Kind]) -> list[Kind]:
    """What of `top_levels` is resampled: one kind, or two that cross. Of more the two with the
    fewest clusters of equal size: they leave the most to chance."""
    return sorted(kinds, key=lambda kind: effective(kind.codes))[:2] if len(kinds) > 2 else [*kinds]


def _without_gaps(codes: np.ndarray) -> np.ndarray:
    return np.asarray(np.unique(codes, return_inverse=True)[1]).ravel()


def _nested(inner: np.ndarray, outer: np.ndarray) -> bool:
    """Whether every cluster of `inner` lies within one cluster of `outer`."""
    return len(np.unique(pairs(inner, outer))) == int(inner.max()) + 1


def pairs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(points): a number for each pair of two codes from 0, not without gaps."""
    return np.asarray(one * (int(other.max(initial=0)) + 1) + other)


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
