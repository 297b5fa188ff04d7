"""The scatter plots of the page, as SVG that stands inside it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import polars as pl
from markupsafe import Markup, escape

from tremble.errors import MissingExtra
from tremble.report.layout import family_name
from tremble.stats import Analysis, outcomes, predictions
from tremble.stats.comparisons import family_order
from tremble.stats.predictions import RUN

BINS = 10
MAX_CHARTS = 24
_BLUE = "#4a7fc1"  # at least 3:1 on the page's white and on its dark ground


@dataclass(frozen=True, slots=True)
class Figure:
    """An SVG drawing with the sentence under it."""

    caption: str
    svg: Markup


def _altair() -> Any:
    try:
        import altair
        import vl_convert  # noqa: F401
    except ImportError:
        raise MissingExtra("the page", "report") from None
    return altair


def _svg(chart: Any, name: str, title: str, description: str) -> Markup:
    """The chart as an SVG with title and description, its own ids, and the page's text colour."""
    import vl_convert

    quiet = {"domainColor": "currentColor", "tickColor": "currentColor"}
    words = {"labelColor": "currentColor", "titleColor": "currentColor"}
    chart = (
        chart.configure(background="transparent", font="sans-serif")
        .configure_axis(**quiet, **words, gridColor="currentColor", gridOpacity=0.12)
        .configure_view(stroke="currentColor", strokeOpacity=0.3)
        .configure_header(**words, labelFontSize=12)
        .configure_legend(**words)
    )
    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    # Several drawings share the page: their ids must not meet. Inside HTML no namespace is needed.
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", svg)
    words_inside = (
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>'
    )
    start = f'<svg role="img" aria-labelledby="{name}-title {name}-desc"'
    svg = re.sub(r"^\s*<svg", start, svg, count=1)
    svg = re.sub(r"(<svg[^>]*>)", lambda m: m[1] + words_inside, svg, count=1)
    return Markup(svg)


def pair_figures(analysis: Analysis) -> list[Figure]:
    """Base r against aligned r, one drawing per mode and formulation, one panel per family.

    Raises MissingExtra without altair and vl-convert.
    """
    alt = _altair()
    drawn = [p for p in analysis.pairs if None not in (p["r_base"], p["r_aligned"])]
    figures = []
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
            }
            for p in here
        ]
        families = list(dict.fromkeys(v["family"] for v in values))
        both = [v[side] for v in values for side in ("base", "aligned")]
        low, high = math.floor(10 * min(0.0, *both)) / 10, math.ceil(10 * max(0.5, *both)) / 10
        scale = alt.Scale(domain=[low, high], nice=False, zero=False)
        dots = (
            alt.Chart()
            .mark_point(size=60, strokeWidth=1.5, color=_BLUE, filled=False, opacity=1)
            .encode(
                x=alt.X("base:Q", title="r of base", scale=scale),
                y=alt.Y("aligned:Q", title="r of aligned", scale=scale),
                shape=alt.Shape(
                    "counts:N",
                    title=None,
                    scale=alt.Scale(domain=["kept", "not counted"], range=["circle", "cross"]),
                    legend=alt.Legend(
                        orient="bottom", symbolStrokeColor=_BLUE, symbolFillColor="transparent"
                    ),
                ),
            )
        )
        layers = alt.layer(_diagonal(alt, low, high), dots, data=alt.Data(values=values))
        chart = _by_family(alt, layers, families)
        name = f"pairs-{number}"
        title = f"r of base against r of aligned, {mode}, {formulation}"
        wins = [sum(p["winner"] == side for p in here) for side in ("base", "aligned")]
        description = (
            f"{len(here)} points, one per pair and family; base has the higher r in {wins[0]}, "
            f"aligned in {wins[1]}; {kept} are kept by the filters."
        )
        caption = (
            f"{mode}, {formulation}. Below the line the base model predicts people better, above "
            f"it the aligned one. {description}"
        )
        figures.append(Figure(caption, _svg(chart, name, title, description)))
    return figures


def _by_family(alt: Any, layers: Any, families: list[str]) -> Any:
    """The same small square plot for every family, three in a row, each with its own axes."""
    return (
        layers.properties(width=170, height=170)
        .facet(
            facet=alt.Facet("family:N", title=None, sort=families),
            columns=3,
            bounds="flush",
            spacing={"row": 75, "column": 55},
        )
        .resolve_axis(x="independent", y="independent")
    )


def _diagonal(alt: Any, low: float, high: float) -> Any:
    """The line of equality. It brings its own two points, which no facet splits."""
    return (
        alt.Chart()
        .transform_calculate(low=str(low), high=str(high))
        .mark_rule(color="currentColor", strokeDash=[4, 3], opacity=0.6, strokeWidth=1)
        .transform_aggregate(low="min(low)", high="max(high)", groupby=["family"])
        .encode(x="low:Q", y="low:Q", x2="high:Q", y2="high:Q")
    )


def binned(scores: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Ten bins of the prediction, per run (model, format, formulation) and family.

    Columns besides: bin (0 to 9, a prediction of 1 is in the last), points (how many), and the
    means of `prediction` and `outcome` over them.
    """
    return (
        predictions(scores, decisions)
        .join(outcomes(decisions), on=["decision", "key"])
        .with_columns(
            bin=(pl.col("prediction") * BINS).floor().clip(0, BINS - 1).cast(pl.Int32),
        )
        .group_by(*RUN, "family", "bin", maintain_order=True)
        .agg(pl.col("prediction").mean(), pl.col("outcome").mean(), points=pl.len())
    )


def outcome_figures(scores: pl.DataFrame, decisions: pl.DataFrame) -> tuple[list[Figure], int]:
    """What people did against what was predicted, one drawing per run, one panel per family.

    Returns the figures and the number of runs that were left out (above 24 drawings a page is
    slow to open). Raises MissingExtra without altair and vl-convert.
    """
    alt = _altair()
    table = binned(scores, decisions)
    order = {family: i for i, family in enumerate(family_order(decisions["family"]))}
    groups = list(table.partition_by(RUN, maintain_order=True))
    figures = []
    unit = alt.Scale(domain=[0, 1])
    for number, group in enumerate(groups[:MAX_CHARTS]):
        rows = sorted(group.iter_rows(named=True), key=lambda r: (order[r["family"]], r["bin"]))
        values = [{**row, "family": family_name(row["family"])} for row in rows]
        families = list(dict.fromkeys(v["family"] for v in values))
        sizes = sorted({f(v["points"] for v in values) for f in (min, max)})
        dots = (
            alt.Chart()
            .mark_circle(color=_BLUE, opacity=0.85)
            .encode(
                x=alt.X("prediction:Q", title="predicted share", scale=unit),
                y=alt.Y("outcome:Q", title="share of people", scale=unit),
                size=alt.Size(
                    "points:Q",
                    title="decisions",
                    scale=alt.Scale(range=[15, 400], zero=True),
                    legend=alt.Legend(
                        orient="bottom",
                        symbolFillColor=_BLUE,
                        symbolStrokeColor=_BLUE,
                        values=sizes,
                    ),
                ),
            )
        )
        layers = alt.layer(_diagonal(alt, 0, 1), dots, data=alt.Data(values=values))
        chart = _by_family(alt, layers, families)
        run = " · ".join(str(rows[0][name]) for name in RUN)
        description = (
            f"{sum(v['points'] for v in values):,} points in ten bins of the prediction, for "
            f"{', '.join(families)}; the larger the dot, the more decisions."
        )
        figures.append(
            Figure(
                f"{run}. On the line, as many people did it as the model predicts. {description}",
                _svg(chart, f"outcomes-{number}", f"Prediction and choice, {run}", description),
            )
        )
    return figures, max(0, len(groups) - MAX_CHARTS)
