"""A study laid over the published cloud."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from tests.support.counterparts import people
from tests.support.pages import HOSTILE, parsed, places, printed, words
from tremble.published.pairs import catalogue
from tremble.report.page.cloud import beside_published
from tremble.report.page.study import study_page
from tremble.stats.tables.analysis import analyze

pytestmark = pytest.mark.slow

pytest.importorskip("vl_convert")


def pair(
    base: str, aligned: str, family: str, r: tuple[float | None, ...], **more: Any
) -> dict[str, Any]:
    return {
        "base": base,
        "aligned": aligned,
        "family": family,
        "mode": "native",
        "formulation": "standard",
        "r_base": r[0],
        "r_aligned": r[1],
        "mass_base": 0.9,
        "mass_aligned": 0.9,
        "why": None,
        "note": None,
        **more,
    }


PAIRS = [
    pair("google/gemma-2b", "google/gemma-2b-it", "repeated_matrix", (0.41, 0.12)),
    pair("mine/base", f"mine/{HOSTILE}", "repeated_matrix", (-0.2, 0.33), mode="plain"),
    pair(
        "google/gemma-2b",
        "google/gemma-2b-it",
        "persuasion",
        (None, None),
        why="all choices are yes",
    ),
    pair("google/gemma-2b", "google/gemma-2b-it", "dialogue", (0.4, 0.3)),
]


@pytest.mark.slow
def test_points_are_the_study_s_r_over_the_printed_ones() -> None:
    found = beside_published(PAIRS, ["repeated_matrix", "persuasion", "dialogue"])
    (figure,) = found.figures
    svg = str(figure.svg)
    cells = [[int(x) for x in row["matrix"].split()] for row in printed()]
    r = [(base / 100, aligned / 100) for _, _, base, aligned in cells]
    grey, own = places(svg, 'fill="#888b93"'), places(svg, "aria-label=")
    assert (len(grey), len(own)) == (120, 2)
    r += [(0.41, 0.12), (-0.2, 0.33)]
    # One scale for all points and both axes: pixels are a straight line of r, upwards on y.
    (x0, y0), (x1, _) = grey[0], max(grey)
    per = (x1 - x0) / (max(r[:120])[0] - r[0][0])
    for (x, y), (base, aligned) in zip([*grey, *own], r, strict=True):
        assert x - x0 == pytest.approx(per * (base - r[0][0]), abs=0.05)
        assert y0 - y == pytest.approx(per * (aligned - r[0][1]), abs=0.05)
    titles = [words(t) for t in ElementTree.fromstring(svg).iter("title")]
    assert "google/gemma-2b .41, google/gemma-2b-it .12, native" in titles
    assert f"mine/base -.20, mine/{HOSTILE} .33, plain" in titles


def test_counterparts_stand_beside_their_printed_r() -> None:
    found = beside_published(PAIRS, ["repeated_matrix", "persuasion", "dialogue"])
    first, second = found.counterparts.sections
    (number,) = [one.number for one in catalogue() if one.base == "gemma-2b"]
    (row,) = [row for row in printed() if int(row["number"]) == number]
    base, aligned = (int(x) / 100 for x in row["matrix"].split()[2:])
    (cells,) = first.rows
    assert cells[:1] + cells[1:4:2] == ["repeated matrix", ".41", ".12"]
    assert [float(cells[2]), float(cells[4])] == [base, aligned]
    assert cells[5] == f"gemma-2b, gemma-2b-it (no. {number})"
    assert second.rows[0][2:6:2] == ["–", "–"]
    assert second.rows[0][5] == "none: these two models are not a published pair"
    assert found.sentences == [
        "Not among the published families (bargaining, persuasion, negotiation, repeated matrix, "
        "one-shot matrix, lottery): dialogue.",
        "Persuasion: 1 of 1 comparisons have no r for both models of the pair "
        "(all choices are yes).",
    ]


def test_why_nothing_is_laid_over_is_said() -> None:
    alone = beside_published([], ["lottery"])
    assert alone.figures == []
    assert "no pair of a base and an aligned model" in alone.sentences[0]
    other = beside_published(PAIRS[3:], ["dialogue"])
    assert (other.figures, len(other.sentences)) == ([], 1)
    scores, decisions = people(10, 3)
    text = study_page(analyze(scores, decisions), scores, "Alone")
    assert alone.sentences[0] in words(parsed(text))


@pytest.mark.slow
def test_wordings_have_a_drawing_each_the_published_one_first() -> None:
    rows = [{**PAIRS[0], "formulation": name} for name in ("b", "c", "d", "standard", "e", "f")]
    found = beside_published(rows, ["repeated_matrix"])
    drawn = [figure.title.rpartition(", ")[2] for figure in found.figures]
    assert drawn == ["standard", "b", "c", "d"]
    assert found.sentences == ["Not drawn, but in the table: e, f."]
    assert len(found.counterparts.sections) == 6
    assert all(len(places(str(f.svg), "aria-label=")) == 1 for f in found.figures)
