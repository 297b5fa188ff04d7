"""Drawings as SVG that stands inside a page, and the small square plots they are made of."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from tremble.errors import MissingExtra
from tremble.text import decimal

MAX_CHARTS = 24
BLUE = "#4a7fc1"  # at least 3:1 on the page's white and on its dark ground
GREY = "#888b93"


@dataclass(frozen=True, slots=True)
class Figure:
    """An SVG drawing, its name and the sentence under it."""

    title: str
    caption: str
    svg: Markup


def altair() -> Any:
    try:
        import altair
        import vl_convert  # noqa: F401
    except ImportError:
        raise MissingExtra("the page", "report") from None
    return altair


def svg(chart: Any, name: str, title: str, description: str) -> Markup:
    """The chart as an SVG with title and description, its own ids, and the page's text colour.

    What a mark is described as shows when it is pointed at.
    """
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
    drawn = vl_convert.vegalite_to_svg(chart.to_dict())
    # Several drawings share the page: their ids must not meet. Inside HTML no namespace is needed.
    drawn = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', drawn)
    drawn = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", drawn)
    drawn = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", drawn)
    drawn = re.sub(r"<path aria-label=\"([^\"]*)\"([^>]*)/>", _pointed, drawn)
    words_inside = (
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>'
    )
    start = f'<svg role="img" aria-labelledby="{name}-title {name}-desc"'
    drawn = re.sub(r"^\s*<svg", start, drawn, count=1)
    drawn = re.sub(r"(<svg[^>]*>)", lambda m: m[1] + words_inside, drawn, count=1)
    return Markup(drawn)


def _pointed(mark: re.Match[str]) -> str:
    """The mark with its label as a title inside, which a browser shows beside the pointer."""
    words = escape(html.unescape(mark[1]))
    return f'<path aria-label="{words}"{mark[2]}><title>{words}</title></path>'


def ends(values: Iterable[float]) -> tuple[float, float]:
    """The axis that holds all of these r, and 0 to .5 in any case, in whole tenths."""
    known = list(values)
    return math.floor(10 * min(0.0, *known)) / 10, math.ceil(10 * max(0.5, *known)) / 10


def by_family(alt: Any, layers: Any, families: list[str]) -> Any:
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


def diagonal(alt: Any, low: float, high: float) -> Any:
    """The line of equality. It brings its own two points, which no facet splits."""
    return (
        alt.Chart()
        .transform_calculate(low=str(low), high=str(high))
        .mark_rule(color="currentColor", strokeDash=[4, 3], opacity=0.6, strokeWidth=1)
        .transform_aggregate(low="min(low)", high="max(high)", groupby=["family"])
        .encode(x="low:Q", y="low:Q", x2="high:Q", y2="high:Q")
    )


def axes_of_r(alt: Any, low: float, high: float) -> dict[str, Any]:
    """r of base to the right, r of aligned upwards, on one scale."""
    scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    return {
        "x": alt.X("base:Q", title="r of base", scale=scale),
        "y": alt.Y("aligned:Q", title="r of aligned", scale=scale),
    }


def counterpart_dots(alt: Any, low: float, high: float, size: int) -> Any:
    """A point per pair, by `name`; its shape says whether the filters keep it (`counts`)."""
    return (
        alt.Chart()
        .mark_point(size=size, strokeWidth=1.5, color=BLUE, filled=False, opacity=1)
        .encode(
            **axes_of_r(alt, low, high),
            description="name:N",
            shape=alt.Shape(
                "counts:N",
                title=None,
                scale=alt.Scale(domain=["kept", "not counted"], range=["circle", "cross"]),
                legend=alt.Legend(
                    orient="bottom", symbolStrokeColor=BLUE, symbolFillColor="transparent"
                ),
            ),
        )
    )


def counterpart_name(base: str, aligned: str, r_base: float, r_aligned: float) -> str:
    """What the point of a pair says when it is pointed at."""
    return f"{base} {decimal(r_base)}, {aligned} {decimal(r_aligned)}"
