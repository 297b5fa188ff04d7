"""The scatter plots of a study: as charts of altair, and as SVG that stands inside the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tremble.report.page.drawing import (
    BLUE,
    MAX_CHARTS,
    Figure,
    altair,
    by_family,
    counterpart_dots,
    counterpart_name,
    diagonal,
    ends,
    svg,
)
from tremble.report.tables.table import family_name
from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN
from tremble.stats.tables.analysis import Analysis
from tremble.text import counted

BINS = 10


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of altair's (`chart`) under a short name, with a title, a description for those who
    cannot see it, and the sentence that stands under it."""

    name: str
    title: str
    description: str
    caption: str
    chart: Any

    def figure(self) -> Figure:
        """The chart as SVG."""
        drawing = svg(self.chart, self.name, self.title, self.description)
        return Figure(self.title, self.caption, drawing)


def drawn(charts: Sequence[Chart]) -> list[Figure]:
    """Charts as SVG."""
    return [chart.figure() for chart in charts]


def pair_charts(analysis: Analysis) -> list[Chart]:
    """Base r against aligned r, one drawing per mode and formulation, one panel per family.

    Raises MissingExtra without altair and vl-convert.
    """
    alt = altair()
    drawn = [p for p in analysis.pairs if None not in (p["r_base"], p["r_aligned"])]
    charts = []
    groups = dict.fromkeys((p["mode"], p["formulation"]) for p in drawn)
    for number, (mode, formulation) in enumerate(list(groups)[:MAX_CHARTS]):
        here = [p for p in drawn if (p["mode"], p["formulation"]) == (mode, formulation)]
        kept = sum(p["kept"] for p in here)
        values = [
            {
                "base": p["r_base"],
                "aligned": p["r_aligned"],
                "family": family_name(p["family"]),
                "counts": "kept" if p["kept"] else "not counted",
                "name": counterpart_name(p["base"], p["aligned"], p["r_base"], p["r_aligned"]),
            }
            for p in here
        ]
        families = list(dict.fromkeys(v["family"] for v in values))
        low, high = ends(v[side] for v in values for side in ("base", "aligned"))
        dots = counterpart_dots(alt, low, high, 60)
        layers = alt.layer(diagonal(alt, low, high), dots, data=alt.Data(values=values))
        chart = by_family(alt, layers, families)
        name = f"pairs-{number}"
        title = f"r of base and r of aligned, {mode}, {formulation}"
        wins = [sum(p["winner"] == side for p in here) for side in ("base", "aligned")]
        description = (
            f"{counted(len(here), 'point')}, one per pair and family; base has the higher r in "
            f"{wins[0]}, aligned in {wins[1]}; {kept} are kept by the filters."
        )
        caption = (
            f"{mode}, {formulation}. Below the line the base model predicts people better, above "
            f"it the aligned one. {description}"
        )
        charts.append(Chart(name, title, description, caption, chart))
    return charts


def binned(evidence: Evidence) -> pl.DataFrame:
    """Ten bins of the prediction, per run (model, format, formulation) and family.

    Columns besides: bin (0 to 9, a prediction of 1 is in the last), points (how many), and the
    means of `prediction` and `outcome` over them.
    """
    return (
        evidence.predictions.join(evidence.outcomes, on=["decision", "key"])
        .with_columns(
            bin=(pl.col("prediction") * BINS).floor().clip(0, BINS - 1).cast(pl.Int32),
        )
        .group_by(*RUN, "family", "bin", maintain_order=True)
        .agg(pl.col("prediction").mean(), pl.col("outcome").mean(), points=pl.len())
    )


def outcome_charts(evidence: Evidence) -> tuple[list[Chart], int]:
    """What people did against what was predicted, one drawing per run, one panel per family.

    Returns the charts and the number of runs that were left out (above 24 drawings a page is
    slow to open). Raises MissingExtra without altair and vl-convert.
    """
    alt = altair()
    table = binned(evidence)
    order = {family: i for i, family in enumerate(family_order(evidence.decisions["family"]))}
    groups = list(table.partition_by(RUN, maintain_order=True))
    charts = []
    unit = alt.Scale(domain=[0, 1])
    for number, group in enumerate(groups[:MAX_CHARTS]):
        rows = sorted(group.iter_rows(named=True), key=lambda r: (order[r["family"]], r["bin"]))
        values = [{**row, "family": family_name(row["family"])} for row in rows]
        families = list(dict.fromkeys(v["family"] for v in values))
        sizes = sorted({f(v["points"] for v in values) for f in (min, max)})
        dots = (
            alt.Chart()
            .mark_circle(color=BLUE, opacity=0.85)
            .encode(
                x=alt.X("prediction:Q", title="predicted share", scale=unit),
                y=alt.Y("outcome:Q", title="share of people", scale=unit),
                size=alt.Size(
                    "points:Q",
                    title="decisions",
                    scale=alt.Scale(range=[15, 400], zero=True),
                    legend=alt.Legend(
                        orient="bottom",
                        symbolFillColor=BLUE,
                        symbolStrokeColor=BLUE,
                        values=sizes,
                    ),
                ),
            )
        )
        layers = alt.layer(diagonal(alt, 0, 1), dots, data=alt.Data(values=values))
        chart = by_family(alt, layers, families)
        run = " · ".join(str(rows[0][name]) for name in RUN)
        description = (
            f"{sum(v['points'] for v in values):,} points in ten bins of the prediction, for "
            f"{', '.join(families)}; the larger the dot, the more decisions."
        )
        title = f"Prediction and choice, {run}"
        caption = f"{run}. On the line, people chose as often as the model predicts. {description}"
        charts.append(Chart(f"outcomes-{number}", title, description, caption, chart))
    return charts, max(0, len(groups) - MAX_CHARTS)
