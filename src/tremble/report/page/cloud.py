"""The published pairs as a cloud of points, and a study's own pairs laid over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tremble.published.figures import GAMES, PUBLISHED_NAME, entries
from tremble.published.pairs import catalogue
from tremble.published.points import cloud, overlay
from tremble.published.sweep import MASS, MIN_CORR, kept
from tremble.report.page.drawing import (
    BLUE,
    GREY,
    Figure,
    altair,
    axes_of_r,
    by_family,
    counterpart_dots,
    counterpart_name,
    diagonal,
    ends,
    svg,
)
from tremble.report.page.parts import cut
from tremble.report.tables.published import games_name
from tremble.report.tables.table import Column, Section, Table, family_name
from tremble.text import decimal

Row = Mapping[str, Any]
MAX_WORDINGS = 4  # each drawing repeats the cloud, about 100 kB
_SHAPES = {"native": "diamond", "plain": "square", "chat": "triangle-up"}


@dataclass(frozen=True, slots=True)
class Beside:
    """What a study's page shows beside the published pairs, and why something is not shown."""

    figures: list[Figure]
    counterparts: Table
    rows_left_out: int
    sentences: list[str]


def beside_published(pairs: Sequence[Row], families: Sequence[str]) -> Beside:
    """A drawing per wording, a panel per family; below it each pair and its published figures.

    `pairs` are rows of the analysis' pair table, `families` those of the study. Raises
    MissingExtra without altair and vl-convert.
    """
    known = [row for row in pairs if PUBLISHED_NAME.get(row["family"], row["family"]) in GAMES]
    drawn = laid_over(known)
    sentences = _reasons(pairs, known, families)
    wordings = drawn.filter(source="study")["formulation"].unique(maintain_order=True).to_list()
    wordings.sort(key=lambda wording: wording != "standard")  # what is published, first
    figures = [
        _overlay_figure(
            number,
            wording,
            drawn.filter(
                pl.col("formulation").eq_missing(wording) | (pl.col("source") == "published")
            ),
        )
        for number, wording in enumerate(wordings[:MAX_WORDINGS])
    ]
    if len(wordings) > MAX_WORDINGS:
        sentences.append(f"Not drawn, but in the table: {', '.join(wordings[MAX_WORDINGS:])}.")
    table, left_out = cut(_counterparts(drawn.filter(source="study").to_dicts()))
    return Beside(figures, table, left_out, sentences)


def laid_over(pairs: Sequence[Row]) -> pl.DataFrame:
    """The study's pairs with an r for both models, and the published points of the same families.

    Columns as in `published.points.OVERLAY`.
    """
    rows = overlay(pairs).filter(pl.col("r_base").is_not_null(), pl.col("r_aligned").is_not_null())
    own = rows.filter(source="study")["games"].unique()
    return rows.filter(pl.col("games").is_in(own.implode()))


def _reasons(pairs: Sequence[Row], known: Sequence[Row], families: Sequence[str]) -> list[str]:
    if not pairs:
        return [
            "The study has no pair of a base and an aligned model, so there is nothing to compare "
            "with "
            "the published pairs."
        ]
    sentences = []
    other = [name for name in families if PUBLISHED_NAME.get(name, name) not in GAMES]
    if other:
        names = ", ".join(map(family_name, other))
        published = ", ".join(map(games_name, GAMES))
        sentences.append(f"Not among the published families ({published}): {names}.")
    for family in dict.fromkeys(row["family"] for row in known):
        rows = [row for row in known if row["family"] == family]
        without = [row for row in rows if None in (row["r_base"], row["r_aligned"])]
        if without:
            reasons = Counter(row["why"] or row["note"] or "no reason given" for row in without)
            why = "; ".join(reason for reason, _ in reasons.most_common(3))
            sentences.append(
                f"{family_name(family).capitalize()}: {len(without)} of {len(rows)} comparisons "
                f"have no r for both models of the pair ({why})."
            )
    return sentences


def _overlay_figure(number: int, wording: str | None, rows: pl.DataFrame) -> Figure:
    alt = altair()
    values = [_point(row) for row in rows.iter_rows(named=True)]
    own = [value for value in values if value["source"] == "study"]
    order = [games_name(games) for games in GAMES]
    families = sorted({value["family"] for value in values}, key=order.index)
    low, high = ends(value[side] for value in values for side in ("base", "aligned"))
    modes = list(dict.fromkeys(value["mode"] for value in own))
    axes = axes_of_r(alt, low, high)
    grey = (
        alt.Chart()
        .transform_filter("datum.source == 'published'")
        .mark_circle(size=18, color=GREY, opacity=0.55, aria=False)
        .encode(**axes)
    )
    marked = (
        alt.Chart()
        .transform_filter("datum.source == 'study'")
        .mark_point(size=90, filled=True, color=BLUE, opacity=0.9, stroke="currentColor")
        .encode(
            **axes,
            description="name:N",
            shape=alt.Shape(
                "mode:N",
                title="this study",
                scale=alt.Scale(domain=modes, range=[_SHAPES.get(mode, "cross") for mode in modes]),
                legend=alt.Legend(orient="bottom", symbolFillColor=BLUE, symbolStrokeColor=BLUE),
            ),
        )
    )
    layers = alt.layer(diagonal(alt, low, high), grey, marked, data=alt.Data(values=values))
    title = f"This study and the published pairs, {wording}"
    description = (
        f"{len(own)} point{'' if len(own) == 1 else 's'} of this study, one per pair, format and "
        f"family; the 120 published pairs in grey: {', '.join(families)}."
    )
    caption = (
        f"{wording}. Below the line the base model predicts people better. {description} The grey "
        "points are the printed ones of Shapira et al. (2026): native formats and their own "
        "decisions. If this study has other or fewer decisions, the two are not comparable "
        "one to one."
    )
    drawing = svg(by_family(alt, layers, families), f"overlay-{number}", title, description)
    return Figure(title, caption, drawing)


def _point(row: Row) -> dict[str, Any]:
    words = counterpart_name(row["base"], row["aligned"], row["r_base"], row["r_aligned"])
    return {
        "source": row["source"],
        "family": games_name(row["games"]),
        "mode": row["mode"] or "",
        "base": row["r_base"],
        "aligned": row["r_aligned"],
        "name": ", ".join(filter(None, (words, row["mode"]))),
    }


def _counterparts(rows: Sequence[Row]) -> Table:
    names = {
        pair.number: f"{pair.base}, {pair.aligned} (no. {pair.number})" for pair in catalogue()
    }
    sections: dict[str, list[list[str]]] = {}
    for row in rows:
        heading = f"{row['base']} against {row['aligned']} · {row['mode']} · {row['formulation']}"
        same = row["mode"] == "native" and row["formulation"] == "standard"
        beside = names.get(row["number"], "none: these two models are not a published pair")
        sections.setdefault(heading, []).append(
            [
                games_name(row["games"]),
                decimal(row["r_base"]),
                decimal(row["published_r_base"]),
                decimal(row["r_aligned"]),
                decimal(row["published_r_aligned"]),
                beside if same or row["number"] is None else f"{beside}, native and standard",
            ]
        )
    return Table(
        "counterparts",
        "The same pairs as published",
        "",
        [
            Column("Family"),
            Column("r base", True),
            Column("Published", True),
            Column("r aligned", True),
            Column("Published", True),
            Column("Published pair"),
        ],
        [Section(heading, lines) for heading, lines in sections.items()],
        "",
    )


def cloud_figure() -> Figure:
    """The 120 published pairs in every family of games. Raises MissingExtra as above."""
    alt = altair()
    pairs = {pair.number: pair for pair in catalogue()}
    counted = {(entry.number, entry.games) for entry in entries() if kept(entry)}
    values = []
    for row in cloud().iter_rows(named=True):
        pair = pairs[row["number"]]
        values.append(
            {
                "family": games_name(row["games"]),
                "base": row["r_base"],
                "aligned": row["r_aligned"],
                "counts": "kept" if (pair.number, row["games"]) in counted else "not counted",
                "name": counterpart_name(pair.base, pair.aligned, row["r_base"], row["r_aligned"]),
            }
        )
    low, high = ends(value[side] for value in values for side in ("base", "aligned"))
    dots = counterpart_dots(alt, low, high, 22)
    layers = alt.layer(diagonal(alt, low, high), dots, data=alt.Data(values=values))
    title = "r of base and r of aligned, the 120 published pairs"
    description = (
        f"{len(values)} points, one per pair and family; "
        f"{sum(v['counts'] == 'kept' for v in values)} are kept by the main filters "
        f"(mass at least {decimal(float(MASS))}, higher r at least {decimal(float(MIN_CORR))})."
    )
    caption = f"Below the line the base model predicts people better. {description}"
    drawing = svg(
        by_family(alt, layers, [games_name(games) for games in GAMES]), "cloud", title, description
    )
    return Figure(title, caption, drawing)
